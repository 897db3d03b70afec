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
    /// The cart has another version than the request was made for.
    case versionMismatch = "version-mismatch"
    /// The product is not for sale now.
    case inactiveProduct = "inactive-product"
    /// The product's price is in another currency than the cart's.
    case currencyMismatch = "currency-mismatch"
    /// The catalogue has no such delivery.
    case unknownProvider = "unknown-provider"
    /// The cart has no such delivery.
    case unknownDelivery = "unknown-delivery"
    /// There is no line that it could be done for.
    case noLines = "no-lines"
    /// A cart was to be merged into itself.
    case sameCart = "same-cart"
    /// The request could not be handled and was set aside.
    case failed = "failed"
}

extension RejectionReason: Error {}

/// What became of one item of a request that names several.
package struct ItemOutcome: Hashable, Sendable {
    package var line: LineID
    /// As it was asked for.
    package var quantity: Int
    package var status: RequestStatus
    package var reason: RejectionReason?
    /// What the inventory had, where it refused.
    package var available: Int?

    package init(
        line: LineID, quantity: Int, _ status: RequestStatus, reason: RejectionReason? = nil,
        available: Int? = nil
    ) {
        self.line = line
        self.quantity = quantity
        self.status = status
        self.reason = reason
        self.available = available
    }
}

/// What is sent to a gateway: a message on `cart-request-response`.
///
/// Its value is the very text that a websocket client gets, so that a gateway can pass it on
/// unread; what a gateway has to know stands in the headers too.
package struct CartResponse: Hashable, Sendable {
    /// What is told; boxed, as it is large and handed around.
    package indirect enum Content: Hashable, Sendable {
        /// How a request ended; the cart is as it stands now, `nil` where it was not looked at.
        case outcome(
            RequestID, RequestStatus, reason: RejectionReason?, message: String?, cart: CartView?,
            items: [ItemOutcome]? = nil)
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
        case .outcome(let requestID, _, _, _, _, _): requestID
        case .changed: nil
        }
    }

    /// The status told; `nil` for a change.
    package var status: RequestStatus? {
        switch content {
        case .outcome(_, let status, _, _, _, _): status
        case .changed: nil
        }
    }

    /// The cart's version told, if a cart is told.
    package var cartVersion: Int? { cart?.version }

    private var cart: CartView? {
        switch content {
        case .outcome(_, _, _, _, let cart, _): cart
        case .changed(let cart): cart
        }
    }
}

extension CartResponse {
    /// The message's value.
    package func encoded() -> [UInt8] {
        let items = cart.map { $0.lines.count + $0.pending.count } ?? 0
        var json = JSONWriter(capacity: 512 + 128 * items)
        json.object { json in
            switch content {
            case .outcome(let requestID, let status, let reason, let message, let cart, let items):
                json.field("type", "outcome")
                json.field("requestID", requestID.text)
                json.field("status", status.rawValue)
                if let reason { json.field("reason", reason.rawValue) }
                if let message { json.field("message", message) }
                if let items {
                    json.key("items")
                    json.items(items)
                }
                if let cart {
                    json.key("cart")
                    cart.encode(to: &json)
                }
            case .changed(let cart):
                json.change { cart.encode(to: &$0) }
            }
        }
        return json.bytes
    }

    /// The change that an outcome is too, for who did not ask: its cart alone.
    ///
    /// - Parameter outcome: what ``encoded()`` wrote.
    /// - Returns: what ``encoded()`` would write of the change; `nil` if the outcome tells no cart.
    package static func change(in outcome: [UInt8]) -> [UInt8]? {
        var reader = JSONReader(outcome)
        do throws(JSONError) {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                let value = try reader.rawValue()
                guard key == "cart" else { continue }
                var json = JSONWriter(capacity: value.count + 32)
                json.object { $0.change { $0.raw(value) } }
                return json.bytes
            }
        } catch {}
        return nil
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
        var items: [ItemOutcome]?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "type": type = try reader.string()
            case "requestID": requestID = RequestID(try reader.string())
            case "status": status = RequestStatus(rawValue: try reader.string())
            case "reason": reason = RejectionReason(rawValue: try reader.string())
            case "message": message = try reader.string()
            case "cart": cart = try CartView(from: &reader)
            case "items": items = try ItemOutcome.list(from: &reader)
            default: try reader.skipValue()
            }
        }
        try reader.end()
        switch (type, requestID, status, cart) {
        case ("outcome", let requestID?, let status?, _):
            return .outcome(
                requestID, status, reason: reason, message: message, cart: cart, items: items)
        case ("changed", _, _, let cart?):
            return .changed(cart)
        default:
            throw reader.failure("an outcome or a change is expected")
        }
    }
}

extension JSONWriter {
    /// Writes the fields of a change.
    fileprivate mutating func change(_ cart: (inout JSONWriter) -> Void) {
        field("type", "changed")
        key("cart")
        cart(&self)
    }

    /// Writes the outcomes of items as an array.
    package mutating func items(_ items: [ItemOutcome]) {
        beginArray()
        for item in items {
            object { json in
                json.field("id", "\(item.line)")
                json.field("quantity", item.quantity)
                json.field("status", item.status.rawValue)
                if let reason = item.reason { json.field("reason", reason.rawValue) }
                if let available = item.available { json.field("available", available) }
            }
        }
        endArray()
    }
}

extension ItemOutcome {
    /// Reads the array that ``JSONWriter/items(_:)`` writes.
    package static func list(
        from reader: inout JSONReader
    ) throws(JSONError) -> [ItemOutcome] {
        var items: [ItemOutcome] = []
        try reader.beginArray()
        while try reader.nextElement() {
            var line: LineID?
            var quantity: Int?
            var status: RequestStatus?
            var reason: RejectionReason?
            var available: Int?
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "id": line = LineID(try reader.string())
                case "quantity": quantity = try reader.integer()
                case "status": status = RequestStatus(rawValue: try reader.string())
                case "reason": reason = RejectionReason(rawValue: try reader.string())
                case "available": available = try reader.integer()
                default: try reader.skipValue()
                }
            }
            guard let line, let quantity, let status else {
                throw reader.failure("an item needs id, quantity and status")
            }
            items.append(
                ItemOutcome(
                    line: line, quantity: quantity, status, reason: reason, available: available))
        }
        return items
    }
}
