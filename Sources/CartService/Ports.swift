package import CartDomain
package import Messages

/// One event of a cart as it stands in the store and on `cart-event`.
package struct StoredEvent: Hashable, Sendable {
    package let cartID: CartID
    /// From 1, without gaps.
    package let version: Int
    /// The partition of the cart.
    package let partition: Int
    /// The request that caused it.
    package let requestID: RequestID
    /// The event's name, as it stands in the JSON too.
    package let type: String
    /// The whole event as a JSON object.
    package let json: [UInt8]
    /// When it happened, by the cart service's clock.
    package let at: Timestamp

    package init(
        cartID: CartID, version: Int, partition: Int, requestID: RequestID, type: String,
        json: [UInt8], at: Timestamp
    ) {
        self.cartID = cartID
        self.version = version
        self.partition = partition
        self.requestID = requestID
        self.type = type
        self.json = json
        self.at = at
    }
}

/// A cart at one of its versions as it stands in the store.
package struct StoredSnapshot: Hashable, Sendable {
    package let cartID: CartID
    /// The version of the last event that it takes into account.
    package let version: Int
    /// The whole snapshot as a JSON object.
    package let json: [UInt8]

    package init(cartID: CartID, version: Int, json: [UInt8]) {
        self.cartID = cartID
        self.version = version
        self.json = json
    }
}

/// What a cart is made from.
package struct CartHistory: Hashable, Sendable {
    /// Where to begin; `nil` for the first event.
    package var snapshot: StoredSnapshot?
    /// The events after the snapshot, in order of version.
    package var events: [StoredEvent]

    package init(snapshot: StoredSnapshot? = nil, events: [StoredEvent] = []) {
        self.snapshot = snapshot
        self.events = events
    }
}

/// A request of a cart, across all carts.
package struct CartRequestKey: Hashable, Comparable, Sendable {
    package let cartID: CartID
    package let requestID: RequestID

    package init(cartID: CartID, requestID: RequestID) {
        self.cartID = cartID
        self.requestID = requestID
    }

    /// The key of the request that it is a part of, or else itself.
    var whole: CartRequestKey {
        requestID.whole.map { CartRequestKey(cartID: cartID, requestID: $0) } ?? self
    }

    package static func < (left: CartRequestKey, right: CartRequestKey) -> Bool {
        (left.cartID.bits, left.requestID.text) < (right.cartID.bits, right.requestID.text)
    }
}

/// What a cart owes until it is acknowledged: a message that is said again and again.
///
/// A row of `cart_obligation`: all that the message needs stands in it, so that a new owner repeats it
/// without its cart.
package struct Obligation: Hashable, Sendable {
    /// To whom it is said.
    package enum Message: Hashable, Sendable {
        /// To the inventory: an ask or a lower.
        case inventory(InventoryRequest)
        /// To another cart: to give what it holds. The request is the one of this cart.
        case fetch(CartRequestKey, userID: UserID, from: CartID)
    }

    /// The message; its trace context is not kept.
    package let message: Message
    /// The partition of the cart.
    package let partition: Int
    /// When it is said again unless it was acknowledged.
    package let dueAt: Timestamp

    package init(message: Message, partition: Int, dueAt: Timestamp) {
        self.message = message
        self.partition = partition
        self.dueAt = dueAt
    }

    /// The request that it is owed for; there is one obligation for each.
    package var key: CartRequestKey {
        switch message {
        case .inventory(let request):
            CartRequestKey(cartID: request.cartID, requestID: request.requestID)
        case .fetch(let key, _, _): key
        }
    }
}

/// What one transaction of the cart service writes, all or nothing.
package struct CartAppend: Hashable, Sendable {
    /// The epochs that this owner raised; the transaction fails if one of them is no longer current.
    package var epochs: [Int: Int] = [:]
    /// New events.
    package var events: [StoredEvent] = []
    /// Snapshots that take the place of older ones of their carts.
    package var snapshots: [StoredSnapshot] = []
    /// Obligations that are new or changed: one for each request.
    package var obligations: [Obligation] = []
    /// Requests that have no obligation any more.
    package var discharged: [CartRequestKey] = []

    package init() {}
}

/// Why the store did not carry something out.
package enum CartStoreError: Error, Hashable, Sendable {
    /// Another owner has raised the epoch of one of the partitions.
    case fenced
    /// An event of that version stands already: somebody else wrote the cart's history on.
    case conflict
    /// The store is away, or did not say whether it committed: look again, later.
    case unavailable(String)
    /// The store refuses this very input, now and for ever.
    case refused(String)
}

/// The carts' database.
package protocol CartStore: Sendable {
    /// Raises the epochs of the partitions, which fences every former owner.
    func raiseEpochs(
        _ partitions: [Int], owner: String
    ) async throws(CartStoreError) -> [Int: Int]

    /// What the carts are made from; nothing for a cart without events.
    func histories(of carts: [CartID]) async throws(CartStoreError) -> [CartID: CartHistory]

    /// The events that bear the IDs of these requests or of their parts, by an index.
    func events(of requests: [CartRequestKey]) async throws(CartStoreError) -> [StoredEvent]

    /// The open obligations of the partitions.
    func obligations(of partitions: [Int]) async throws(CartStoreError) -> [Obligation]

    /// Checks the epochs and writes, in one transaction; also without anything to write.
    func append(_ append: CartAppend) async throws(CartStoreError)

    /// Forgets events of some carts that their snapshots cover and that are older than `age`: a bounded
    /// number of each cart, the oldest first.
    ///
    /// - Parameter first: the cart to begin with, in the order of IDs.
    /// - Returns: how many events went, and the cart to go on with; `nil` after the last one.
    func pruneEvents(
        from first: CartID, olderThan age: Duration
    ) async throws(CartStoreError) -> (count: Int, next: CartID?)
}

/// What the cart service sends.
package struct CartOutput: Sendable {
    package var inventoryRequests: [InventoryRequest] = []
    package var responses: [CartResponse] = []
    /// What carts say to each other.
    package var cartRequests: [CartRequest] = []
    package var events: [StoredEvent] = []
    package var deadLetters: [DeadLetter] = []

    package init() {}

    /// How many messages there are to send.
    package var count: Int {
        inventoryRequests.count + responses.count + cartRequests.count + events.count
            + deadLetters.count
    }

    /// Whether there is nothing to send.
    package var isEmpty: Bool { count == 0 }

    /// Adds what is owed.
    mutating func say(_ message: Obligation.Message) {
        switch message {
        case .inventory(let request): inventoryRequests.append(request)
        case .fetch(let key, let userID, let other):
            cartRequests.append(
                CartRequest(
                    cartID: other, requestID: key.requestID.part(for: key.cartID),
                    userID: userID, action: .handOver(to: key.cartID)))
        }
    }
}

/// Where the cart service sends what it has to say.
package protocol CartOutbox: Sendable {
    /// Sends; returns once the log has all of it.
    func send(_ output: CartOutput) async throws
}
