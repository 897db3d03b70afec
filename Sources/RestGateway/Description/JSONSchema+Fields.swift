import CartDomain
import Messages

/// Schemas of what the registry of commands describes by fields.
extension JSONSchema {
    /// Who writes an object.
    enum Writer {
        /// Clients: any name of a field will do, and no field but these.
        case client
        /// The suite itself: fields have their own names, and there may be others.
        case suite
    }

    /// An object of these fields.
    ///
    /// - Parameters:
    ///   - required: fields that have to be there although ``CommandField/isRequired`` does not say so.
    ///   - envelope: what stands before them.
    static func object(
        of fields: [CommandField], by writer: Writer, requiring required: Set<String> = [],
        after envelope: [Field] = []
    ) -> JSONSchema {
        var properties = envelope
        var choices: [JSONValue] = []
        for field in fields {
            let schema = value(of: field.kind, by: writer)
                .described(field.summary)
            let isRequired = field.isRequired || required.contains(field.name)
            guard let alias = field.alias, writer == .client else {
                properties.append(
                    isRequired ? .required(field.name, schema) : .optional(field.name, schema))
                continue
            }
            properties.append(.optional(field.name, schema))
            properties.append(
                .optional(
                    alias,
                    value(of: field.kind, by: writer)
                        .described("Another name of `\(field.name)`.")))
            choices.append(choice(field.name, alias, isRequired))
        }
        let object = object(properties, isClosed: writer == .client)
        return choices.isEmpty ? object : object.adding(.init("allOf", .array(choices)))
    }

    /// One of two names, or none if the field may be missing.
    private static func choice(_ name: String, _ alias: String, _ isRequired: Bool) -> JSONValue {
        let names: [JSONValue] = [.string(name), .string(alias)]
        return isRequired
            ? ["oneOf": .array(names.map { ["required": .array([$0])] })]
            : ["not": ["required": .array(names)]]
    }

    /// What a field of that kind may hold.
    static func value(of kind: CommandField.Kind, by writer: Writer) -> JSONSchema {
        switch kind {
        case .productCode: .component(.productCode)
        case .cartID: .component(.cartID)
        case .userID: .component(.userID)
        case .lineID: .component(.lineID)
        case .storeID: .component(.storeID)
        case .country: .component(.country)
        case .currency: .component(.currency)
        case .integer(let limits): .integer(in: limits)
        case .text(let lengthMax):
            // No control characters: C0, DEL and C1.
            .string(length: 1...lengthMax, pattern: #"^[^\u0000-\u001f\u007f-\u009f]+$"#)
        case .anyText: .string()
        case .list(let element, let countMax):
            .array(
                of: value(of: element, by: writer),
                count: countMax == .max ? nil : 0...countMax)
        case .object(let fields): .object(of: fields, by: writer)
        }
    }
}

extension CommandField {
    /// A property of what the suite writes.
    func property(isRequired: Bool) -> JSONSchema.Field {
        let schema = JSONSchema.value(of: kind, by: .suite).described(summary)
        return isRequired ? .required(name, schema) : .optional(name, schema)
    }
}
