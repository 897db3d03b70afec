import CartDomain
import InventoryDomain
import Messages
import Synchronization
import Testing

@testable import CartService
@testable import Simulation

@Suite struct ObligationTests {
    private let all = Array(0..<World.partitionCount)

    @Test func `an ask that the log lost is asked again until it is answered, and no longer`()
        throws
    {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.carts[0].outbox.loseInventoryRequests(true)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.pass(.seconds(20))
        #expect(world.cartStore.obligations.count == 1)
        world.carts[0].outbox.loseInventoryRequests(false)
        world.pass(.seconds(30))
        #expect(world.outcome(of: id("r1")) == .accepted)
        try expectSilence(world)
    }

    @Test func `a lower that the log lost is said again until it is acknowledged`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        world.carts[0].outbox.loseInventoryRequests(true)
        world.ask(.of(ann, "r2", .remove(drill, quantity: 2)))
        world.pass(.seconds(20))
        #expect(world.inventoryStore.held(of: drill) == 3)
        world.carts[0].outbox.loseInventoryRequests(false)
        world.pass(.seconds(30))
        #expect(world.inventoryStore.held(of: drill) == 1)
        try expectSilence(world)
    }

    @Test func `repetitions wait longer each time`() throws {
        let world = World.running()
        world.inventories[0].log.lose(all)
        world.run()
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.pass(.seconds(20))
        let early = world.topics.inventoryRequests.values.count
        #expect(early >= 4 && early <= 6)
        world.pass(.seconds(600))
        let late = world.topics.inventoryRequests.values.count - early
        #expect(late >= 15 && late <= 21)
    }

    @Test func `an ask that comes after its time is refused, and that settles it`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.carts[0].outbox.loseInventoryRequests(true)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.pass(.seconds(70))
        world.carts[0].outbox.loseInventoryRequests(false)
        world.pass(.seconds(60))
        #expect(world.outcomes(of: id("r1")).map(\.reason) == [.tooLate])
        try expectSilence(world)
    }

    @Test func `a new owner repeats what the former owed`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        let first = world.carts[0]
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.ask(.of(bob, "b1", .add(drill, quantity: 2)))
        world.run()
        first.outbox.loseInventoryRequests(true)
        world.ask(.of(ann, "r2", .remove(drill, quantity: 2)))
        world.ask(.of(bob, "b2", .add(drill, quantity: 1)))
        world.run()
        first.log.revoke(all)
        world.run()
        world.startCarts().log.assign(all)
        world.pass(.seconds(5))
        #expect(world.inventoryStore.held(of: drill) == 4)
        #expect(world.outcome(of: id("b2")) == .accepted)
        try expectSilence(world)
    }

    @Test func `the answer to an ask that was never stored settles no later request of its ID`()
        throws
    {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.inventoryStore.stock(saw, 10)
        world.inventoryStore.gate.close()
        // An ask for drills left, but its request was not stored.
        world.topics.ask(
            InventoryRequest(
                cartID: CartID(of: ann), requestID: id("r1"), userID: ann, productCode: drill,
                action: .ask(quantity: 1, until: world.clock.now() + .seconds(60))))
        world.ask(.of(ann, "r1", .add(saw, quantity: 5)))
        world.run()
        world.inventoryStore.gate.open()
        world.pass(.seconds(60))
        #expect(world.outcomes(of: id("r1")).map(\.reason) == [.requestIDReused])
        #expect(world.inventoryStore.held(of: saw) == 0)
        #expect(world.cartStore.obligations == [:])
        #expect(world.inventoryStore.violations == [])
    }

    @Test func `the answer to another ask does not end the asking`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.carts[0].outbox.loseInventoryRequests(true)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        for (code, quantity) in [(saw, 3), (drill, 4)] {
            world.topics.answer(
                InventoryResponse(
                    cartID: CartID(of: ann), requestID: id("r1"), productCode: code,
                    answer: .held(quantity: quantity, name: "x", expiresAt: world.clock.now())))
        }
        world.run()
        #expect(world.outcomes(of: id("r1")) == [])
        world.carts[0].outbox.loseInventoryRequests(false)
        world.pass(.seconds(30))
        #expect(world.outcome(of: id("r1")) == .accepted)
        try expectSilence(world)
    }

    @Test func `the same with another quantity of the same product`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.inventoryStore.gate.close()
        world.topics.ask(
            InventoryRequest(
                cartID: CartID(of: ann), requestID: id("r1"), userID: ann, productCode: drill,
                action: .ask(quantity: 1, until: world.clock.now() + .seconds(60))))
        world.ask(.of(ann, "r1", .add(drill, quantity: 5)))
        world.run()
        world.inventoryStore.gate.open()
        world.pass(.seconds(60))
        #expect(world.outcomes(of: id("r1")).map(\.reason) == [.requestIDReused])
        #expect(try world.cart(of: ann).held == [])
    }

    @Test func `a lower whose key is in use for another product comes to an end`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.inventoryStore.stock(saw, 10)
        world.topics.ask(
            InventoryRequest(
                cartID: CartID(of: ann), requestID: id("r1"), userID: ann, productCode: drill,
                action: .ask(quantity: 4, until: world.clock.now() + .seconds(60))))
        world.run()
        world.inventoryStore.gate.close()
        world.ask(.of(ann, "r1", .add(saw, quantity: 5)))
        world.ask(.of(ann, "r2", .remove(saw, quantity: 5)))
        world.run()
        world.inventoryStore.gate.open()
        world.pass(.seconds(60))
        #expect(world.outcome(of: id("r2")) == .accepted)
        #expect(world.cartStore.obligations == [:])
        #expect(world.inventoryStore.held(of: drill) == 4)
    }

    @Test func `answers that nobody asked for change nothing`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        let before = try world.cart(of: ann)
        for requestID in ["r1", "never"] {
            for answer: InventoryResponse.Answer in [
                .held(quantity: 3, name: "x", expiresAt: world.clock.now()),
                .refused(.outOfStock, available: 0), .lowered(to: 0),
            ] {
                world.topics.answer(
                    InventoryResponse(
                        cartID: CartID(of: ann), requestID: id(requestID), productCode: drill,
                        answer: answer))
            }
        }
        world.pass(.seconds(60))
        #expect(try world.cart(of: ann) == before)
        try expectSilence(world)
    }

    @Test func `an answer in the same batch as its replayed request settles it once`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.cartStore.appendGate.close()
        world.run()
        // The ask has left and is answered; the request was not stored. Its owner dies.
        #expect(world.inventoryStore.held(of: drill) == 3)
        let first = world.carts[0]
        first.log.lose(all)
        first.outbox.setAway(true)
        world.cartStore.raise(partition(of: ann))
        world.cartStore.appendGate.open()
        world.run()
        world.startCarts().log.assign(all)
        world.pass(.seconds(30))
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(world.inventoryStore.held(of: drill) == 3)
        try expectSilence(world)
    }

    /// When all is said nothing is said again.
    private func expectSilence(_ world: World) throws {
        world.pass(.seconds(60))
        let said = world.topics.inventoryRequests.values.count
        let answered = world.topics.inventoryResponses.values.count
        world.pass(.seconds(300))
        #expect(world.topics.inventoryRequests.values.count == said)
        #expect(world.topics.inventoryResponses.values.count == answered)
        #expect(world.carts.allSatisfy { $0.inspect { $0.owed.isEmpty } })
        try world.checkQuiet()
    }
}
