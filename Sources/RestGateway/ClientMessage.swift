import CartDomain
import Messages

/// What a websocket client asks after its first request: a command, or how the cart stands.
struct ClientMessage: Equatable {
    /// Why a message was not understood, and the request it spoke of, if that could be read.
    struct Refusal: Error, Equatable {
        var requestID: RequestID?
        var problem: Problem
    }

    /// The fields that any message may have besides its command's.
    static let envelope = [
        CommandField("action", .anyText, "What is asked: a command, or `check`."),
        CommandField(
            "requestID", .text(lengthMax: RequestID.lengthMax), isRequired: false,
            "The request's identity; a repeated request gets its first outcome."),
        CommandField(
            "ifVersion", .integer(0...Int.max), isRequired: false,
            "The version that the cart has to have."),
    ]

    var requestID: RequestID?
    var ifVersion: Int?
    var action: CartRequest.Action

    init(_ bytes: [UInt8]) throws(Refusal) {
        let json: [JSONValue.Field]
        do {
            json = try JSONValue.fields(of: bytes)
        } catch {
            throw Refusal(requestID: Self.requestID(inSoundPartOf: bytes), problem: Problem(error))
        }
        if case .string(let text)? = json.first(where: { $0.name == "requestID" })?.value {
            requestID = RequestID(text)
        }
        do throws(Problem) {
            (action, ifVersion) = try Self.read(json)
        } catch {
            throw Refusal(requestID: requestID, problem: error)
        }
    }

    private static func read(
        _ json: [JSONValue.Field]
    ) throws(Problem) -> (CartRequest.Action, Int?) {
        let values: FieldValues
        do {
            values = try FieldValues(json, as: envelope, envelope: nil)
        } catch {
            throw Problem(error)
        }
        if case .text(let text)? = values["requestID"] {
            _ = try InputRules.requestID(text, at: .field("requestID"))
        }
        var ifVersion: Int?
        if case .integer(let version)? = values["ifVersion"] { ifVersion = version }
        guard case .text(let name)? = values["action"] else {
            throw Problem(FieldProblem("action", .missing))
        }
        if name == "check" {
            // A check may name a product, as the first request of a websocket does.
            _ = try CommandInput.values(json, of: checked, requires: [], envelope: envelopeNames)
            return (.check, nil)
        }
        guard let command = CommandRegistry.command(named: name) else {
            let names = CommandRegistry.commands.map(\.specification.name).joined(separator: ", ")
            throw InputRules.invalid(.field("action"), "is not check or one of \(names)")
        }
        let input = CommandInput(command)
        return (.command(try input.command(json, envelope: envelopeNames)), ifVersion)
    }

    /// The request ID of a text that is no JSON from some byte on.
    private static func requestID(inSoundPartOf bytes: [UInt8]) -> RequestID? {
        var reader = JSONReader(bytes)
        guard (try? reader.beginObject()) != nil else { return nil }
        var requestID: RequestID?
        while let key = try? reader.nextKey() {
            if key == "requestID", let text = try? reader.string() {
                requestID = RequestID(text)
            } else if (try? reader.skipValue()) == nil {
                break
            }
        }
        return requestID
    }

    private static let envelopeNames = Set(envelope.map(\.name))

    private static let checked = [
        CommandField("productCode", .productCode, isRequired: false, ""),
        CommandField("quantity", .quantity, isRequired: false, ""),
    ]
}
