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
    let clock = ManualClock()
    let topics = FakeTopics(partitions: World.partitionCount)
    let cartStore = FakeCartStore()
    let inventoryStore: FakeInventoryStore
    let locks = FakeLocks()
    var carts: [CartInstance] = []
    var inventories: [InventoryInstance] = []
    /// What went wrong that no fault accounts for.
    var problems: [String] = []
    private var seed: UInt64

    init(seed: UInt64? = nil) {
        executor = TestExecutor(seed: seed)
        inventoryStore = FakeInventoryStore(clock: clock)
        self.seed = seed ?? 1
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
        batchMax: Int = 100, _ change: (inout CartServiceConfiguration) -> Void = { _ in }
    ) -> CartInstance {
        var configuration = CartServiceConfiguration(
            owner: "carts-\(carts.count)", partitionCount: Self.partitionCount,
            replyPartitionCount: 1_000)
        change(&configuration)
        seed += 1
        let instance = CartInstance(self, configuration, batchMax: batchMax, seed: seed)
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
        let instance = InventoryInstance(self, configuration, batchMax: batchMax, seed: seed)
        inventories.append(instance)
        return instance
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
            guard case .outcome(requestID, let status, let reason, _, _) = response.content else {
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

    /// Everything that does not hold although all is quiet.
    func quietViolations() throws -> [String] {
        var violations =
            problems + cartStore.violations + inventoryStore.violations
            + inventoryStore.inconsistencies + locks.violations
        violations += locks.held.sorted().map { "the lock of \($0.text) is never given back" }
        violations += cartStore.obligations.keys.sorted().map { "\($0) is owed for ever" }
        var promised: [HoldKey: Int] = [:]
        var published: Set<StoredEvent> = []
        for (cartID, events) in cartStore.events.sorted(by: { $0.key.bits < $1.key.bits }) {
            var cart = Cart(cartID: cartID)
            for event in events { cart.evolve(try CartEvent(decoding: event.json)) }
            published.formUnion(events)
            if let snapshot = cartStore.state.withLock({ $0.snapshots[cartID] }) {
                var replayed = Cart(cartID: cartID)
                for event in events.prefix(snapshot.version) {
                    replayed.evolve(try CartEvent(decoding: event.json))
                }
                if try CartSnapshot(decoding: snapshot.json) != replayed.snapshot {
                    violations.append("snapshot \(snapshot.version) of \(cartID) is not its cart")
                }
            }
            violations += cart.pending.map { "\($0.requestID) of \(cartID) is pending for ever" }
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
        let unpublished = published.subtracting(topics.cartEvents).count
        if unpublished > 0 { violations.append("\(unpublished) events are not published") }
        return violations
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

    init(_ world: World, _ configuration: CartServiceConfiguration, batchMax: Int, seed: UInt64) {
        outbox = FakeCartOutbox(world.topics)
        log = FakeGroupLog(world.topics.cartRequests, batchMax: batchMax)
        answers = FakeAssignedLog(world.topics.inventoryResponses, batchMax: batchMax)
        engine = CartEngine(
            configuration: configuration, store: world.cartStore, outbox: outbox,
            clock: world.clock, executor: world.executor, logger: Self.quiet,
            metrics: MetricsRegistry(), generator: SeededGenerator(seed: seed))
        service = CartService(
            engine: engine, requests: log, answers: answers, configuration: configuration,
            clock: world.clock, logger: Self.quiet)
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
        outbox.kill()
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

    init(
        _ world: World, _ configuration: InventoryServiceConfiguration, batchMax: Int, seed: UInt64
    ) {
        outbox = FakeInventoryOutbox(world.topics)
        log = FakeGroupLog(world.topics.inventoryRequests, batchMax: batchMax)
        engine = InventoryEngine(
            configuration: configuration, store: world.inventoryStore, locks: world.locks,
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
        outbox.kill()
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
