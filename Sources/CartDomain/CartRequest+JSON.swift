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
        CommandField("requestID", .text(lengthMax: RequestID.lengthMaxOfPart), ""),
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
        let requestID = try values.required("requestID", \.requestID)
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
