/// What a shopper, or a gateway on behalf of one, asks of a cart: a message on `cart-request`.
package struct CartRequest: Hashable, Sendable {
    /// What is asked.
    package enum Action: Hashable, Sendable {
        /// Put that many pieces into the cart, all or none.
        case add(ProductCode, quantity: Int)
        /// Take that many pieces out of the cart; `nil`: all of that product.
        case remove(ProductCode, quantity: Int?)
        /// Tell the cart as it stands.
        case check
        /// Tell the outcome of the request that has this request's ID.
        case lookup
        /// Push changes after that version to the reply partition, for ``watchLease``.
        case watch(since: Int)
    }

    /// How long a watch lasts unless it is renewed.
    package static let watchLease = Duration.seconds(90)

    /// The cart that is asked.
    package var cartID: CartID
    /// The request's identity within the cart.
    package var requestID: RequestID
    /// The shopper who asks.
    package var userID: UserID
    /// What is asked.
    package var action: Action
    /// The partition of `cart-request-response` that the asker reads; travels as a header.
    package var replyPartition: Int?
    /// The W3C trace context; travels as a header.
    package var traceparent: String?

    package init(
        cartID: CartID, requestID: RequestID, userID: UserID, action: Action,
        replyPartition: Int? = nil, traceparent: String? = nil
    ) {
        self.cartID = cartID
        self.requestID = requestID
        self.userID = userID
        self.action = action
        self.replyPartition = replyPartition
        self.traceparent = traceparent
    }
}

extension CartRequest {
    /// The message's value.
    package func encoded() -> [UInt8] {
        var json = JSONWriter(capacity: 224)
        json.object { json in
            json.field("type", action.name)
            json.field("cartID", cartID)
            json.field("requestID", requestID.text)
            json.field("userID", userID.text)
            switch action {
            case .add(let productCode, let quantity):
                json.field("productCode", productCode.text)
                json.field("quantity", quantity)
            case .remove(let productCode, let quantity):
                json.field("productCode", productCode.text)
                if let quantity { json.field("quantity", quantity) }
            case .watch(let version):
                json.field("since", version)
            case .check, .lookup:
                break
            }
        }
        return json.bytes
    }

    /// Reads a message's value.
    ///
    /// - Throws: `MessageError` naming the field that is wrong.
    package init(
        decoding bytes: [UInt8], replyPartition: Int?, traceparent: String?
    ) throws(MessageError) {
        let fields = try MessageFields(bytes)
        let action: Action =
            switch try fields.type() {
            case "add":
                .add(try fields.productCode(), quantity: try fields.requestQuantity())
            case "remove":
                .remove(
                    try fields.productCode(),
                    quantity: fields.quantity == nil ? nil : try fields.requestQuantity())
            case "check": .check
            case "lookup": .lookup
            case "watch":
                .watch(since: try MessageFields.required(fields.since, "since"))
            case let type: throw .unknownType(type)
            }
        self.init(
            cartID: try fields.cartID(), requestID: try fields.requestID(),
            userID: try fields.userID(), action: action, replyPartition: replyPartition,
            traceparent: MessageFields.traceparent(traceparent))
    }
}

extension CartRequest.Action {
    /// The action's name on the log.
    package var name: String {
        switch self {
        case .add: "add"
        case .remove: "remove"
        case .check: "check"
        case .lookup: "lookup"
        case .watch: "watch"
        }
    }
}
