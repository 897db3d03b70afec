package import CartDomain
package import Messages

extension CartEvent {
    /// The event's name in the store and on `cart-event`.
    package var type: String {
        switch kind {
        case .addRequested: "add-requested"
        case .addConfirmed: "add-confirmed"
        case .addRefused: "add-refused"
        case .removed: "removed"
        case .rejected: "rejected"
        case .expired: "expired"
        case .shrunk: "shrunk"
        case .disowned: "disowned"
        }
    }

    /// The event as a JSON object.
    package func encoded(cartID: CartID) -> [UInt8] {
        var json = JSONWriter(capacity: 256)
        json.object { json in
            json.field("type", type)
            json.field("cartID", cartID)
            json.field("version", version)
            json.field("requestID", requestID.text)
            json.field("at", at.millis)
            switch kind {
            case .addRequested(let request):
                json.field("productCode", request.productCode.text)
                json.field("quantity", request.quantity)
                json.field("userID", request.userID.text)
                json.field("askUntil", request.askUntil.millis)
                if let partition = request.replyPartition { json.field("replyTo", partition) }
            case .addConfirmed(let name):
                json.field("name", name)
            case .addRefused(let reason, let available):
                json.field("reason", reason.rawValue)
                json.field("available", available)
            case .removed(let removal):
                json.field("productCode", removal.productCode.text)
                if let quantity = removal.quantity { json.field("quantity", quantity) }
                json.key("holds")
                json.reductions(removal.holds)
                json.key("pending")
                json.reductions(removal.pending)
            case .rejected(.add(let productCode, let quantity), let reason):
                json.field("action", "add")
                json.field("productCode", productCode.text)
                json.field("quantity", quantity)
                json.field("reason", reason.rawValue)
            case .rejected(.remove(let productCode, let quantity), let reason):
                json.field("action", "remove")
                json.field("productCode", productCode.text)
                if let quantity { json.field("quantity", quantity) }
                json.field("reason", reason.rawValue)
            case .expired:
                break
            case .shrunk(let quantity):
                json.field("quantity", quantity)
            case .disowned(let hold):
                json.field("productCode", hold.productCode.text)
                json.field("quantity", hold.quantity)
                json.field("userID", hold.userID.text)
            }
        }
        return json.bytes
    }

    /// Reads what ``encoded(cartID:)`` wrote.
    package init(decoding bytes: [UInt8]) throws(MessageError) {
        let fields: EventFields
        do {
            fields = try EventFields(bytes)
        } catch {
            throw .json(error)
        }
        self.init(
            version: try required(fields.version, "version"),
            requestID: try required(fields.requestID, "requestID"),
            at: Timestamp(millis: try required(fields.at, "at")), kind: try fields.kind())
    }
}

extension JSONWriter {
    fileprivate mutating func reductions(_ reductions: [Removal.Reduction]) {
        beginArray()
        for reduction in reductions {
            object { json in
                json.field("requestID", reduction.requestID.text)
                json.field("to", reduction.to)
            }
        }
        endArray()
    }
}

private func required<Value>(_ value: Value?, _ name: String) throws(MessageError) -> Value {
    guard let value else { throw .field(name, "is missing or not well formed") }
    return value
}

/// The fields that events are made of.
private struct EventFields {
    var type: String?
    var version: Int?
    var requestID: RequestID?
    var at: Int?
    var productCode: ProductCode?
    var quantity: Int?
    var userID: UserID?
    var askUntil: Int?
    var replyTo: Int?
    var name: String?
    var reason: RejectionReason?
    var available: Int?
    var action: String?
    var holds: [Removal.Reduction] = []
    var pending: [Removal.Reduction] = []

    init(_ bytes: [UInt8]) throws(JSONError) {
        var reader = JSONReader(bytes)
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "type": type = try reader.string()
            case "version": version = try reader.integer()
            case "requestID": requestID = RequestID(try reader.string())
            case "at": at = try reader.integer()
            case "productCode": productCode = ProductCode(try reader.string())
            case "quantity": quantity = try reader.integer()
            case "userID": userID = UserID(try reader.string())
            case "askUntil": askUntil = try reader.integer()
            case "replyTo": replyTo = try reader.integer()
            case "name": name = try reader.string()
            case "reason": reason = RejectionReason(rawValue: try reader.string())
            case "available": available = try reader.integer()
            case "action": action = try reader.string()
            case "holds": holds = try Self.reductions(&reader)
            case "pending": pending = try Self.reductions(&reader)
            default: try reader.skipValue()
            }
        }
        try reader.end()
    }

    func kind() throws(MessageError) -> CartEvent.Kind {
        switch try required(type, "type") {
        case "add-requested":
            return .addRequested(
                AddRequest(
                    productCode: try required(productCode, "productCode"),
                    quantity: try required(quantity, "quantity"),
                    userID: try required(userID, "userID"),
                    askUntil: Timestamp(millis: try required(askUntil, "askUntil")),
                    replyPartition: replyTo))
        case "add-confirmed":
            return .addConfirmed(name: try required(name, "name"))
        case "add-refused":
            return .addRefused(
                try required(reason, "reason"), available: try required(available, "available"))
        case "removed":
            return .removed(
                Removal(
                    productCode: try required(productCode, "productCode"), quantity: quantity,
                    holds: holds, pending: pending))
        case "rejected":
            let productCode = try required(productCode, "productCode")
            let body: RequestBody =
                try required(action, "action") == "add"
                ? .add(productCode, quantity: try required(quantity, "quantity"))
                : .remove(productCode, quantity: quantity)
            return .rejected(body, try required(reason, "reason"))
        case "expired":
            return .expired
        case "shrunk":
            return .shrunk(to: try required(quantity, "quantity"))
        case "disowned":
            return .disowned(
                DisownedHold(
                    productCode: try required(productCode, "productCode"),
                    quantity: try required(quantity, "quantity"),
                    userID: try required(userID, "userID")))
        case let type:
            throw .unknownType(type)
        }
    }

    private static func reductions(
        _ reader: inout JSONReader
    ) throws(JSONError) -> [Removal.Reduction] {
        var reductions: [Removal.Reduction] = []
        try reader.beginArray()
        while try reader.nextElement() {
            var requestID: RequestID?
            var quantity: Int?
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "requestID": requestID = RequestID(try reader.string())
                case "to": quantity = try reader.integer()
                default: try reader.skipValue()
                }
            }
            guard let requestID, let quantity else {
                throw reader.failure("a reduction needs requestID and to")
            }
            reductions.append(Removal.Reduction(requestID: requestID, to: quantity))
        }
        return reductions
    }
}
