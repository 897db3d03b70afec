package import Messages

extension CartRequest {
    /// The names that the fields of no command may have.
    package static let envelope: Set<String> = [
        "type", "cartID", "requestID", "userID", "ifVersion",
    ]

    /// The message's value.
    package func encoded() -> [UInt8] {
        var json = JSONWriter(capacity: 256)
        json.object { json in
            json.field("type", action.name)
            json.field("cartID", cartID)
            json.field("requestID", requestID.text)
            json.field("userID", userID.text)
            if let ifVersion { json.field("ifVersion", ifVersion) }
            switch action {
            case .command(let command): command.base.encodeFields(to: &json)
            case .watch(let version): json.field("since", version)
            case .handOver(let cartID): json.field("to", cartID)
            case .handed(let items, let cartID):
                json.field("from", cartID)
                json.key("items")
                json.handed(items)
            case .check, .lookup: break
            }
        }
        return json.bytes
    }

    /// Reads a message's value; fields that are not known are passed over.
    ///
    /// - Throws: `MessageError` naming the field that is wrong.
    package init(
        decoding bytes: [UInt8], replyPartition: Int?, traceparent: String?
    ) throws(MessageError) {
        do {
            try self.init(try JSONValue.fields(of: bytes), replyPartition, traceparent)
        } catch {
            throw MessageError(error)
        }
    }

    private static let fields = [
        CommandField("type", .anyText, ""),
        CommandField("cartID", .cartID, ""),
        CommandField("requestID", .text(lengthMax: 101), ""),
        CommandField("userID", .userID, ""),
        CommandField("ifVersion", .integer(0...Int.max), isRequired: false, ""),
        CommandField("since", .integer(-1...Int.max), isRequired: false, ""),
        CommandField("to", .cartID, isRequired: false, ""),
        CommandField("from", .cartID, isRequired: false, ""),
    ]

    private init(
        _ json: [JSONValue.Field], _ replyPartition: Int?, _ traceparent: String?
    ) throws {
        let values = try FieldValues(json, as: Self.fields, envelope: nil)
        let requestID = try values.required("requestID") {
            $0.text.flatMap { RequestID(ofPart: $0) }
        }
        let type = try values.required("type", \.text)
        let action: Action
        switch type {
        case "check": action = .check
        case "lookup": action = .lookup
        case "watch": action = .watch(since: try values.required("since", \.integer))
        case "hand-over": action = .handOver(to: try values.required("to", \.cartID))
        case "handed":
            let items = json.first { $0.name == "items" }?.value
            action = .handed(
                try HandedItem.list(items ?? .null), from: try values.required("from", \.cartID))
        default:
            guard let command = CommandRegistry.command(named: type) else {
                throw MessageError.unknownType(type)
            }
            let fields = try FieldValues(json, as: command.fields, envelope: nil)
            action = .command(try command.command(fields))
        }
        if case .handOver = action {
        } else if requestID.whole != nil {
            throw FieldProblem("requestID", .invalid("is not well formed"))
        }
        self.init(
            cartID: try values.required("cartID", \.cartID), requestID: requestID,
            userID: try values.required("userID", \.userID), action: action,
            ifVersion: try values.optional("ifVersion", \.integer),
            replyPartition: replyPartition,
            traceparent: traceparent.flatMap { $0.utf8.count <= 128 ? $0 : nil })
    }
}

extension JSONWriter {
    /// Writes pieces that go to another cart as an array.
    package mutating func handed(_ items: [HandedItem]) {
        beginArray()
        for item in items {
            object { json in
                json.field("requestID", item.requestID.text)
                json.field("id", "\(item.line)")
                json.field("quantity", item.quantity)
                json.field("name", item.name)
                if let country = item.country { json.field("country", country.code) }
                item.price?.encodeFields(to: &json)
            }
        }
        endArray()
    }
}

extension HandedItem {
    /// Reads the array that ``JSONWriter/handed(_:)`` writes.
    package static func list(_ json: JSONValue) throws(FieldProblem) -> [HandedItem] {
        let list = CommandField.Kind.list(.object(fields), countMax: .max)
        guard
            case .list(let elements) = try FieldValue(
                json, as: list, name: "items", isStrict: false)
        else { return [] }
        var items: [HandedItem] = []
        for case .object(let values) in elements {
            items.append(
                HandedItem(
                    requestID: try values.required("requestID") {
                        $0.text.flatMap { RequestID(ofPart: $0) }
                    },
                    line: try values.required("id", \.lineID),
                    quantity: try values.required("quantity", \.integer),
                    name: try values.required("name", \.text),
                    country: try values.optional("country", \.country),
                    price: values["price"] == nil ? nil : try Price(values)))
        }
        return items
    }

    /// The fields of an item.
    package static let fields: [CommandField] =
        [
            CommandField("requestID", .text(lengthMax: 101), "The hold, by its request."),
            CommandField("id", .lineID, "The line."),
            CommandField("quantity", .quantity, "How many pieces."),
            CommandField("name", .anyText, "The product's name."),
            CommandField("country", .country, isRequired: false, "Where the pieces are to go."),
        ]
        + Price.fields.map {
            CommandField($0.name, $0.kind, isRequired: false, $0.summary)
        }
}

extension MessageError {
    /// What is wrong with a text that was read as JSON and then as fields.
    package init(_ error: any Error) {
        switch error {
        case let error as MessageError: self = error
        case let error as JSONError: self = .json(error)
        case let error as FieldProblem: self = .field(error.field, error.reason)
        default: self = .field("type", "\(error)")
        }
    }
}
