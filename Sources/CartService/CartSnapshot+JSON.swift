package import CartDomain
package import Messages

extension CartSnapshot {
    /// The snapshot as a JSON object.
    package func encoded() -> [UInt8] {
        var json = JSONWriter(capacity: 1_024)
        json.object { json in
            json.field("cartID", cartID)
            json.field("version", version)
            if let changedAt { json.field("changedAt", changedAt.millis) }
            json.key("held")
            json.beginArray()
            for item in held {
                json.object { json in
                    json.field("requestID", item.requestID.text)
                    json.field("userID", item.userID.text)
                    json.field("productCode", item.productCode.text)
                    json.field("name", item.name)
                    json.field("quantity", item.quantity)
                }
            }
            json.endArray()
            json.key("pending")
            json.beginArray()
            for add in pending {
                json.object { json in
                    json.field("requestID", add.requestID.text)
                    json.field("userID", add.request.userID.text)
                    json.field("productCode", add.request.productCode.text)
                    json.field("quantity", add.request.quantity)
                    json.field("remaining", add.remaining)
                    json.field("askUntil", add.request.askUntil.millis)
                    if let partition = add.request.replyPartition {
                        json.field("replyTo", partition)
                    }
                }
            }
            json.endArray()
        }
        return json.bytes
    }

    /// Reads what ``encoded()`` wrote.
    package init(decoding bytes: [UInt8]) throws(JSONError) {
        var reader = JSONReader(bytes)
        var cartID: CartID?
        var version: Int?
        var changedAt: Int?
        var held: [Cart.HeldItem] = []
        var pending: [Cart.PendingAdd] = []
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "cartID": cartID = CartID(try reader.string())
            case "version": version = try reader.integer()
            case "changedAt": changedAt = try reader.integer()
            case "held":
                try reader.beginArray()
                while try reader.nextElement() {
                    held.append(try SnapshotItem(&reader).heldItem(&reader))
                }
            case "pending":
                try reader.beginArray()
                while try reader.nextElement() {
                    pending.append(try SnapshotItem(&reader).pendingAdd(&reader))
                }
            default: try reader.skipValue()
            }
        }
        try reader.end()
        guard let cartID, let version else {
            throw reader.failure("a snapshot needs cartID and version")
        }
        self.init(
            cartID: cartID, version: version,
            changedAt: changedAt.map { Timestamp(millis: $0) }, held: held, pending: pending)
    }
}

/// The fields of a held item or a pending add.
private struct SnapshotItem {
    private var requestID: RequestID?
    private var userID: UserID?
    private var productCode: ProductCode?
    private var name: String?
    private var quantity: Int?
    private var remaining: Int?
    private var askUntil: Int?
    private var replyTo: Int?

    init(_ reader: inout JSONReader) throws(JSONError) {
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "requestID": requestID = RequestID(try reader.string())
            case "userID": userID = UserID(try reader.string())
            case "productCode": productCode = ProductCode(try reader.string())
            case "name": name = try reader.string()
            case "quantity": quantity = try reader.integer()
            case "remaining": remaining = try reader.integer()
            case "askUntil": askUntil = try reader.integer()
            case "replyTo": replyTo = try reader.integer()
            default: try reader.skipValue()
            }
        }
    }

    func heldItem(_ reader: inout JSONReader) throws(JSONError) -> Cart.HeldItem {
        guard let requestID, let userID, let productCode, let name, let quantity else {
            throw reader.failure("a held item lacks a field")
        }
        return Cart.HeldItem(
            requestID: requestID, userID: userID, productCode: productCode, name: name,
            quantity: quantity)
    }

    func pendingAdd(_ reader: inout JSONReader) throws(JSONError) -> Cart.PendingAdd {
        guard let requestID, let userID, let productCode, let quantity, let remaining,
            let askUntil
        else { throw reader.failure("a pending add lacks a field") }
        return Cart.PendingAdd(
            requestID: requestID,
            request: AddRequest(
                productCode: productCode, quantity: quantity, userID: userID,
                askUntil: Timestamp(millis: askUntil), replyPartition: replyTo),
            remaining: remaining)
    }
}
