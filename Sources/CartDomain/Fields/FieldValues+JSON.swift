package import Messages

extension FieldValues {
    /// Reads the values that are valid for their fields.
    ///
    /// - Parameters:
    ///   - json: the fields of an object.
    ///   - fields: those that are described.
    ///   - envelope: names that are passed over; `nil` passes over all that are not described.
    /// - Throws: the first problem.
    package init(
        _ json: [JSONValue.Field], as fields: [CommandField], envelope: Set<String>?
    ) throws(FieldProblem) {
        self.init(capacity: min(json.count, fields.count))
        for entry in json {
            guard
                let field = fields.first(where: {
                    $0.name == entry.name || $0.alias == entry.name
                })
            else {
                if envelope?.contains(entry.name) ?? true { continue }
                throw FieldProblem(entry.name, .unknown)
            }
            if self[field.name] != nil {
                throw FieldProblem(entry.name, .invalid("is another name of a field that is given"))
            }
            self[field.name] = try FieldValue(
                entry.value, as: field.kind, name: entry.name, isStrict: envelope != nil)
        }
        for field in fields where field.isRequired && self[field.name] == nil {
            throw FieldProblem(field.name, .missing)
        }
    }

    /// Writes the values in the order of their fields.
    package func encode(_ fields: [CommandField], to json: inout JSONWriter) {
        for field in fields {
            guard let value = self[field.name] else { continue }
            json.key(name: field.name)
            value.encode(field.kind, to: &json)
        }
    }
}

extension FieldValue {
    /// Takes a value that is valid for the kind of its field.
    package init(
        _ json: JSONValue, as kind: CommandField.Kind, name: String, isStrict: Bool
    ) throws(FieldProblem) {
        func invalid(_ reason: String) -> FieldProblem { FieldProblem(name, .invalid(reason)) }
        switch (kind, json) {
        case (.integer(let limits), .number(let text)):
            guard let value = Int(text) else {
                throw invalid("is not a whole number that fits 64 bits")
            }
            self = .integer(try Self.checked(value, limits, name))
        case (.list(let element, let countMax), .array(let elements)):
            guard elements.count <= countMax else {
                throw invalid("has more than \(countMax) values")
            }
            var values: [FieldValue] = []
            for (index, value) in elements.enumerated() {
                values.append(
                    try FieldValue(
                        value, as: element, name: "\(name)[\(index)]", isStrict: isStrict))
            }
            self = .list(values)
        case (.object(let fields), .object(let json)):
            do {
                self = .object(
                    try FieldValues(json, as: fields, envelope: isStrict ? [] : nil))
            } catch {
                throw error.inside(name)
            }
        case (_, .string(let text)) where kind.isText:
            self = try FieldValue(text: text, as: kind, name: name)
        default:
            throw invalid("is not \(kind.jsonKind)")
        }
    }

    /// Takes a text of a path or a query.
    package init(
        text: String, as kind: CommandField.Kind, name: String
    ) throws(FieldProblem) {
        if case .integer(let limits) = kind {
            guard let value = WholeNumber.read(text) else {
                throw FieldProblem(name, .invalid("is not a whole number that fits 64 bits"))
            }
            self = .integer(try Self.checked(value, limits, name))
        } else if let reason = kind.objection(to: text) {
            throw FieldProblem(name, .invalid(reason))
        } else {
            self = .text(text)
        }
    }

    private static func checked(
        _ value: Int, _ limits: ClosedRange<Int>, _ name: String
    ) throws(FieldProblem) -> Int {
        if limits.contains(value) { return value }
        throw FieldProblem(
            name, .invalid("is not from \(limits.lowerBound) to \(limits.upperBound)"))
    }

    fileprivate func encode(_ kind: CommandField.Kind, to json: inout JSONWriter) {
        switch (self, kind) {
        case (.text(let text), _): json.string(text)
        case (.integer(let value), _): json.integer(value)
        case (.list(let values), .list(let element, _)):
            json.beginArray()
            for value in values { value.encode(element, to: &json) }
            json.endArray()
        case (.object(let values), .object(let fields)):
            json.object { values.encode(fields, to: &$0) }
        default: preconditionFailure("a value does not fit its field")
        }
    }
}

extension CommandField.Kind {
    fileprivate var isText: Bool {
        switch self {
        case .integer, .list, .object: false
        default: true
        }
    }

    fileprivate var jsonKind: String {
        switch self {
        case .integer: "a number"
        case .list: "an array"
        case .object: "an object"
        default: "a string"
        }
    }

    /// Why a text is not valid, as the end of a sentence; `nil` if it is.
    fileprivate func objection(to text: String) -> String? {
        switch self {
        case .productCode where ProductCode(text) == nil:
            "is not 1 to \(ProductCode.lengthMax) of the characters A-Z a-z 0-9 . _ -"
        case .cartID where CartID(text) == nil:
            "is not a UUID"
        case .userID where UserID(text) == nil:
            "is not 1 to \(UserID.lengthMax) visible ASCII characters"
        case .lineID where LineID(text) == nil:
            "is not a product code, or a product code and a store ID with an @ between them"
        case .storeID where StoreID(text) == nil:
            "is not 1 to \(StoreID.lengthMax) of the characters A-Z a-z 0-9 . _ -"
        case .country where Country(text) == nil:
            "is not two capital letters"
        case .currency where Currency(text) == nil:
            "is not three capital letters"
        case .text(let lengthMax) where !Self.isPlain(text, lengthMax: lengthMax):
            "is not 1 to \(lengthMax) characters without control characters"
        default: nil
        }
    }

    private static func isPlain(_ text: String, lengthMax: Int) -> Bool {
        let scalars = text.unicodeScalars
        return !scalars.isEmpty && scalars.count <= lengthMax
            && scalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }
}
