package import Messages

/// Something that happened to a cart; the cart is the sum of its events.
package struct CartEvent: Hashable, Sendable {
    /// What happened; boxed, as it is large and handed around.
    package indirect enum Kind: Hashable, Sendable {
        /// Pieces were asked for and are held: both at once, by the name that the line then has.
        case added(AddRequest)
        /// Pieces were asked for; the inventory is asked until `askUntil`.
        case addRequested(AddRequest)
        /// The pieces asked for are held; those not taken back meanwhile are in the cart.
        case addConfirmed(name: String)
        /// The pieces asked for cannot be held.
        case addRefused(RejectionReason, available: Int)
        /// Pieces were taken out: of holds and of pending requests.
        case removed(Removal)
        /// The pieces of these lines are to go to other countries now.
        case countriesSet([LineID: Country])
        /// A request was met that had nothing to change.
        case accepted(Fingerprint)
        /// A request was turned down by the cart itself.
        case rejected(Fingerprint?, RejectionReason)
        /// A request was taken apart into items.
        case itemsRequested(ItemGroup)
        /// Another cart is asked for what it has.
        case mergeRequested(Merge)
        /// What was held went to another cart.
        case handedOver(HandOver)
        /// A part of the cart changed as one of its commands says.
        case changed(AnyCartChange)
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

/// What an add asks of the inventory.
package struct AddRequest: Hashable, Sendable {
    package let line: LineID
    /// How many pieces were asked for.
    package let quantity: Int
    package let userID: UserID
    /// Where the pieces are to go.
    package internal(set) var country: Country?
    /// The product's name in the catalogue; `nil` where it has no entry.
    package internal(set) var name: String?
    /// Of one piece, by the catalogue as it was then.
    package let price: Price?
    /// Until when the inventory may place the hold.
    package let askUntil: Timestamp
    /// The hold of another cart that the pieces come from, as far as it reaches.
    package let source: HoldSource?
    /// Where the asker reads its answer.
    package let replyPartition: Int?
    /// What was asked for; `nil` for a part of a request.
    package let fingerprint: Fingerprint?

    package init(
        line: LineID, quantity: Int, userID: UserID, country: Country? = nil, name: String? = nil,
        price: Price? = nil, askUntil: Timestamp, source: HoldSource? = nil,
        replyPartition: Int?, fingerprint: Fingerprint?
    ) {
        self.line = line
        self.quantity = quantity
        self.userID = userID
        self.country = country
        self.name = name
        self.price = price
        self.askUntil = askUntil
        self.source = source
        self.replyPartition = replyPartition
        self.fingerprint = fingerprint
    }

    package var productCode: ProductCode { line.productCode }
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

    /// What shrinks.
    package struct Reductions: Hashable, Sendable {
        package var holds: [Reduction] = []
        /// One that shrinks to nothing is cancelled.
        package var pending: [Reduction] = []

        package init(holds: [Reduction] = [], pending: [Reduction] = []) {
            self.holds = holds
            self.pending = pending
        }

        var isEmpty: Bool { holds.isEmpty && pending.isEmpty }
    }

    package let reductions: Reductions
    /// What was asked for; `nil` for a part of a request.
    package let fingerprint: Fingerprint?

    package init(_ reductions: Reductions, for fingerprint: Fingerprint?) {
        self.reductions = reductions
        self.fingerprint = fingerprint
    }
}

/// A request that was taken apart: its items, each with an outcome of its own.
///
/// An item that is pending waits for the part of the request that bears its number, counted from 1.
package struct ItemGroup: Hashable, Sendable {
    package let fingerprint: Fingerprint
    package let items: [ItemOutcome]
    /// Holds of another cart that came with rejected items, by the items' numbers, from 1.
    package let unwanted: [Int: HoldSource]
    package let replyPartition: Int?

    package init(
        fingerprint: Fingerprint, items: [ItemOutcome], unwanted: [Int: HoldSource] = [:],
        replyPartition: Int?
    ) {
        self.fingerprint = fingerprint
        self.items = items
        self.unwanted = unwanted
        self.replyPartition = replyPartition
    }
}

/// A request for what another cart has.
package struct Merge: Hashable, Sendable {
    package let from: CartID
    /// Whose cart the pieces go to.
    package let userID: UserID
    package let replyPartition: Int?
    package let fingerprint: Fingerprint

    package init(
        from: CartID, userID: UserID, replyPartition: Int?, fingerprint: Fingerprint
    ) {
        self.from = from
        self.userID = userID
        self.replyPartition = replyPartition
        self.fingerprint = fingerprint
    }
}

/// What a cart gave to another one.
package struct HandOver: Hashable, Sendable {
    package let to: CartID
    package let items: [HandedItem]

    package init(to: CartID, items: [HandedItem]) {
        self.to = to
        self.items = items
    }
}
