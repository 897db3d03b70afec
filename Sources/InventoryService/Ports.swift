package import InventoryDomain
package import Messages

/// What a transaction reads before it decides: rows under lock, then their ledger.
package struct InventorySnapshot: Sendable {
    /// The database's clock.
    package let now: Timestamp
    /// The products that exist, locked in code order.
    package let products: [ProductCode: Product]
    /// The holds that exist among the keys that were asked for, read after the locks were taken.
    package let holds: [HoldKey: Hold]
    /// How many pieces are held by the ledger of each product that was to be counted.
    package let counts: [ProductCode: Int]

    package init(
        now: Timestamp, products: [ProductCode: Product], holds: [HoldKey: Hold],
        counts: [ProductCode: Int] = [:]
    ) {
        self.now = now
        self.products = products
        self.holds = holds
        self.counts = counts
    }
}

/// What a transaction writes.
package struct InventoryChanges: Hashable, Sendable {
    /// How one product's row moves.
    package struct ProductChange: Hashable, Sendable {
        package let code: ProductCode
        /// Added to the pieces held.
        package let heldDelta: Int
        /// The fence that the row has from now on.
        package let fence: Int

        package init(code: ProductCode, heldDelta: Int, fence: Int) {
            self.code = code
            self.heldDelta = heldDelta
            self.fence = fence
        }
    }

    /// How many milliseconds the clock of a guess may be from the database's.
    package static let clockToleranceMillis = 1_000

    package var products: [ProductChange] = []
    package var newHolds: [Hold] = []
    package var loweredHolds: [HoldKey: Int] = [:]
    package var extendedHolds: [HoldKey: Timestamp] = [:]

    package init() {}

    /// Whether nothing changes but what new holds take.
    package var onlyPlacesHolds: Bool {
        !newHolds.isEmpty && loweredHolds.isEmpty && extendedHolds.isEmpty
    }
}

/// Why the store did not carry a transaction out.
package enum InventoryStoreError: Error, Hashable, Sendable {
    /// The store is away, or did not say whether it committed: the same again, later.
    case unavailable(String)
    /// The store refuses these very changes, now and for ever.
    case refused(String)
}

/// The inventory's database.
package protocol InventoryStore: Sendable {
    /// Carries out one transaction: locks the products in code order, reads the holds by their keys,
    /// lets `decide` say what to write, writes and commits.
    ///
    /// A guess at what will be read saves a round trip: `decide` decides on it first. A decision that
    /// only places holds is committed if, under the products' locks, all their rows are as guessed, none
    /// of the holds stands already, and the clock is right within
    /// ``InventoryChanges/clockToleranceMillis``. Else nothing of it is written, and the transaction goes
    /// on as without a guess.
    ///
    /// - Parameters:
    ///   - products: in code order, without repetition.
    ///   - counts: the products whose ledgers are to be counted, once their rows are locked.
    ///   - guess: all of the products, and none of the holds; `nil` where there is nothing to go by.
    /// - Returns: what `decide` returned besides, once the transaction has committed.
    func transact<Decision: Sendable>(
        products: [ProductCode], holds: [HoldKey], counts: [ProductCode],
        guess: InventorySnapshot?,
        _ decide: @Sendable (InventorySnapshot) -> (InventoryChanges, Decision)
    ) async throws(InventoryStoreError) -> Decision

    /// Takes note that holds past their time are proposed to their carts, those first that have waited
    /// longest; passes over rows that somebody else is working on.
    ///
    /// - Parameter repeatAfter: when a hold that was proposed before is proposed again.
    /// - Returns: the proposals, at most `max`.
    func proposeDueHolds(
        max: Int, repeatAfter: Duration
    ) async throws(InventoryStoreError) -> [InventoryResponse]

    /// Forgets decisions that hold nothing and are older than `age`.
    ///
    /// - Returns: how many were forgotten, at most `max`.
    func pruneHolds(olderThan age: Duration, max: Int) async throws(InventoryStoreError) -> Int
}

/// What became of an attempt to lock a product.
package enum LockOutcome: Hashable, Sendable {
    /// The lock is ours; the token is above the floor that was given.
    case granted(token: Int)
    /// Somebody else kept it for the whole wait.
    case busy
    /// The lock service is away.
    case unavailable
}

/// Locks on products, that say who may try; no correctness depends on them.
package protocol ProductLocks: Sendable {
    /// Takes the locks of many products in one round trip, waiting a bounded time for busy ones.
    ///
    /// - Parameter floors: for each product, the fence that the token has to pass.
    func acquire(_ floors: [ProductCode: Int]) async -> [ProductCode: LockOutcome]

    /// Gives locks back, those that are still ours.
    func release(_ products: [ProductCode]) async
}

/// Where the inventory sends its answers.
package protocol InventoryOutbox: Sendable {
    /// Sends; returns once the log has all of them.
    func send(_ responses: [InventoryResponse], deadLetters: [DeadLetter]) async throws
}
