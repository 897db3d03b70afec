import CartDomain
import Messages

/// Reads commands that clients write, naming what is wrong.
struct CommandInput {
    private let command: any RegisteredCommand

    init(_ command: any RegisteredCommand) { self.command = command }

    /// The fields that clients may write.
    var fields: [CommandField] {
        command.fields.filter { !command.specification.logOnly.contains($0.name) }
    }

    /// The command that an object says.
    ///
    /// - Parameters:
    ///   - known: values that come from elsewhere.
    ///   - required: fields that have to be there although the command can do without.
    ///   - envelope: names that are passed over.
    func command(
        _ json: [JSONValue.Field], known: FieldValues = FieldValues(), requires: Set<String> = [],
        envelope: Set<String> = []
    ) throws(Problem) -> any CartCommand {
        var values = try Self.values(
            json, of: fields.filter { known[$0.name] == nil }, requires: requires,
            envelope: envelope)
        for name in known.names { values[name] = known[name] }
        do {
            return try command.command(values)
        } catch {
            throw Problem(error)
        }
    }

    static func values(
        _ json: [JSONValue.Field], of fields: [CommandField], requires: Set<String>,
        envelope: Set<String>
    ) throws(Problem) -> FieldValues {
        do throws(FieldProblem) {
            let values = try FieldValues(json, as: fields, envelope: envelope)
            for name in requires.sorted() where values[name] == nil {
                throw FieldProblem(name, .missing)
            }
            return values
        } catch {
            throw Problem(error)
        }
    }

    /// The values that stand in a path.
    func values(
        inPath texts: [String], of route: CommandRoute
    ) throws(Problem) -> FieldValues {
        var values = FieldValues()
        for (name, value) in route.fixed { values[name] = value }
        for (name, text) in zip(route.pathFields, texts) {
            guard let field = command.fields.first(where: { $0.name == name || $0.alias == name })
            else { preconditionFailure("the route of a command names no field of it: \(name)") }
            do {
                values[field.name] = try FieldValue(text: text, as: field.kind, name: name)
            } catch {
                throw InputRules.invalid(.parameter(name), error.reason)
            }
        }
        return values
    }
}

extension Problem {
    /// A field of a client's object that is missing, unknown or wrong.
    init(_ problem: FieldProblem) {
        let slug: Slug =
            switch problem.kind {
            case .missing: .missingField
            case .unknown: .unknownField
            case .invalid: .invalidField
            }
        self.init(
            slug, "the field \"\(problem.field)\" \(problem.reason)", at: .field(problem.field))
    }

    /// A text that is not the JSON that is expected.
    init(_ error: JSONError) {
        self.init(.invalidJSON, "the text is not the JSON expected, \(error)")
    }
}
