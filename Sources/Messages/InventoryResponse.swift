/// What the inventory tells a cart, mostly in answer to it: a message on `inventory-request-response`.
package struct InventoryResponse: Hashable, Sendable {
    /// The decision.
    package enum Answer: Hashable, Sendable {
        /// The ask was granted: that many pieces are held until `expiresAt`.
        case held(quantity: Int, name: String, expiresAt: Timestamp)
        /// The ask was refused; `available` is what could have been held then.
        case refused(InventoryRefusal, available: Int)
        /// A lower was carried out: the hold now has at most that many pieces.
        case lowered(to: Int)
        /// A hold is past its time: it is for the cart to let it go or to extend it.
        ///
        /// Said again and again until the hold is neither due nor at odds with the cart. It tells the
        /// ledger's row, so that a cart which knows better can mend it.
        case holdDue(HeldPieces)
    }

    /// A hold as the inventory's ledger has it.
    package struct HeldPieces: Hashable, Sendable {
        /// Who asked for it.
        package var userID: UserID
        /// How many pieces were asked for.
        package var askQuantity: Int
        /// How many are held now; 0 where there is no such hold.
        package var quantity: Int

        package init(userID: UserID, askQuantity: Int, quantity: Int) {
            self.userID = userID
            self.askQuantity = askQuantity
            self.quantity = quantity
        }
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
            case .holdDue(let pieces):
                json.field("type", "hold-due")
                json.field("quantity", pieces.quantity)
                json.field("askQuantity", pieces.askQuantity)
                json.field("userID", pieces.userID.text)
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
        case "hold-due":
            answer = .holdDue(
                HeldPieces(
                    userID: try fields.userID(), askQuantity: try fields.askedQuantity(),
                    quantity: try fields.heldQuantity()))
        case let type: throw .unknownType(type)
        }
        self.init(
            cartID: try fields.cartID(), requestID: try fields.requestID(),
            productCode: try fields.productCode(), answer: answer,
            traceparent: MessageFields.traceparent(traceparent))
    }
}
