package import Messages

/// The identity of a hold: the request of a cart that it was placed for.
package struct HoldKey: Hashable, Sendable {
    package let cartID: CartID
    package let requestID: RequestID

    package init(cartID: CartID, requestID: RequestID) {
        self.cartID = cartID
        self.requestID = requestID
    }

    /// The key of a hold that an ask names as its source.
    package init(_ source: HoldSource) {
        self.init(cartID: source.cartID, requestID: source.requestID)
    }
}

extension InventoryRequest {
    /// The holds that a decision on the request may touch.
    package var holdKeys: [HoldKey] {
        let key = HoldKey(cartID: cartID, requestID: requestID)
        switch action {
        case .ask(_, _, let source?), .lower(_, let source?): return [key, HoldKey(source)]
        default: return [key]
        }
    }
}

/// One decision of the inventory, as the ledger keeps it: granted, refused, or taken back unasked.
package struct Hold: Hashable, Sendable {
    /// What was decided.
    package enum Status: Hashable, Sendable {
        /// The pieces were held; some or all may have been let go since.
        case held
        /// The ask was refused when so many pieces were available.
        case refused(InventoryRefusal, available: Int)
        /// A lower came before its ask: the ask, should it come, is refused.
        case cancelled
    }

    package let key: HoldKey
    package let productCode: ProductCode
    package let userID: UserID
    /// How many pieces were asked for; 0 where no ask has come.
    package let askQuantity: Int
    /// How many pieces are held now.
    package var holdQuantity: Int
    package let status: Status
    /// When the hold was decided, by the database's clock.
    package let createdAt: Timestamp
    /// When the hold may be taken back; `nil` unless something was held.
    package var expiresAt: Timestamp?

    package init(
        key: HoldKey, productCode: ProductCode, userID: UserID, askQuantity: Int,
        holdQuantity: Int, status: Status, createdAt: Timestamp, expiresAt: Timestamp?
    ) {
        self.key = key
        self.productCode = productCode
        self.userID = userID
        self.askQuantity = askQuantity
        self.holdQuantity = holdQuantity
        self.status = status
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// A product's row, read under its lock.
package struct Product: Hashable, Sendable {
    package let code: ProductCode
    package let name: String
    /// Pieces in stock, held ones included.
    package let quantity: Int
    /// Pieces that are held, at most `quantity`.
    package let held: Int
    /// The highest fencing token that wrote the row.
    package let fence: Int

    package init(code: ProductCode, name: String, quantity: Int, held: Int, fence: Int) {
        self.code = code
        self.name = name
        self.quantity = quantity
        self.held = held
        self.fence = fence
    }

    /// Pieces that can be held.
    package var available: Int { quantity - held }
}

/// When a hold needs the product's lock.
package struct LockRule: Hashable, Sendable {
    /// Asks for more pieces than this need the lock.
    package var askAbove: Int
    /// Asks that would leave fewer pieces than this need the lock.
    package var leaveBelow: Int

    package init(askAbove: Int = 5, leaveBelow: Int = 5) {
        self.askAbove = askAbove
        self.leaveBelow = leaveBelow
    }

    /// Whether an ask for so many pieces of so many available needs the lock.
    package func needsLock(ask: Int, available: Int) -> Bool {
        ask > askAbove || available - ask < leaveBelow
    }
}
