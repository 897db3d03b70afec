import CartDomain
import InventoryDomain
import Messages
import Testing

@testable import CartService
@testable import Simulation

@Suite struct CartServiceFlowTests {
    @Test func `an add is held, answered and published`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3), replyPartition: 7))
        world.run()
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(world.outcomes(of: id("r1")).map(\.replyPartition) == [7])
        #expect(world.inventoryStore.held(of: drill) == 3)
        #expect(try world.cart(of: ann).view.lines.map(\.quantity) == [3])
        #expect(world.topics.cartEvents.map(\.type) == ["added"])
        try world.checkQuiet()
    }

    @Test func `what is not there is refused with how much is left`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 2)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.ask(.of(ann, "r2", .add(saw, quantity: 1)))
        world.run()
        #expect(world.outcomes(of: id("r1")).map(\.reason) == [.outOfStock])
        #expect(world.outcomes(of: id("r2")).map(\.reason) == [.unknownProduct])
        let messages = world.topics.responses.compactMap { response in
            if case .outcome(_, _, _, let message, _, _) = response.content { message } else { nil }
        }
        #expect(messages.contains("only 2 left"))
        try world.checkQuiet()
    }

    @Test func `a removal is answered at once and lowers its holds`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 4)))
        world.run()
        world.ask(.of(ann, "r2", .remove(drill, quantity: 3)))
        world.run()
        #expect(world.outcome(of: id("r2")) == .accepted)
        #expect(world.inventoryStore.held(of: drill) == 1)
        world.ask(.of(ann, "r3", .remove(drill, quantity: 2)))
        world.ask(.of(ann, "r4", .remove(drill, quantity: nil)))
        world.run()
        #expect(world.outcomes(of: id("r3")).map(\.reason) == [.notInCart])
        #expect(world.outcome(of: id("r4")) == .accepted)
        #expect(world.inventoryStore.held(of: drill) == 0)
        try world.checkQuiet()
    }

    @Test func `a removal of what is still asked for cancels the add and its hold`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.inventoryStore.gate.close()
        world.ask(.of(ann, "r1", .add(drill, quantity: 4)))
        world.run()
        world.ask(.of(ann, "r2", .remove(drill, quantity: 4)))
        world.run()
        #expect(world.outcome(of: id("r2")) == .accepted)
        #expect(world.outcomes(of: id("r1")).map(\.reason) == [.cancelled])
        world.inventoryStore.gate.open()
        world.pass(.seconds(60))
        #expect(world.inventoryStore.held(of: drill) == 0)
        try world.checkQuiet()
    }

    @Test func `a trimmed add keeps what was left of it`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.inventoryStore.gate.close()
        world.ask(.of(ann, "r1", .add(drill, quantity: 4)))
        world.run()
        world.ask(.of(ann, "r2", .remove(drill, quantity: 3)))
        world.run()
        world.inventoryStore.gate.open()
        world.pass(.seconds(60))
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(world.inventoryStore.held(of: drill) == 1)
        #expect(try world.cart(of: ann).view.lines.map(\.quantity) == [1])
        try world.checkQuiet()
    }

    @Test func `the same request counts once and is answered each time`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        for replyPartition in [1, 2] {
            world.ask(
                .of(ann, "r1", .add(drill, quantity: 3), replyPartition: replyPartition))
        }
        world.run()
        world.ask(.of(ann, "r1", .add(drill, quantity: 3), replyPartition: 3))
        world.run()
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(world.outcomes(of: id("r1")).map(\.replyPartition) == [1, 2, 3])
        #expect(world.inventoryStore.held(of: drill) == 3)
        try world.checkQuiet()
    }

    @Test func `a request ID with another body is refused and changes nothing`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        world.ask(.of(ann, "r1", .add(drill, quantity: 4)))
        world.ask(.of(ann, "r1", .remove(drill, quantity: 3)))
        world.run()
        #expect(
            world.outcomes(of: id("r1")).map(\.reason)
                == [nil, .requestIDReused, .requestIDReused])
        #expect(world.inventoryStore.held(of: drill) == 3)
    }

    @Test func `a check tells the cart, and a lookup the outcome`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        world.topics.forgetResponses()
        world.ask(.of(ann, "c1", .check))
        world.ask(.of(ann, "r1", .lookup))
        world.ask(.of(ann, "r2", .lookup))
        world.run()
        #expect(world.outcome(of: id("c1")) == .accepted)
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(world.outcome(of: id("r2")) == .unknown)
        guard case .outcome(_, _, _, _, let cart?, _) = world.topics.responses[0].content else {
            Issue.record("a check tells the cart")
            return
        }
        #expect(cart.lines.map(\.quantity) == [3])
        #expect(cart.version == 1)
    }

    @Test func `a watch tells what was missed and what changes`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        world.topics.forgetResponses()
        world.ask(.of(ann, "w1", .watch(since: 0), replyPartition: 5))
        world.ask(.of(ann, "w2", .watch(since: 1), replyPartition: 6))
        world.run()
        #expect(changes(world) == [5: 1])
        world.ask(.of(ann, "r2", .remove(drill, quantity: 1)))
        world.run()
        #expect(changes(world) == [5: 2, 6: 1])
        // A lease that is not renewed ends.
        world.pass(CartRequest.watchLease)
        world.ask(.of(ann, "r3", .remove(drill, quantity: 1)))
        world.run()
        #expect(changes(world) == [5: 2, 6: 1])
    }

    @Test func `a gateway that gets the outcome is not told the change besides`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "w1", .watch(since: 0), replyPartition: 5))
        world.ask(.of(ann, "w2", .watch(since: 0), replyPartition: 6))
        world.run()
        world.ask(.of(ann, "r1", .add(drill, quantity: 3), replyPartition: 5))
        world.run()
        #expect(world.outcomes(of: id("r1")).map(\.replyPartition) == [5])
        #expect(changes(world) == [6: 1])
    }

    @Test func `a watch from a version that is not reached is told how the cart stands`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        world.topics.forgetResponses()
        world.ask(.of(ann, "w1", .watch(since: 20), replyPartition: 5))
        world.run()
        #expect(changes(world) == [5: 1])
    }

    @Test func `leases that ended make room for new ones`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        for replyPartition in 0..<64 {
            world.ask(
                .of(
                    ann, "w\(replyPartition)", .watch(since: 0),
                    replyPartition: replyPartition))
        }
        world.run()
        world.pass(CartRequest.watchLease)
        world.ask(.of(ann, "w100", .watch(since: 0), replyPartition: 100))
        world.ask(.of(ann, "r1", .add(drill, quantity: 1)))
        world.run()
        #expect(changes(world) == [100: 1])
    }

    @Test(arguments: 1...20)
    func `requests of one cart are decided in the order of the log`(seed: UInt64) throws {
        let world = World(seed: seed)
        world.startInventory().log.assign([0, 1, 2, 3])
        world.startCarts(batchMax: 1).log.assign([0, 1, 2, 3])
        world.run()
        world.inventoryStore.stock(drill, 1_000)
        for index in 0..<20 {
            world.ask(.of(ann, "a\(index)", .add(drill, quantity: 1)))
            world.ask(.of(ann, "d\(index)", .remove(drill, quantity: 1)))
        }
        world.run()
        for index in 0..<20 { #expect(world.outcome(of: id("d\(index)")) == .accepted) }
        world.pass(.seconds(60))
        #expect(world.inventoryStore.held(of: drill) == 0)
        try world.checkQuiet()
    }

    /// How often each gateway was told of a change.
    private func changes(_ world: World) -> [Int: Int] {
        world.topics.responses.reduce(into: [:]) { counts, response in
            if case .changed = response.content { counts[response.replyPartition, default: 0] += 1 }
        }
    }
}
