import CartDomain
import InventoryDomain
import Messages
import Testing

@testable import CartService
@testable import Simulation

/// What a cart makes of a hold that the inventory calls due.
@Suite struct HoldDueDecisionTests {
    private static let lifetime = Duration.seconds(900)

    private func decide(
        _ cart: Cart, _ quantity: Int, of requestID: String = "r1", at now: Int,
        product: ProductCode = drill, isForgotten: Bool = false
    ) -> HoldDecision {
        cart.decide(
            InventoryResponse.HeldPieces(userID: ann, askQuantity: 3, quantity: quantity),
            of: id(requestID), product: product, isForgotten: isForgotten,
            now: Timestamp(millis: now), lifetime: Self.lifetime)
    }

    private func event(_ cart: Cart, at now: Int, _ kind: CartEvent.Kind) -> HoldDecision {
        .event(
            CartEvent(
                version: cart.version + 1, requestID: id("r1"), at: Timestamp(millis: now),
                kind: kind))
    }

    @Test func `a line expires once the cart has not changed for the life of a hold`() {
        let cart = Given(.adds("r1", drill, 3), .confirms("r1")).cart
        #expect(cart.changedAt == Timestamp(millis: 1))
        #expect(decide(cart, 3, at: 900_001) == event(cart, at: 900_001, .expired))
    }

    @Test func `a hold is extended by the cart's last change`() {
        let cart = Given(
            .adds("r1", drill, 3), .confirms("r1"), .adds("r2", saw, 1), .confirms("r2")
        ).cart
        let until = Timestamp(millis: 900_003)
        #expect(decide(cart, 3, at: 900_002) == .say([.extend(until: until)]))
    }

    @Test func `neither a refused add nor an expiry makes the other lines last longer`() {
        var cart = Given(
            .adds("r1", drill, 3), .confirms("r1"), .adds("r2", saw, 1), .refuses("r2")
        ).cart
        #expect(cart.changedAt == Timestamp(millis: 1))
        cart.evolve(
            CartEvent(
                version: 5, requestID: id("r1"), at: Timestamp(millis: 950_000), kind: .expired))
        #expect(cart.changedAt == Timestamp(millis: 1))
        #expect(cart.held == [])
    }

    @Test func `a hold that is larger than its line is lowered to it`() {
        let cart = Given(
            .adds("r1", drill, 3), .confirms("r1"), .removes("x", drill, 1, holds: ["r1": 2])
        ).cart
        let until = Timestamp(millis: 900_002)
        #expect(decide(cart, 3, at: 5) == .say([.lower(to: 2), .extend(until: until)]))
    }

    @Test(arguments: [0, 2])
    func `a line follows a hold that turns out smaller`(quantity: Int) {
        var cart = Given(.adds("r1", drill, 3), .confirms("r1")).cart
        let decision = decide(cart, quantity, at: 5)
        #expect(decision == event(cart, at: 5, .shrunk(to: quantity)))
        guard case .event(let event) = decision else { return }
        #expect(cart.duties(from: event) == [])
        cart.evolve(event)
        #expect(cart.heldPieces(of: drill) == quantity)
    }

    @Test func `a pending request is left to its ask`() {
        let cart = Given(.adds("r1", drill, 3)).cart
        #expect(decide(cart, 3, at: 900_002) == .nothing)
    }

    @Test func `what the cart let go is let go again`() {
        let gone = Given(.adds("r1", drill, 3), .refuses("r1")).cart
        #expect(decide(gone, 3, at: 5) == .say([.lower(to: 0)]))
        #expect(decide(gone, 0, at: 5) == .nothing)
        #expect(decide(Given().cart, 3, at: 5, isForgotten: true) == .say([.lower(to: 0)]))
    }

    @Test func `a hold for a request that never came is disowned, and the request is too late`()
        throws
    {
        var cart = Given().cart
        let hold = DisownedHold(productCode: drill, quantity: 3, userID: ann)
        let decision = decide(cart, 2, at: 5)
        #expect(decision == event(cart, at: 5, .disowned(hold)))
        guard case .event(let event) = decision else { return }
        #expect(cart.duties(from: event).map { Owed($0.kind) } == [.lower(to: 0)])
        cart.evolve(event)
        #expect(cart.changedAt == nil)
        #expect(
            try cart.decide(.add(id("r1"), .of(drill, 3)), now: Timestamp(millis: 6)) == [])
        #expect(cart.outcome(of: id("r1")) == .rejected(.tooLate, available: nil))
        // The hold does not tell all that its request asked for, so any request is taken for it.
        #expect(
            try cart.decide(.add(id("r1"), .of(drill, 4)), now: Timestamp(millis: 6)) == [])
        #expect(
            RequestMemory.Entry(forgotten: id("r1"), by: [event])?.outcome
                == .rejected(.tooLate, available: nil))
    }

    @Test func `a hold of another product than the line's is not the line's`() {
        let cart = Given(.adds("r1", drill, 3), .confirms("r1")).cart
        #expect(decide(cart, 1, at: 900_002, product: saw) == .nothing)
    }
}

/// Holds that come to the end of their time, with both services at work.
@Suite struct HoldExpiryTests {
    private let all = Array(0..<World.partitionCount)

    private func filled() -> World {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.inventoryStore.stock(saw, 10)
        world.ask(.of(ann, "w", .watch(since: 0), replyPartition: 7))
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        return world
    }

    private func changes(_ world: World) -> [CartView] {
        world.topics.responses.compactMap {
            if case .changed(let view) = $0.content { view } else { nil }
        }
    }

    @Test func `an idle cart's line goes after 15 minutes, and its watchers are told`() throws {
        let world = filled()
        world.pass(.seconds(899))
        #expect(world.inventoryStore.held(of: drill) == 3)
        let version = try world.cart(of: ann).version
        world.ask(.of(ann, "w2", .watch(since: version), replyPartition: 7))
        let told = changes(world).count
        world.pass(.seconds(5))
        #expect(world.inventoryStore.held(of: drill) == 0)
        #expect(try world.cart(of: ann).held == [])
        #expect(changes(world).dropFirst(told).map(\.lines) == [[]])
        try world.checkQuiet()
    }

    @Test func `what the shopper does meanwhile makes all lines last`() throws {
        let world = filled()
        world.pass(.seconds(600))
        world.ask(.of(ann, "r2", .add(saw, quantity: 1)))
        world.pass(.seconds(600))
        #expect(world.inventoryStore.held(of: drill) == 3)
        world.pass(.seconds(310))
        #expect(world.inventoryStore.held(of: drill) == 0)
        #expect(world.inventoryStore.held(of: saw) == 0)
        try world.checkQuiet()
    }

    @Test func `a repeated request after its expiry tells what it was told first`() throws {
        let world = filled()
        world.pass(.seconds(910))
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(world.inventoryStore.held(of: drill) == 0)
        try world.checkQuiet()
    }

    @Test func `a proposal is repeated until the cart has answered`() throws {
        let world = filled()
        world.carts[0].log.lose(all)
        world.pass(.seconds(960))
        let due = world.topics.inventoryResponses.values.filter {
            if case .holdDue = $0.answer { true } else { false }
        }
        #expect((5...7).contains(due.count))
        #expect(world.inventoryStore.held(of: drill) == 3)
        world.startCarts().log.assign(all)
        world.pass(.seconds(5))
        #expect(world.inventoryStore.held(of: drill) == 0)
        try world.checkQuiet()
    }

    @Test func `a hold whose request the log lost is let go, and a late request is refused`() throws
    {
        let world = filled()
        // As if the ask had left, and neither the request nor its event had stayed.
        world.topics.inventoryRequests.append(
            InventoryRequest(
                cartID: CartID(of: bob), requestID: id("b1"), userID: bob, productCode: drill,
                action: .ask(quantity: 2, until: Timestamp(millis: .max))
            ).encoded(), key: Array(drill.text.utf8))
        world.run()
        #expect(world.inventoryStore.held(of: drill) == 5)
        world.pass(.seconds(905))
        #expect(world.inventoryStore.held(of: drill) == 0)
        world.ask(.of(bob, "b1", .add(drill, quantity: 2)))
        world.run()
        #expect(world.outcomes(of: id("b1")).map(\.reason) == [.tooLate])
        try world.checkQuiet()
    }

    @Test func `spent decisions are forgotten after a day, and an ask for one is too late`() throws
    {
        let world = filled()
        world.ask(.of(ann, "r2", .remove(drill, quantity: 3)))
        world.pass(.seconds(24 * 3_600 - 60))
        #expect(world.inventoryStore.holds.count == 1)
        world.pass(.seconds(180))
        #expect(world.inventoryStore.holds.count == 0)
        try world.checkQuiet()
    }
}
