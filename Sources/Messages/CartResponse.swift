/// How a request ended, or that it has not yet.
package enum RequestStatus: String, CaseIterable, Hashable, Sendable {
    /// Done as asked.
    case accepted
    /// Not done; the reason says why.
    case rejected
    /// Neither yet.
    case pending
    /// The cart does not know the request: the answer to a lookup.
    case unknown
}

/// Why a request was rejected; the value is what clients see.
package enum RejectionReason: String, CaseIterable, Hashable, Sendable {
    /// Fewer pieces are available than were asked for.
    case outOfStock = "out-of-stock"
    /// No such product is in the inventory.
    case unknownProduct = "unknown-product"
    /// The inventory could not be asked in time.
    case tooLate = "too-late"
    /// A removal took the pieces out before they were held.
    case cancelled = "cancelled"
    /// The cart has fewer pieces than were to be removed.
    case notInCart = "not-in-cart"
    /// The request ID was used before, for another request.
    case requestIDReused = "request-id-reused"
    /// The cart has as many lines or pending requests as it may have.
    case cartFull = "cart-full"
    /// The request could not be handled and was set aside.
    case failed = "failed"
}

/// What is sent to a gateway: a message on `cart-request-response`.
///
/// Its value is the very text that a websocket client gets, so that a gateway can pass it on
/// unread; what a gateway has to know stands in the headers too.
package struct CartResponse: Hashable, Sendable {
    /// What is told.
    package enum Content: Hashable, Sendable {
        /// How a request ended; the cart is as it stands now, `nil` where it was not looked at.
        case outcome(
            RequestID, RequestStatus, reason: RejectionReason?, message: String?, cart: CartView?)
        /// The cart has changed.
        case changed(CartView)
    }

    /// The cart that speaks.
    package var cartID: CartID
    /// What is told.
    package var content: Content
    /// The partition of the gateway that is told.
    package var replyPartition: Int
    /// The W3C trace context; travels as a header.
    package var traceparent: String?

    package init(
        cartID: CartID, content: Content, replyPartition: Int, traceparent: String? = nil
    ) {
        self.cartID = cartID
        self.content = content
        self.replyPartition = replyPartition
        self.traceparent = traceparent
    }

    /// The request that is answered; `nil` for a change.
    package var requestID: RequestID? {
        switch content {
        case .outcome(let requestID, _, _, _, _): requestID
        case .changed: nil
        }
    }

    /// The status told; `nil` for a change.
    package var status: RequestStatus? {
        switch content {
        case .outcome(_, let status, _, _, _): status
        case .changed: nil
        }
    }

    /// The cart's version told, if a cart is told.
    package var cartVersion: Int? {
        switch content {
        case .outcome(_, _, _, _, let cart): cart?.version
        case .changed(let cart): cart.version
        }
    }
}

extension CartResponse {
    /// The message's value.
    package func encoded() -> [UInt8] {
        var json = JSONWriter(capacity: 512)
        json.object { json in
            switch content {
            case .outcome(let requestID, let status, let reason, let message, let cart):
                json.field("type", "outcome")
                json.field("requestID", requestID.text)
                json.field("status", status.rawValue)
                if let reason { json.field("reason", reason.rawValue) }
                if let message { json.field("message", message) }
                if let cart {
                    json.key("cart")
                    cart.encode(to: &json)
                }
            case .changed(let cart):
                json.field("type", "changed")
                json.key("cart")
                cart.encode(to: &json)
            }
        }
        return json.bytes
    }

    /// Reads what ``encoded()`` wrote; for clients and tests, gateways do without.
    package static func decodeContent(_ bytes: [UInt8]) throws(JSONError) -> Content {
        var reader = JSONReader(bytes)
        var type: String?
        var requestID: RequestID?
        var status: RequestStatus?
        var reason: RejectionReason?
        var message: String?
        var cart: CartView?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "type": type = try reader.string()
            case "requestID": requestID = RequestID(try reader.string())
            case "status": status = RequestStatus(rawValue: try reader.string())
            case "reason": reason = RejectionReason(rawValue: try reader.string())
            case "message": message = try reader.string()
            case "cart": cart = try CartView(from: &reader)
            default: try reader.skipValue()
            }
        }
        try reader.end()
        switch (type, requestID, status, cart) {
        case ("outcome", let requestID?, let status?, _):
            return .outcome(requestID, status, reason: reason, message: message, cart: cart)
        case ("changed", _, _, let cart?):
            return .changed(cart)
        default:
            throw reader.failure("an outcome or a change is expected")
        }
    }
}
