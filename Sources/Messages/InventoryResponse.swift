/// What the inventory answers to a cart: a message on `inventory-request-response`.
package struct InventoryResponse: Hashable, Sendable {
    /// The decision.
    package enum Answer: Hashable, Sendable {
        /// The ask was granted: that many pieces are held until `expiresAt`.
        case held(quantity: Int, name: String, expiresAt: Timestamp)
        /// The ask was refused; `available` is what could have been held then.
        case refused(InventoryRefusal, available: Int)
        /// A lower was carried out: the hold now has at most that many pieces.
        case lowered(to: Int)
    }

    /// The cart that asked.
    package var cartID: CartID
    /// The request that was decided.
    package var requestID: RequestID
    /// The product.
    package var productCode: ProductCode
    /// The decision.
    package var answer: Answer
    /// The W3C trace context; travels as a header.
    package var traceparent: String?

    package init(
        cartID: CartID, requestID: RequestID, productCode: ProductCode, answer: Answer,
        traceparent: String? = nil
    ) {
        self.cartID = cartID
        self.requestID = requestID
        self.productCode = productCode
        self.answer = answer
        self.traceparent = traceparent
    }
}

/// Why the inventory refuses an ask.
package enum InventoryRefusal: String, CaseIterable, Hashable, Sendable {
    /// Fewer pieces are available than were asked for.
    case outOfStock = "out-of-stock"
    /// No such product is in the inventory.
    case unknownProduct = "unknown-product"
    /// The ask came after its time.
    case tooLate = "too-late"
    /// The cart took the request back before it was decided.
    case cancelled = "cancelled"
    /// The hold's identity is in use for another product or quantity.
    case requestIDReused = "request-id-reused"
    /// The ask could not be handled and was set aside.
    case failed = "failed"
}

extension InventoryResponse {
    /// The message's value.
    package func encoded() -> [UInt8] {
        var json = JSONWriter(capacity: 256)
        json.object { json in
            switch answer {
            case .held(let quantity, let name, let expiresAt):
                json.field("type", "held")
                json.field("quantity", quantity)
                json.field("name", name)
                json.field("expiresAt", expiresAt.millis)
            case .refused(let reason, let available):
                json.field("type", "refused")
                json.field("reason", reason.rawValue)
                json.field("available", available)
            case .lowered(let quantity):
                json.field("type", "lowered")
                json.field("quantity", quantity)
            }
            json.field("cartID", cartID)
            json.field("requestID", requestID.text)
            json.field("productCode", productCode.text)
        }
        return json.bytes
    }

    /// Reads a message's value.
    ///
    /// - Throws: `MessageError` naming the field that is wrong.
    package init(decoding bytes: [UInt8], traceparent: String?) throws(MessageError) {
        let fields = try MessageFields(bytes)
        let answer: Answer
        switch try fields.type() {
        case "held":
            answer = .held(
                quantity: try fields.requestQuantity(),
                name: try MessageFields.required(fields.name, "name"),
                expiresAt: Timestamp(
                    millis: try MessageFields.required(fields.expiresAt, "expiresAt")))
        case "refused":
            let reason = try MessageFields.required(fields.reason, "reason")
            guard let refusal = InventoryRefusal(rawValue: reason) else {
                throw .field("reason", "is unknown")
            }
            answer = .refused(
                refusal, available: try MessageFields.required(fields.available, "available"))
        case "lowered":
            answer = .lowered(to: try fields.heldQuantity())
        case let type: throw .unknownType(type)
        }
        self.init(
            cartID: try fields.cartID(), requestID: try fields.requestID(),
            productCode: try fields.productCode(), answer: answer,
            traceparent: MessageFields.traceparent(traceparent))
    }
}
