import InventoryDomain
import Messages
import Testing

@testable import CartDomain
@testable import Simulation

@Suite struct MergeTests {
    private let hold = HoldSource(cartID: CartID(of: bob), requestID: id("b1"))

    private func receive(
        _ items: [HandedItem], _ cart: inout Cart, offers: any OfferBook = NoOffers()
    ) {
        let events = cart.receive(
            items, from: CartID(of: bob), for: id("m"), askUntil: Timestamp(millis: 500),
            offers: offers, now: Timestamp(millis: 1))
        for event in events { cart.evolve(event) }
    }

    private func item(_ code: ProductCode, _ quantity: Int, price: Price? = nil) -> HandedItem {
        HandedItem(
            requestID: id("b1"), line: LineID(code), quantity: quantity, name: "x", country: nil,
            price: price)
    }

    @Test func `a merge asks the other cart until it has its answer`() throws {
        Given().when(.of("m", MergeCart.from(CartID(of: bob))))
            .owes(.fetch(from: CartID(of: bob)), for: "m").outcome(of: "m", .pending)
        var cart = Cart(cartID: CartID(of: ann))
        try cart.carryOut(.of("m", MergeCart.from(CartID(of: bob))))
        receive([], &cart)
        #expect(cart.outcome(of: id("m")) == .settled([]))
        // What comes again is not taken twice.
        let version = cart.version
        receive([item(drill, 2)], &cart)
        #expect(cart.version == version)
    }

    @Test func `each hold is asked for with the one that it replaces`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        try cart.carryOut(.of("m", MergeCart.from(CartID(of: bob))))
        receive([item(drill, 2)], &cart)
        #expect(cart.pending.map(\.request.source) == [hold])
        #expect(cart.pending.map(\.requestID) == [id("m").part(1)])
        cart.carryOut(.held(quantity: 2, name: "Drill"), to: id("m").part(1), of: drill)
        #expect(cart.quantity(of: LineID(drill)) == 2)
        #expect(
            cart.outcome(of: id("m"))
                == .settled([ItemOutcome(line: LineID(drill), quantity: 2, .accepted)]))
    }

    private func owed(_ items: [HandedItem], by cart: Cart) -> [Duty] {
        var cart = cart
        let events = cart.receive(
            items, from: CartID(of: bob), for: id("m"), askUntil: Timestamp(millis: 500),
            offers: NoOffers(), now: Timestamp(millis: 1))
        return events.flatMap { event in
            defer { cart.evolve(event) }
            return cart.duties(from: event)
        }
    }

    @Test func `what is in another currency is not taken, and its hold is let go`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        cart.evolve(
            CartEvent(
                version: 1, requestID: id("a"), at: Timestamp(millis: 0),
                kind: .addRequested(
                    AddRequest(
                        line: LineID(saw), quantity: 1, userID: ann,
                        price: Currency("SEK").flatMap {
                            Price(minorUnits: 1, currency: $0, vatRate: 0)
                        }, askUntil: Timestamp(millis: 9), replyPartition: nil, fingerprint: nil))))
        try cart.carryOut(.of("m", MergeCart.from(CartID(of: bob))))
        let items = [item(drill, 2, price: euro(100))]
        #expect(
            owed(items, by: cart) == [
                Duty(requestID: id("m"), userID: ann, kind: .nothing),
                Duty(
                    requestID: id("m").part(1), userID: ann,
                    kind: .lower(drill, to: 0, from: hold)),
            ])
        receive(items, &cart)
        #expect(cart.lines == [LineID(saw)])
        #expect(reasons(of: cart) == [.currencyMismatch])
    }

    private func reasons(of cart: Cart) -> [RejectionReason?]? {
        guard case .settled(let items)? = cart.outcome(of: id("m")) else { return nil }
        return items.map(\.reason)
    }

    @Test func `what finds no room in the cart is rejected, and its hold let go`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        for number in 1..<Cart.holdsMax {
            try cart.carryOut(.add(id("a\(number)"), .of(saw, 1)))
            cart.carryOut(.held(quantity: 1, name: "Saw"), to: id("a\(number)"), of: saw)
        }
        try cart.carryOut(.of("m", MergeCart.from(CartID(of: bob))))
        let items = [item(drill, 1), item(drill, 2)]
        #expect(
            owed(items, by: cart).map(\.requestID) == [id("m"), id("m").part(2), id("m").part(1)])
        receive(items, &cart)
        #expect(cart.isFull && cart.pending.map(\.requestID) == [id("m").part(1)])
        cart.carryOut(.held(quantity: 1, name: "Drill"), to: id("m").part(1), of: drill)
        #expect(reasons(of: cart) == [nil, .cartFull])
    }

    @Test func `a hold that was given away is not let go by the cart that gave it`() {
        var other = Given(.adds("b1", drill, 3), .confirms("b1")).cart
        guard
            let event = other.handOver(
                to: CartID(of: ann), for: id("m").part(for: CartID(of: ann)),
                now: Timestamp(millis: 5))
        else {
            Issue.record("nothing was handed over")
            return
        }
        other.evolve(event)
        func whenDue(at now: Int) -> HoldDecision {
            Cart(other.snapshot).decide(
                InventoryResponse.HeldPieces(userID: bob, askQuantity: 3, quantity: 3),
                of: id("b1"), product: drill, isForgotten: true, now: Timestamp(millis: now),
                lifetime: .seconds(900))
        }
        #expect(whenDue(at: 1_000_000) == .nothing)
        // Should nobody ever ask for it, it does not stay for ever.
        #expect(whenDue(at: 5 + 24 * 3_600_000) == .say([.lower(to: 0)]))
    }

    @Test func `a cart gives what it holds once, and nothing while it waits for the inventory`() {
        var other = Given(.adds("b1", drill, 3), .confirms("b1"), .adds("b2", saw, 1)).cart
        let asked = id("m").part(for: CartID(of: ann))
        #expect(other.handOver(to: CartID(of: ann), for: asked, now: Timestamp(millis: 0)) == nil)
        other.carryOut(.refused(.outOfStock, available: 0), to: id("b2"), of: saw)
        guard
            let event = other.handOver(to: CartID(of: ann), for: asked, now: Timestamp(millis: 0)),
            case .handedOver(let handOver) = event.kind
        else {
            Issue.record("nothing was handed over")
            return
        }
        #expect(handOver.items.map(\.quantity) == [3])
        #expect(other.duties(from: event) == [])
        other.evolve(event)
        #expect(other.held == [])
        #expect(other.handOver(to: CartID(of: ann), for: asked, now: Timestamp(millis: 0)) == nil)
    }

    @Test func `a cart is not merged into itself`() {
        Given().when(.of("m", MergeCart.from(CartID(of: ann))))
            .outcome(of: "m", .rejected(.sameCart, available: nil))
    }

    @Test func `pieces that are taken back on the way are let go with their source`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        try cart.carryOut(.of("m", MergeCart.from(CartID(of: bob))))
        receive([item(drill, 2)], &cart)
        let removal = try cart.decide(
            .remove(id("x"), drill, quantity: nil), now: Timestamp(millis: 0))
        #expect(
            cart.duties(from: removal[0]).map { Owed($0.kind) } == [.lower(to: 0, from: hold)])
    }
}

@Suite struct TransferDecisionTests {
    private let source = HoldSource(cartID: CartID(of: bob), requestID: id("b1"))

    private func decide(
        _ quantity: Int, sourceHolds: Int?, of stock: Int, held: Int, until: Int = 60_000,
        isLocked: Bool = true, code: ProductCode = drill
    ) -> ProductDecision? {
        var ledger: [HoldKey: Hold] = [:]
        if let sourceHolds {
            ledger[HoldKey(source)] = Hold(
                key: HoldKey(source), productCode: code, userID: bob, askQuantity: 9,
                holdQuantity: sourceHolds, status: .held, createdAt: Timestamp(millis: 0),
                expiresAt: Timestamp(millis: 9_000))
        }
        let request = InventoryRequest(
            cartID: CartID(of: ann), requestID: id("m").part(1), userID: ann, productCode: drill,
            action: .ask(quantity: quantity, until: Timestamp(millis: until), from: source))
        return ProductDecision(
            [request],
            product: Product(code: drill, name: "Drill", quantity: stock, held: held, fence: 0),
            ledger: ledger, now: Timestamp(millis: 1_000), holdsFor: .seconds(900),
            rule: LockRule(), isLocked: isLocked)
    }

    @Test func `the last pieces change their cart although nothing is left`() throws {
        let decision = try #require(decide(3, sourceHolds: 3, of: 3, held: 3))
        #expect(decision.heldDelta == 0)
        #expect(decision.newHolds.map(\.holdQuantity) == [3])
        #expect(decision.loweredHolds == [HoldKey(source): 0])
    }

    @Test func `what the source lacks is taken off the shelf, or all is refused`() throws {
        let enough = try #require(decide(3, sourceHolds: 1, of: 10, held: 4))
        #expect(enough.heldDelta == 2 && enough.newHolds.map(\.holdQuantity) == [3])
        let short = try #require(decide(3, sourceHolds: 1, of: 4, held: 3))
        #expect(short.heldDelta == -1 && short.newHolds.map(\.holdQuantity) == [0])
        #expect(short.loweredHolds == [HoldKey(source): 0])
    }

    @Test func `only what goes beyond the source can be too late, and then it lets go`() throws {
        let late = try #require(decide(3, sourceHolds: 2, of: 9, held: 2, until: 0))
        #expect(late.heldDelta == -2 && late.newHolds.map(\.holdQuantity) == [0])
        let covered = try #require(decide(3, sourceHolds: 3, of: 3, held: 3, until: 0))
        #expect(covered.heldDelta == 0 && covered.newHolds.map(\.holdQuantity) == [3])
    }

    @Test func `only what goes beyond the source needs the lock`() {
        #expect(decide(9, sourceHolds: 9, of: 9, held: 9, isLocked: false) != nil)
        #expect(decide(9, sourceHolds: 8, of: 10, held: 8, isLocked: false) == nil)
        #expect(decide(9, sourceHolds: 8, of: 30, held: 8, isLocked: false) != nil)
    }

    @Test func `a source of another product, or none, gives nothing`() throws {
        let other = try #require(decide(3, sourceHolds: 3, of: 9, held: 0, code: saw))
        #expect(other.heldDelta == 3 && other.loweredHolds == [:])
        let none = try #require(decide(3, sourceHolds: nil, of: 9, held: 0))
        #expect(none.heldDelta == 3 && none.loweredHolds == [:])
    }
}
