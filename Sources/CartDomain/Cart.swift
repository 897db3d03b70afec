package import Messages

/// The state of one cart: what its events add up to.
package struct Cart: Hashable, Sendable {
    /// Pieces that the inventory holds for the cart.
    package struct HeldItem: Hashable, Sendable {
        /// The request that the hold was placed for, which names it.
        package let requestID: RequestID
        package let userID: UserID
        package let line: LineID
        package internal(set) var name: String
        package internal(set) var quantity: Int
        package internal(set) var country: Country?
        /// Of one piece, as the add said that was confirmed last on the line.
        package internal(set) var price: Price?

        package init(
            requestID: RequestID, userID: UserID, line: LineID, name: String, quantity: Int,
            country: Country? = nil, price: Price? = nil
        ) {
            self.requestID = requestID
            self.userID = userID
            self.line = line
            self.name = name
            self.quantity = quantity
            self.country = country
            self.price = price
        }

        package var productCode: ProductCode { line.productCode }
    }

    /// An add that the inventory has not answered.
    package struct PendingAdd: Hashable, Sendable {
        package let requestID: RequestID
        package internal(set) var request: AddRequest
        /// How many of the pieces are still pending, at least 1.
        package internal(set) var remaining: Int

        package init(requestID: RequestID, request: AddRequest, remaining: Int) {
            self.requestID = requestID
            self.request = request
            self.remaining = remaining
        }
    }

    /// A request of several items that have not all been settled.
    package struct PendingGroup: Hashable, Sendable {
        package let requestID: RequestID
        package let fingerprint: Fingerprint
        package let replyPartition: Int?
        /// The merge whose items have not come yet.
        package internal(set) var merge: Merge?
        package internal(set) var items: [ItemOutcome]

        package init(
            requestID: RequestID, fingerprint: Fingerprint, replyPartition: Int?, merge: Merge?,
            items: [ItemOutcome]
        ) {
            self.requestID = requestID
            self.fingerprint = fingerprint
            self.replyPartition = replyPartition
            self.merge = merge
            self.items = items
        }
    }

    /// A hold that the cart has handed to another one.
    package struct GivenHold: Hashable, Sendable {
        package let requestID: RequestID
        package let at: Timestamp

        package init(requestID: RequestID, at: Timestamp) {
            self.requestID = requestID
            self.at = at
        }
    }

    /// How many settled requests a cart remembers; older ones are found in the store.
    package static let memoryMax = 1_000
    /// How many pending requests a cart may have before it takes no more.
    package static let itemsMax = 500
    /// How many holds and pending requests a cart may have in all.
    package static let holdsMax = 2 * itemsMax
    /// For how long a cart takes no offence at holds that it has handed over: much longer than the
    /// cart that they go to needs.
    static let handOverLasts = Duration.seconds(24 * 3_600)

    package let cartID: CartID
    /// How many events there have been.
    package internal(set) var version = 0
    /// Confirmed, oldest first.
    package internal(set) var held: [HeldItem] = []
    /// Unanswered, oldest first.
    package internal(set) var pending: [PendingAdd] = []
    /// Requests of several items, oldest first.
    package internal(set) var groups: [PendingGroup] = []
    /// What only some commands keep, by name.
    package internal(set) var parts: [String: AnyCartPart] = [:]
    /// Holds that went to another cart and may still stand in the ledger, oldest first.
    package internal(set) var given: [GivenHold] = []
    /// When its shopper last changed what is in it, from when holds last; `nil` before.
    package internal(set) var changedAt: Timestamp?
    /// What became of the latest requests.
    package internal(set) var memory = RequestMemory(capacity: Cart.memoryMax)

    package init(cartID: CartID) { self.cartID = cartID }

    /// What became of a request, so far as the cart remembers.
    package func outcome(of requestID: RequestID) -> Outcome? {
        memory[requestID]?.outcome
    }

    /// Forgets the oldest of its requests that are settled; what they came to is in the store.
    package mutating func forgetOldRequests() { memory.forgetOldest() }

    /// The part that some commands keep.
    subscript<Part: CartPart>(part type: Part.Type) -> Part {
        get { parts[Part.name]?.base as? Part ?? Part() }
        set { parts[Part.name] = AnyCartPart(newValue) }
    }

    /// Whether it may have no more requests.
    package var isFull: Bool {
        pending.count >= Self.itemsMax || groups.count >= Self.itemsMax
            || held.count + pending.count >= Self.holdsMax
    }

    /// The lines, those whose pieces are all pending among them, in the order of their arrival.
    package var lines: [LineID] {
        var known: Set<LineID> = []
        return (held.map(\.line) + pending.map(\.request.line)).filter {
            known.insert($0).inserted
        }
    }

    /// How many pieces a line has, pending ones included.
    package func quantity(of line: LineID) -> Int {
        held.reduce(0) { $1.line == line ? $0 + $1.quantity : $0 }
            + pending.reduce(0) { $1.request.line == line ? $0 + $1.remaining : $0 }
    }

    /// Where the line's pieces are to go, by its newest request.
    func country(of line: LineID) -> Country? {
        pending.last { $0.request.line == line }?.request.country
            ?? held.last { $0.line == line }?.country
    }

    /// The one currency in which anything in the cart is priced.
    package var currency: Currency? {
        held.lazy.compactMap { $0.price?.currency }.first
            ?? pending.lazy.compactMap { $0.request.price?.currency }.first
            ?? parts.values.lazy.flatMap { $0.base.charges }.first?.currency
    }
}
