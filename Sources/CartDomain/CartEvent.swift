package import Messages

/// Something that happened to a cart; the cart is the sum of its events.
package struct CartEvent: Hashable, Sendable {
    /// What happened.
    package enum Kind: Hashable, Sendable {
        /// Pieces were asked for; the inventory is asked until `askUntil`.
        case addRequested(AddRequest)
        /// The pieces asked for are held; those not taken back meanwhile are in the cart.
        case addConfirmed(name: String)
        /// The pieces asked for cannot be held.
        case addRefused(RejectionReason, available: Int)
        /// Pieces were taken out: of holds and of pending requests.
        case removed(Removal)
        /// A request was turned down by the cart itself.
        case rejected(RequestBody, RejectionReason)
        /// The time of the request's hold was up: its pieces are let go.
        case expired
        /// The inventory turned out to hold only so many pieces for the request.
        case shrunk(to: Int)
        /// The inventory held pieces for a request that had not come: they are let go, and the request
        /// is too late should it still come.
        case disowned(DisownedHold)
    }

    /// From 1, without gaps.
    package let version: Int
    /// The request that caused it, or that it settles.
    package let requestID: RequestID
    /// When it happened, by the cart service's clock.
    package let at: Timestamp
    /// What happened.
    package let kind: Kind

    package init(version: Int, requestID: RequestID, at: Timestamp, kind: Kind) {
        self.version = version
        self.requestID = requestID
        self.at = at
        self.kind = kind
    }
}

/// What a request that changes a cart asks for; a repeated request has to ask for the same.
package enum RequestBody: Hashable, Sendable {
    /// Put that many pieces into the cart.
    case add(ProductCode, quantity: Int)
    /// Take that many pieces out; `nil`: all of that product.
    case remove(ProductCode, quantity: Int?)
}

/// An add that waits for the inventory.
package struct AddRequest: Hashable, Sendable {
    package let productCode: ProductCode
    /// How many pieces were asked for.
    package let quantity: Int
    package let userID: UserID
    /// Until when the inventory may place the hold.
    package let askUntil: Timestamp
    /// Where the asker reads its answer.
    package let replyPartition: Int?

    package init(
        productCode: ProductCode, quantity: Int, userID: UserID, askUntil: Timestamp,
        replyPartition: Int?
    ) {
        self.productCode = productCode
        self.quantity = quantity
        self.userID = userID
        self.askUntil = askUntil
        self.replyPartition = replyPartition
    }
}

/// A hold of which its cart knew nothing.
package struct DisownedHold: Hashable, Sendable {
    package let productCode: ProductCode
    /// How many pieces were asked for.
    package let quantity: Int
    package let userID: UserID

    package init(productCode: ProductCode, quantity: Int, userID: UserID) {
        self.productCode = productCode
        self.quantity = quantity
        self.userID = userID
    }

    /// What the request asked for.
    package var body: RequestBody { .add(productCode, quantity: quantity) }
}

/// How a removal takes its pieces together.
package struct Removal: Hashable, Sendable {
    /// A hold or a pending request, and how many of its pieces stay.
    package struct Reduction: Hashable, Sendable {
        package let requestID: RequestID
        package let to: Int

        package init(requestID: RequestID, to: Int) {
            self.requestID = requestID
            self.to = to
        }
    }

    package let productCode: ProductCode
    /// As it was asked for; `nil`: all.
    package let quantity: Int?
    /// The holds that shrink.
    package let holds: [Reduction]
    /// The pending requests that shrink; one that shrinks to nothing is cancelled.
    package let pending: [Reduction]

    package init(
        productCode: ProductCode, quantity: Int?, holds: [Reduction], pending: [Reduction]
    ) {
        self.productCode = productCode
        self.quantity = quantity
        self.holds = holds
        self.pending = pending
    }
}
