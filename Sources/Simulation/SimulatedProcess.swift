import CartService
import InventoryDomain
import InventoryService
import Messages
import Synchronization

/// One process as its machine sees it: it can be paused, and can die at any of its effects.
final class SimulatedProcess: Sendable {
    private struct State {
        var isDead = false
        /// After so many more beginnings or ends of effects it dies.
        var stepsLeft: Int?
    }

    let name: String
    private let trace: Trace?
    private let state = Mutex(State())
    /// Closed while the process is paused: all that it does next waits.
    private let gate = Gate()
    private let paused = Mutex(false)

    init(_ name: String, trace: Trace?) {
        self.name = name
        self.trace = trace
    }

    var isDead: Bool { state.withLock { $0.isDead } }
    var isPaused: Bool { paused.withLock { $0 } }

    func kill() { state.withLock { $0.isDead = true } }
    func killAfter(steps: Int) { state.withLock { $0.stepsLeft = steps } }

    func pause() {
        paused.withLock { $0 = true }
        gate.close()
    }

    func resume() {
        paused.withLock { $0 = false }
        gate.open()
    }

    /// Notes that it is given a message.
    func noteDelivery(_ topic: Topic, _ partition: Int, _ offset: Int) {
        trace?.note("deliver  \(topic.rawValue)/\(partition)@\(offset) to \(name)")
    }

    /// Waits while the process is paused.
    func pass() async { if isPaused { await gate.pass() } }

    /// Carries an effect out, unless the process is dead or dies before; whoever asked hears nothing
    /// of one that it dies after.
    func effect<Result, Failure: Error>(
        _ name: String, otherwise failure: Failure, _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        await pass()
        if isOver(name, "before") { throw failure }
        let result = try await body()
        if isOver(name, "after") { throw failure }
        return result
    }

    private func isOver(_ name: String, _ moment: String) -> Bool {
        let (isDead, dies) = state.withLock { state in
            if let left = state.stepsLeft, !state.isDead {
                state.stepsLeft = left - 1
                if left <= 1 {
                    state.isDead = true
                    return (true, true)
                }
            }
            return (state.isDead, false)
        }
        if dies { trace?.fault("crash \(moment) \(name)", self.name) }
        return isDead
    }
}

/// The carts' database as one process reaches it.
struct ProcessCartStore: CartStore {
    let store: FakeCartStore
    let process: SimulatedProcess

    private static var dead: CartStoreError { .unavailable("the process is dead") }

    func raiseEpochs(
        _ partitions: [Int], owner: String
    ) async throws(CartStoreError) -> [Int: Int] {
        try await process.effect("takeover", otherwise: Self.dead) { () throws(CartStoreError) in
            try await store.raiseEpochs(partitions, owner: owner)
        }
    }

    func histories(of carts: [CartID]) async throws(CartStoreError) -> [CartID: CartHistory] {
        try await store.histories(of: carts)
    }

    func pruneEvents(
        from first: CartID, olderThan age: Duration
    ) async throws(CartStoreError) -> (count: Int, next: CartID?) {
        try await store.pruneEvents(from: first, olderThan: age)
    }

    func events(of requests: [CartRequestKey]) async throws(CartStoreError) -> [StoredEvent] {
        try await store.events(of: requests)
    }

    func obligations(of partitions: [Int]) async throws(CartStoreError) -> [Obligation] {
        try await store.obligations(of: partitions)
    }

    func append(_ append: CartAppend) async throws(CartStoreError) {
        try await process.effect("append", otherwise: Self.dead) { () throws(CartStoreError) in
            try await store.append(append)
        }
    }
}

/// The inventory's database as one process reaches it.
struct ProcessInventoryStore: InventoryStore {
    let store: FakeInventoryStore
    let process: SimulatedProcess

    private static var dead: InventoryStoreError { .unavailable("the process is dead") }

    func transact<Decision: Sendable>(
        products: [ProductCode], holds: [HoldKey], counts: [ProductCode],
        guess: InventorySnapshot?,
        _ decide: @Sendable (InventorySnapshot) -> (InventoryChanges, Decision)
    ) async throws(InventoryStoreError) -> Decision {
        try await process.effect("transaction", otherwise: Self.dead) {
            () throws(InventoryStoreError) in
            try await store.transact(
                products: products, holds: holds, counts: counts, guess: guess, decide)
        }
    }

    func proposeDueHolds(
        max: Int, repeatAfter: Duration
    ) async throws(InventoryStoreError) -> [InventoryResponse] {
        try await process.effect("proposals", otherwise: Self.dead) {
            () throws(InventoryStoreError) in
            try await store.proposeDueHolds(max: max, repeatAfter: repeatAfter)
        }
    }

    func pruneHolds(
        olderThan age: Duration, max: Int
    ) async throws(InventoryStoreError) -> Int {
        try await store.pruneHolds(olderThan: age, max: max)
    }
}

/// A clock that goes wrong by a fixed time.
struct SkewedClock: ServiceClock {
    let clock: ManualClock
    let skew: Duration

    func now() -> Timestamp { clock.now() + skew }
    func sleep(for duration: Duration) async throws { try await clock.sleep(for: duration) }
}
