/// What a cart asks of the inventory: a message on `inventory-request`.
package struct InventoryRequest: Hashable, Sendable {
    /// What is asked.
    package enum Action: Hashable, Sendable {
        /// Hold that many pieces, all or none; an ask that is unknown after `until` is refused.
        ///
        /// What the source still holds is let go in the same transaction, whatever is decided, and is
        /// there for this ask first.
        case ask(quantity: Int, until: Timestamp, from: HoldSource? = nil)
        /// Let the hold shrink to that many pieces; it never grows. What the source of its ask still
        /// holds is let go too.
        case lower(to: Int, from: HoldSource? = nil)
        /// Let what is held last until that moment at least.
        case extend(until: Timestamp)
        /// Count anew what is held of the product; of the other fields only its code counts.
        case recount
    }

    /// The cart that holds.
    package var cartID: CartID
    /// The request that the hold belongs to; with the cart ID, the hold's identity.
    package var requestID: RequestID
    /// The shopper.
    package var userID: UserID
    /// The product.
    package var productCode: ProductCode
    /// What is asked.
    package var action: Action
    /// The W3C trace context; travels as a header.
    package var traceparent: String?

    package init(
        cartID: CartID, requestID: RequestID, userID: UserID, productCode: ProductCode,
        action: Action, traceparent: String? = nil
    ) {
        self.cartID = cartID
        self.requestID = requestID
        self.userID = userID
        self.productCode = productCode
        self.action = action
        self.traceparent = traceparent
    }
}

extension InventoryRequest {
    /// The message's value.
    package func encoded() -> [UInt8] {
        var json = JSONWriter(capacity: 256)
        json.object { json in
            switch action {
            case .ask(let quantity, let until, let source):
                json.field("type", "ask")
                json.field("quantity", quantity)
                json.field("askUntil", until.millis)
                json.source(source)
            case .lower(let quantity, let source):
                json.field("type", "lower")
                json.field("quantity", quantity)
                json.source(source)
            case .extend(let until):
                json.field("type", "extend")
                json.field("expiresAt", until.millis)
            case .recount:
                json.field("type", "recount")
            }
            json.field("cartID", cartID)
            json.field("requestID", requestID.text)
            json.field("userID", userID.text)
            json.field("productCode", productCode.text)
        }
        return json.bytes
    }

    /// Reads a message's value.
    ///
    /// - Throws: `MessageError` naming the field that is wrong.
    package init(decoding bytes: [UInt8], traceparent: String?) throws(MessageError) {
        let fields = try MessageFields(bytes)
        let action: Action =
            switch try fields.type() {
            case "ask":
                .ask(
                    quantity: try fields.requestQuantity(),
                    until: Timestamp(
                        millis: try MessageFields.required(fields.askUntil, "askUntil")),
                    from: try fields.source())
            case "lower":
                .lower(to: try fields.heldQuantity(), from: try fields.source())
            case "extend":
                .extend(
                    until: Timestamp(
                        millis: try MessageFields.required(fields.expiresAt, "expiresAt")))
            case "recount": .recount
            case let type: throw .unknownType(type)
            }
        self.init(
            cartID: try fields.cartID(), requestID: try fields.requestID(),
            userID: try fields.userID(), productCode: try fields.productCode(), action: action,
            traceparent: MessageFields.traceparent(traceparent))
    }
}
