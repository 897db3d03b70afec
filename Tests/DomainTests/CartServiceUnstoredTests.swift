import CartDomain
import Messages
import Synchronization
import Testing

@testable import CartService
@testable import Simulation

/// Adds that are stored together with their answers.
@Suite struct CartServiceUnstoredTests {
    private let all = Array(0..<World.partitionCount)

    /// Ann has asked for three drills, and the inventory has not answered.
    private func waitingWorld() -> World {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.inventoryStore.gate.close()
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        return world
    }

    /// Users whose carts are in ann's partition.
    private var neighbours: [UserID] { others.filter { partition(of: $0) == partition(of: ann) } }
    private var stranger: UserID {
        get throws {
            try #require(others.first { partition(of: $0) != partition(of: ann) })
        }
    }
    private let others = (0..<100).map { user("other\($0)") }

    private func types(of world: World) -> [String]? {
        world.cartStore.events[CartID(of: ann)]?.map(\.type)
    }

    private func appendCount(_ world: World) -> Int {
        world.cartStore.state.withLock { $0.appendCount }
    }

    @Test func `an add costs one append, and no obligation`() throws {
        let world = waitingWorld()
        #expect(appendCount(world) == 0)
        #expect(types(of: world) == nil)
        world.inventoryStore.gate.open()
        world.run()
        #expect(appendCount(world) == 1)
        #expect(types(of: world) == ["added"])
        #expect(world.topics.cartEvents.map(\.type) == ["added"])
        #expect(world.cartStore.obligations.isEmpty)
        world.pass(.seconds(1))
        #expect(world.topics.cartRequests.committed[partition(of: ann)] == 1)
        try world.checkQuiet()
    }

    @Test func `the cart in memory is the one that the store has`() throws {
        let world = waitingWorld()
        world.inventoryStore.gate.open()
        world.run()
        world.ask(.of(ann, "r2", .add(drill, quantity: 1)))
        world.ask(.of(ann, "r3", .add(saw, quantity: 1)))
        world.run()
        let cart = world.carts[0].inspect { engine in
            engine.carts[CartID(of: ann)]?.assumeIsolated { $0.snapshot.json }
        }
        #expect(try world.cart(of: ann).snapshot.encoded() == cart)
    }

    @Test func `an add that is refused is stored as its request and its refusal`() throws {
        let world = waitingWorld()
        world.inventoryStore.stock(drill, 2)
        world.inventoryStore.gate.open()
        world.run()
        #expect(world.outcome(of: id("r1")) == .rejected)
        #expect(appendCount(world) == 1)
        #expect(types(of: world) == ["add-requested", "add-refused"])
        try world.checkQuiet()
    }

    @Test func `only the latest event takes its answer in`() throws {
        let world = waitingWorld()
        world.topics.inventoryRequests.lose(oneIn: 1)
        world.ask(.of(ann, "r2", .add(drill, quantity: 1)))
        world.run()
        world.topics.inventoryRequests.lose(oneIn: nil)
        world.inventoryStore.gate.open()
        world.run()
        #expect(types(of: world) == ["add-requested", "add-requested", "add-confirmed"])
        world.pass(.seconds(10))
        #expect(world.outcome(of: id("r2")) == .accepted)
        try world.checkQuiet()
    }

    @Test func `an add that is not answered soon is stored with its obligation, and asked again`()
        throws
    {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.topics.inventoryRequests.lose(oneIn: 1)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.pass(.seconds(1))
        #expect(types(of: world) == nil)
        #expect(world.topics.cartRequests.committed[partition(of: ann)] ?? 0 == 0)
        world.topics.inventoryRequests.lose(oneIn: nil)
        world.inventoryStore.gate.close()
        world.pass(.seconds(2))
        #expect(types(of: world) == ["add-requested"])
        #expect(world.cartStore.obligations.count == 1)
        #expect(world.topics.cartRequests.committed[partition(of: ann)] == 1)
        world.inventoryStore.gate.open()
        world.run()
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(world.cartStore.obligations.isEmpty)
        try world.checkQuiet()
    }

    /// A world whose inventory has taken so long for each of many answers.
    private func slowWorld(_ taken: Duration) -> World {
        let world = World.running()
        world.inventoryStore.stock(drill, 1_000)
        world.inventoryStore.gate.close()
        for other in others { world.ask(.of(other, "r1", .add(drill, quantity: 1))) }
        world.pass(taken)
        world.inventoryStore.gate.open()
        world.run()
        return world
    }

    @Test func `where the inventory is slow, an add waits and is asked for once`() throws {
        let world = slowWorld(.milliseconds(1_500))
        let askedBefore = world.topics.inventoryRequests.values.count
        world.inventoryStore.gate.close()
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        // Four times what each answer took, where two seconds are set.
        world.pass(.milliseconds(5_500))
        #expect(types(of: world) == nil)
        world.inventoryStore.gate.open()
        world.run()
        #expect(types(of: world) == ["added"])
        #expect(world.topics.inventoryRequests.values.count == askedBefore + 1)
        try world.checkQuiet()
    }

    @Test func `where the inventory is slow, what was stored unanswered is asked again later`()
        throws
    {
        let world = slowWorld(.milliseconds(1_500))
        world.inventoryStore.gate.close()
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.ask(.of(ann, "c", .check))
        world.run()
        #expect(types(of: world) == ["add-requested"])
        let asks = { world.topics.inventoryRequests.values.count { $0.requestID == id("r1") } }
        let asked = asks()
        world.pass(.milliseconds(5_500))
        #expect(asks() == asked)
        world.pass(.seconds(1))
        #expect(asks() == asked + 1)
        world.inventoryStore.gate.open()
        world.pass(.seconds(1))
        #expect(world.outcome(of: id("r1")) == .accepted)
        try world.checkQuiet()
    }

    @Test func `answers that come at once again are waited for no longer than is set`() throws {
        let world = slowWorld(.milliseconds(1_500))
        for other in others { world.ask(.of(other, "r2", .add(drill, quantity: 1))) }
        world.run()
        world.topics.inventoryRequests.lose(oneIn: 1)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.pass(.milliseconds(2_200))
        #expect(types(of: world) == ["add-requested"])
    }

    @Test func `whoever asks for the cart is shown nothing that is not stored`() throws {
        let world = waitingWorld()
        world.ask(.of(ann, "c", .check))
        world.run()
        #expect(world.outcome(of: id("c")) == .accepted)
        #expect(types(of: world) == ["add-requested"])
        #expect(world.cartStore.obligations.count == 1)
        world.inventoryStore.gate.open()
        world.run()
        try world.checkQuiet()
    }

    @Test func `what happens to the cart meanwhile is stored after the add`() throws {
        let world = waitingWorld()
        world.ask(.of(ann, "r2", .add(drill, quantity: 1)))
        world.run()
        #expect(appendCount(world) == 0)
        world.ask(.of(ann, "r3", .remove(drill, quantity: 4)))
        world.run()
        #expect(types(of: world) == ["add-requested", "add-requested", "removed"])
        #expect(world.outcome(of: id("r1")) == .rejected)
        world.inventoryStore.gate.open()
        world.pass(.seconds(60))
        #expect(world.inventoryStore.held(of: drill) == 0)
        try world.checkQuiet()
    }

    @Test func `the next owner decides an add anew that died with its owner`() throws {
        let world = waitingWorld()
        world.carts[0].kill()
        world.inventoryStore.gate.open()
        world.run()
        #expect(world.inventoryStore.held(of: drill) == 3)
        #expect(types(of: world) == nil)
        world.startCarts().log.assign(all)
        world.pass(.seconds(10))
        #expect(world.outcomes(of: id("r1")).map(\.status) == [.accepted])
        #expect(world.inventoryStore.held(of: drill) == 3)
        try world.checkQuiet()
    }

    @Test func `an owner that lets go stores what waits`() throws {
        let world = waitingWorld()
        world.carts[0].log.revoke(all)
        world.run()
        #expect(world.carts[0].log.revocationsCompleted == 1)
        #expect(world.topics.cartRequests.committed[partition(of: ann)] == 1)
        #expect(world.cartStore.obligations.count == 1)
        world.inventoryStore.gate.open()
        world.startCarts().log.assign(all)
        world.pass(.seconds(10))
        #expect(world.outcome(of: id("r1")) == .accepted)
        try world.checkQuiet()
    }

    @Test func `an owner lets go of a cart that waits and was kept aside meanwhile`() throws {
        let world = waitingWorld()
        let (leaving, first) = (partition(of: ann), world.carts[0])
        let neighbour = neighbours[0]
        // The neighbour's request finds the partition fenced.
        world.cartStore.raise(leaving)
        world.ask(.of(neighbour, "r1", .remove(drill, quantity: 1)))
        world.run()
        // One batch: ann's part of it is kept aside, the stranger's waits for the store.
        world.cartStore.appendGate.close()
        world.ask(.of(ann, "r2", .add(drill, quantity: 1)))
        world.ask(.of(try stranger, "r1", .remove(drill, quantity: 1)))
        world.run()
        first.log.revoke([leaving])
        world.run()
        world.cartStore.openGates()
        world.pass(.seconds(5))
        #expect(first.log.revocationsCompleted == 1)
        world.startCarts().log.assign([leaving])
        world.inventoryStore.gate.open()
        world.pass(.seconds(10))
        #expect(world.outcome(of: id("r2")) == .accepted)
        #expect(world.inventoryStore.held(of: drill) == 4)
        try world.checkQuiet()
    }

    @Test func `a partition that is given up waits for no add that was kept aside`() throws {
        let world = waitingWorld()
        let (leaving, first) = (partition(of: ann), world.carts[0])
        let (early, late) = (neighbours[0], neighbours[1])
        world.ask(.of(early, "r1", .remove(drill, quantity: 1)))
        world.run()
        world.cartStore.raise(leaving)
        // The late neighbour's cart is being read while the early one's finds the partition fenced.
        world.cartStore.readGate.close()
        world.ask(.of(late, "r1", .remove(drill, quantity: 1)))
        world.run()
        world.ask(.of(early, "e2", .remove(drill, quantity: 1)))
        world.run()
        world.cartStore.appendGate.close()
        world.ask(.of(ann, "r2", .add(drill, quantity: 1)))
        world.ask(.of(try stranger, "r1", .remove(drill, quantity: 1)))
        world.run()
        first.log.revoke([leaving])
        world.run()
        #expect(first.log.revocationsCompleted == 0)
        world.cartStore.openGates()
        world.pass(.seconds(5))
        #expect(first.log.revocationsCompleted == 1)
        world.startCarts().log.assign([leaving])
        world.inventoryStore.gate.open()
        world.pass(.seconds(10))
        #expect(world.outcome(of: id("r2")) != nil)
        #expect(world.inventoryStore.held(of: drill) == 4)
        try world.checkQuiet()
    }

    @Test func `what waits is kept in its order where the store fails`() throws {
        let world = waitingWorld()
        world.cartStore.failNext(.unavailable, .unavailableAfterCommit)
        world.ask(.of(ann, "r2", .remove(drill, quantity: 1)))
        world.pass(.seconds(1))
        #expect(types(of: world) == ["add-requested", "removed"])
        world.inventoryStore.gate.open()
        world.pass(.seconds(60))
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(world.inventoryStore.held(of: drill) == 2)
        try world.checkQuiet()
    }

    @Test func `an owner learns of a raised epoch where nothing comes for the partition`() throws {
        let world = World.running()
        let taken = partition(of: ann)
        let epochs = { world.cartStore.state.withLock { $0.epochs[taken] ?? 0 } }
        world.cartStore.raise(taken)
        let raised = epochs()
        world.pass(.seconds(60))
        #expect(epochs() == raised + 1)
    }
}
