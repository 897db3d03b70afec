import CartDomain
import CartService
import InventoryDomain
import InventoryService
import Messages
import Synchronization
import Telemetry

/// The services wired together in memory, on one executor and one clock.
final class World {
    static let partitionCount = 4

    let executor: TestExecutor
    let clock: ManualClock
    let topics: FakeTopics
    let cartStore: FakeCartStore
    let trace: Trace?
    let variant: Variant?
    let inventoryStore: FakeInventoryStore
    let locks = FakeLocks()
    var carts: [CartInstance] = []
    var inventories: [InventoryInstance] = []
    /// What went wrong that no fault accounts for.
    var problems: [String] = []
    /// How many processes were started.
    private var startedCount = 0
    private var seed: UInt64

    /// - Parameter databaseSkew: by how much the database's clock goes wrong.
    init(
        seed: UInt64? = nil, variant: Variant? = nil, clock: ManualClock = ManualClock(),
        trace: Trace? = nil, databaseSkew: Duration = .zero
    ) {
        self.clock = clock
        self.trace = trace
        self.variant = variant
        executor = TestExecutor(seed: seed)
        topics = FakeTopics(partitions: World.partitionCount, variant: variant, trace: trace)
        cartStore = FakeCartStore(variant: variant, trace: trace)
        let databaseClock = SkewedClock(clock: clock, skew: databaseSkew)
        inventoryStore = FakeInventoryStore(clock: databaseClock, variant: variant, trace: trace)
        self.seed = seed ?? 1
        if variant == .relativeLower { repeatLowers() }
    }

    /// One of each service, that owns everything.
    static func running(seed: UInt64? = nil) -> World {
        let world = World(seed: seed)
        world.startInventory().log.assign(Array(0..<partitionCount))
        world.startCarts().log.assign(Array(0..<partitionCount))
        world.run()
        return world
    }

    @discardableResult
    func startCarts(
        batchMax: Int = 100, skew: Duration = .zero,
        _ change: (inout CartServiceConfiguration) -> Void = { _ in }
    ) -> CartInstance {
        var configuration = CartServiceConfiguration(
            owner: "carts-\(carts.count)", partitionCount: Self.partitionCount,
            replyPartitionCount: 1_000)
        change(&configuration)
        seed += 1
        let instance = CartInstance(
            self, configuration, batchMax: batchMax, seed: seed, skew: skew,
            name: nameProcess("cart service"), isOdd: carts.count % 2 == 1)
        carts.append(instance)
        return instance
    }

    @discardableResult
    func startInventory(
        batchMax: Int = 100, _ change: (inout InventoryServiceConfiguration) -> Void = { _ in }
    ) -> InventoryInstance {
        var configuration = InventoryServiceConfiguration(partitionCount: Self.partitionCount)
        change(&configuration)
        seed += 1
        let instance = InventoryInstance(
            self, configuration, batchMax: batchMax, seed: seed,
            name: nameProcess("inventory service"))
        inventories.append(instance)
        return instance
    }

    private func nameProcess(_ kind: String) -> String {
        startedCount += 1
        return "\(kind) \(startedCount)"
    }

    /// Lets a lower that is delivered again lower by as much again.
    private func repeatLowers() {
        let store = inventoryStore
        let lowered = Mutex<[HoldKey: (to: Int, by: Int)]>([:])
        topics.inventoryRequests.rewrite { request in
            guard case .lower(let quantity, _) = request.action else { return request }
            let key = HoldKey(cartID: request.cartID, requestID: request.requestID)
            let held = store.holds[key]?.holdQuantity ?? 0
            return lowered.withLock { lowered in
                var again = request
                if let former = lowered[key], former.to == quantity {
                    again.action = .lower(to: max(0, held - former.by))
                } else {
                    lowered[key] = (quantity, max(0, held - quantity))
                }
                return again
            }
        }
    }

    /// Runs until nothing can go on without time passing.
    func run() {
        if !executor.run() { problems.append("the services go round in circles") }
    }

    /// Lets time pass, with everything that happens in it.
    func pass(_ duration: Duration) {
        run()
        let end = clock.now() + duration
        while let wake = clock.nextWake, wake <= end {
            clock.move(to: wake)
            run()
        }
        clock.move(to: end)
        run()
    }

    // MARK: What a gateway does

    func ask(_ request: CartRequest) { topics.ask(request) }

    func outcomes(of requestID: RequestID) -> [Outcomes] {
        topics.responses.compactMap { response in
            guard case .outcome(requestID, let status, let reason, _, _, _) = response.content
            else {
                return nil
            }
            return Outcomes(
                status: status, reason: reason, replyPartition: response.replyPartition)
        }
    }

    struct Outcomes: Hashable {
        let status: RequestStatus
        let reason: RejectionReason?
        let replyPartition: Int
    }

    /// The cart as its events in the store add up.
    func cart(of userID: UserID) throws -> Cart {
        let cartID = CartID(of: userID)
        var cart = Cart(cartID: cartID)
        for event in cartStore.events[cartID] ?? [] {
            cart.evolve(try CartEvent(decoding: event.json))
        }
        return cart
    }

    /// The lines that are in the carts still.
    func linesLeft() throws -> [String] {
        try cartStore.events.sorted { $0.key.bits < $1.key.bits }.flatMap { cartID, events in
            var cart = Cart(cartID: cartID)
            for event in events { cart.evolve(try CartEvent(decoding: event.json)) }
            return cart.held.map {
                "the line of \($0.requestID) in \(cartID) has outlived its time"
            }
        }
    }

    /// Everything that does not hold although all is quiet.
    func quietViolations() throws -> [String] {
        var violations =
            problems + cartStore.violations + inventoryStore.violations
            + inventoryStore.inconsistencies + locks.violations
        violations += locks.held.sorted().map { "the lock of \($0.text) is never given back" }
        violations += cartStore.obligations.keys.sorted().map { "\($0) is owed for ever" }
        var promised: [HoldKey: Int] = [:]
        var stored: Set<EventKey> = []
        for (cartID, events) in cartStore.events.sorted(by: { $0.key.bits < $1.key.bits }) {
            var cart = Cart(cartID: cartID)
            for event in events { cart.evolve(try CartEvent(decoding: event.json)) }
            stored.formUnion(events.map(EventKey.init))
            if let snapshot = cartStore.state.withLock({ $0.snapshots[cartID] }) {
                var replayed = Cart(cartID: cartID)
                for event in events.prefix(snapshot.version) {
                    replayed.evolve(try CartEvent(decoding: event.json))
                }
                if try CartSnapshot(decoding: snapshot.json) != replayed.snapshot {
                    violations.append("snapshot \(snapshot.version) of \(cartID) is not its cart")
                }
            }
            violations += (cart.pending.map(\.requestID) + cart.groups.map(\.requestID))
                .map { "\($0) of \(cartID) is pending for ever" }
            for item in cart.held {
                promised[HoldKey(cartID: cartID, requestID: item.requestID)] = item.quantity
            }
        }
        let held = inventoryStore.holds.filter { $0.value.holdQuantity > 0 }
            .mapValues(\.holdQuantity)
        for key in Set(held.keys).union(promised.keys) where held[key] != promised[key] {
            violations.append(
                """
                \(key.requestID) of \(key.cartID): \(held[key] ?? 0) held, \
                \(promised[key] ?? 0) in the cart
                """)
        }
        let published = Set(topics.cartEvents.map(EventKey.init))
        violations += stored.subtracting(published).map { "\($0) is not published" }.sorted()
        violations += published.subtracting(stored).map { "\($0) never happened" }.sorted()
        return violations
    }

    /// What tells events of one history apart, and forks of it.
    private struct EventKey: Hashable, CustomStringConvertible {
        let cartID: CartID
        let version: Int
        let requestID: RequestID
        let type: String

        init(_ event: StoredEvent) {
            (cartID, version) = (event.cartID, event.version)
            (requestID, type) = (event.requestID, event.type)
        }

        var description: String { "\(type) of \(requestID), version \(version) of \(cartID)," }
    }
}

/// One process of the cart service.
final class CartInstance {
    let engine: CartEngine
    let service: CartService
    let log: FakeGroupLog<CartRequest>
    let answers: FakeAssignedLog<InventoryResponse>
    let outbox: FakeCartOutbox
    let task: Task<Void, any Error>
    /// Whether ``task`` came to its end.
    let ended: Flag
    let process: SimulatedProcess

    /// - Parameter isOdd: whether it is every second instance, which a broken log treats otherwise.
    init(
        _ world: World, _ configuration: CartServiceConfiguration, batchMax: Int, seed: UInt64,
        skew: Duration, name: String, isOdd: Bool
    ) {
        process = SimulatedProcess(name, trace: world.trace)
        outbox = FakeCartOutbox(world.topics, process: process)
        log = FakeGroupLog(world.topics.cartRequests, batchMax: batchMax, process: process)
        answers = FakeAssignedLog(
            world.topics.inventoryResponses, batchMax: batchMax, process: process,
            isIdle: isOdd && world.variant == .answersElsewhere)
        let clock = SkewedClock(clock: world.clock, skew: skew)
        let store = ProcessCartStore(store: world.cartStore, process: process)
        engine = CartEngine(
            configuration: configuration, store: store, outbox: outbox,
            clock: clock, offers: FakeOffers(), executor: world.executor, logger: Self.quiet,
            metrics: MetricsRegistry(), generator: SeededGenerator(seed: seed))
        service = CartService(
            engine: engine, requests: log, answers: answers, configuration: configuration,
            clock: clock, logger: Self.quiet)
        let ended = Flag()
        self.ended = ended
        let service = service
        task = Task(executorPreference: world.executor) {
            defer { ended.raise() }
            try await service.run()
        }
    }

    static let quiet = Logger(component: "test", level: .error, descriptor: -1)

    /// Ends the process at once: nothing that it does any more is seen.
    func kill() {
        process.kill()
        process.resume()
        log.lose(log.assigned)
        task.cancel()
    }

    /// Tells the service to stop.
    func stop(_ world: World) {
        let service = service
        Task(executorPreference: world.executor) { await service.stop() }
    }

    /// What the engine holds in memory, read while nothing runs.
    func inspect<Value: Sendable>(_ read: @Sendable (isolated CartEngine) -> Value) -> Value {
        engine.assumeIsolated { read($0) }
    }
}

/// One process of the inventory service.
final class InventoryInstance {
    let engine: InventoryEngine
    let service: InventoryService
    let log: FakeGroupLog<InventoryRequest>
    let outbox: FakeInventoryOutbox
    let task: Task<Void, any Error>
    let ended: Flag
    let process: SimulatedProcess

    init(
        _ world: World, _ configuration: InventoryServiceConfiguration, batchMax: Int, seed: UInt64,
        name: String
    ) {
        process = SimulatedProcess(name, trace: world.trace)
        outbox = FakeInventoryOutbox(world.topics, process: process)
        log = FakeGroupLog(world.topics.inventoryRequests, batchMax: batchMax, process: process)
        let store = ProcessInventoryStore(store: world.inventoryStore, process: process)
        engine = InventoryEngine(
            configuration: configuration, store: store, locks: world.locks,
            outbox: outbox, clock: world.clock, executor: world.executor,
            logger: CartInstance.quiet, metrics: MetricsRegistry(),
            generator: SeededGenerator(seed: seed))
        service = InventoryService(
            engine: engine, requests: log, configuration: configuration, clock: world.clock,
            logger: CartInstance.quiet)
        let ended = Flag()
        self.ended = ended
        let service = service
        task = Task(executorPreference: world.executor) {
            defer { ended.raise() }
            try await service.run()
        }
    }

    /// Ends the process at once: nothing that it does any more is seen.
    func kill() {
        process.kill()
        process.resume()
        log.lose(log.assigned)
        task.cancel()
    }
}

/// Something that happens once.
final class Flag: Sendable {
    private let state = Mutex(false)
    var isRaised: Bool { state.withLock { $0 } }
    func raise() { state.withLock { $0 = true } }
}
