package import Messages

/// The state of one cart: what its events add up to.
package struct Cart: Hashable, Sendable {
    /// Pieces that the inventory holds for the cart.
    package struct HeldItem: Hashable, Sendable {
        /// The request that the hold was placed for, which names it.
        package let requestID: RequestID
        package let userID: UserID
        package let productCode: ProductCode
        package let name: String
        package internal(set) var quantity: Int

        package init(
            requestID: RequestID, userID: UserID, productCode: ProductCode, name: String,
            quantity: Int
        ) {
            self.requestID = requestID
            self.userID = userID
            self.productCode = productCode
            self.name = name
            self.quantity = quantity
        }
    }

    /// An add that the inventory has not answered.
    package struct PendingAdd: Hashable, Sendable {
        package let requestID: RequestID
        package let request: AddRequest
        /// How many of the pieces are still wanted, at least 1.
        package internal(set) var remaining: Int

        package init(requestID: RequestID, request: AddRequest, remaining: Int) {
            self.requestID = requestID
            self.request = request
            self.remaining = remaining
        }
    }

    /// How many settled requests a cart remembers; older ones are found in the store.
    package static let memoryMax = 1_000
    /// How many pending requests a cart may have; with its holds they may be twice as many.
    package static let itemsMax = 500

    package let cartID: CartID
    /// How many events there have been.
    package internal(set) var version = 0
    /// Confirmed, oldest first.
    package internal(set) var held: [HeldItem] = []
    /// Unanswered, oldest first.
    package internal(set) var pending: [PendingAdd] = []
    /// When its shopper last changed what is in it, from when holds last; `nil` before.
    package internal(set) var changedAt: Timestamp?
    /// What became of the latest requests.
    package internal(set) var memory = RequestMemory(capacity: Cart.memoryMax)

    package init(cartID: CartID) { self.cartID = cartID }

    /// The cart as its shopper sees it: one line for each product, in the order of their arrival.
    package var view: CartView {
        var lines: [CartView.Line] = []
        for item in held {
            if let index = lines.firstIndex(where: { $0.productCode == item.productCode }) {
                lines[index].quantity += item.quantity
            } else {
                lines.append(
                    CartView.Line(
                        productCode: item.productCode, name: item.name, quantity: item.quantity))
            }
        }
        return CartView(
            cartID: cartID, version: version, lines: lines,
            pending: pending.map {
                CartView.Pending(
                    requestID: $0.requestID, productCode: $0.request.productCode,
                    quantity: $0.remaining)
            })
    }

    /// What became of a request, so far as the cart remembers.
    package func outcome(of requestID: RequestID) -> Outcome? {
        memory[requestID]?.outcome
    }
}

/// How a request ended, fixed for ever once it is not pending.
package enum Outcome: Hashable, Sendable {
    case pending
    case accepted
    /// `available` is what the inventory had, where it was asked.
    case rejected(RejectionReason, available: Int?)
}

/// The latest requests of a cart, with what they asked for and how they ended.
package struct RequestMemory: Hashable, Sendable {
    /// A request that was met.
    package struct Entry: Hashable, Sendable {
        package let body: RequestBody
        package internal(set) var outcome: Outcome
    }

    /// Whether a request has been forgotten; an unknown one must then be looked up.
    package private(set) var hasForgotten = false

    private let capacity: Int
    private var entries: [RequestID: Entry] = [:]
    /// The requests that are not pending, oldest first.
    private var settled: ArraySlice<RequestID> = []

    init(capacity: Int) { self.capacity = capacity }

    /// One that has forgotten everything but what is pending.
    init(capacity: Int, pending: [(RequestID, RequestBody)]) {
        self.capacity = capacity
        hasForgotten = true
        for (requestID, body) in pending {
            entries[requestID] = Entry(body: body, outcome: .pending)
        }
    }

    package subscript(requestID: RequestID) -> Entry? { entries[requestID] }

    /// Whether a request is forgotten by the time that so many more are settled.
    package func forgets(within settlements: Int) -> Bool {
        settled.count + settlements > capacity
    }

    /// Notes a request that was not met before; a pending one is kept until it is settled.
    mutating func insert(_ requestID: RequestID, _ entry: Entry) {
        entries[requestID] = entry
        if entry.outcome != .pending { age(requestID) }
    }

    mutating func settle(_ requestID: RequestID, _ outcome: Outcome) {
        entries[requestID]?.outcome = outcome
        age(requestID)
    }

    private mutating func age(_ requestID: RequestID) {
        settled.append(requestID)
        if settled.count > capacity {
            entries[settled.removeFirst()] = nil
            hasForgotten = true
        }
    }
}

extension RequestMemory.Entry {
    /// What became of a request that the cart has forgotten, by the events that bear its ID.
    ///
    /// - Returns: `nil` if there are none.
    package init?(forgotten events: [CartEvent]) {
        var entry: Self?
        for event in events {
            switch event.kind {
            case .addRequested(let request):
                // Forgotten means settled; without an event of its own, a removal cancelled it.
                entry = Self(
                    body: .add(request.productCode, quantity: request.quantity),
                    outcome: .rejected(.cancelled, available: nil))
            case .addConfirmed:
                entry?.outcome = .accepted
            case .addRefused(let reason, let available):
                entry?.outcome = .rejected(reason, available: available)
            case .removed(let removal):
                entry = Self(
                    body: .remove(removal.productCode, quantity: removal.quantity),
                    outcome: .accepted)
            case .rejected(let body, let reason):
                entry = Self(body: body, outcome: .rejected(reason, available: nil))
            case .disowned(let hold):
                entry = Self(body: hold.body, outcome: .rejected(.tooLate, available: nil))
            case .expired, .shrunk:
                break
            }
        }
        guard let entry else { return nil }
        self = entry
    }
}
