import CartDomain
import Messages
import Testing

@testable import Simulation

@Suite struct CartDecideTests {
    @Test func `an add is recorded and asked for`() throws {
        let add = AddRequest.of(drill, 3)
        Given().when(.add(id("r1"), add))
            .then(.addRequested(add)).owes(.ask(quantity: 3, until: add.askUntil), for: "r1")
    }

    @Test func `a held answer confirms, and ends the asking`() {
        Given(.adds("r1", drill, 3)).when(.held(quantity: 3, name: "Drill"), to: "r1", of: drill)
            .then(.addConfirmed(name: "Drill")).owes(.nothing, for: "r1")
    }

    @Test func `request and answer are one event where the request is not stored`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        let add = AddRequest.of(drill, 3)
        let now = Timestamp(millis: 5)
        func decide(_ answer: AskAnswer) -> CartEvent? {
            cart.decide(answer, to: id("r1"), of: drill, now: now, isUnstored: true)
        }
        let requested = CartEvent(
            version: 1, requestID: id("r1"), at: now, kind: .addRequested(add))
        _ = cart.take(requested)
        let refusal = try #require(decide(.refused(.outOfStock, available: 2)))
        #expect(refusal.version == 2)
        #expect(refusal.kind == .addRefused(.outOfStock, available: 2))

        let event = try #require(decide(.held(quantity: 3, name: "Drill")))
        #expect(event.version == 1)
        guard case .added(let added) = event.kind else {
            Issue.record("what is held is one event")
            return
        }
        #expect(added.name == "Drill")
        let (duties, settled) = cart.take(event)
        #expect(duties.map(\.kind) == [.nothing])
        #expect(settled == [id("r1")])

        // Whoever reads the event without the request comes to the same cart, as do both by themselves.
        var read = Cart(cartID: cart.cartID)
        #expect(read.take(event).duties == [])
        #expect(read == cart)
        var other = Cart(cartID: cart.cartID)
        other.evolve(requested)
        other.evolve(
            CartEvent(
                version: 2, requestID: id("r1"), at: now, kind: .addConfirmed(name: "Drill")))
        #expect(other.held == cart.held)
        #expect(other.memory == cart.memory)
    }

    @Test func `a refused answer refuses, and ends the asking`() {
        Given(.adds("r1", drill, 3)).when(.refused(.outOfStock, available: 2), to: "r1", of: drill)
            .then(.addRefused(.outOfStock, available: 2)).owes(.nothing, for: "r1")
    }

    @Test func `an answer to what is unknown, settled or something else is nothing`() {
        let held = AskAnswer.held(quantity: 3, name: "Drill")
        Given().when(held, to: "r1", of: drill).thenNothing()
        Given(.adds("r1", drill, 3), .confirms("r1")).when(held, to: "r1", of: drill).thenNothing()
        Given(.adds("r1", drill, 3), .refuses("r1")).when(held, to: "r1", of: drill).thenNothing()
        Given(.adds("r1", drill, 3)).when(held, to: "r1", of: saw).thenNothing()
        Given(.adds("r1", drill, 4)).when(held, to: "r1", of: drill).thenNothing()
        Given(.adds("r1", drill, 3)).when(.refused(.tooLate, available: 0), to: "r1", of: saw)
            .thenNothing()
    }

    @Test func `a removal takes the newest holds first`() {
        Given(
            .adds("r1", drill, 3), .adds("r2", saw, 9), .adds("r3", drill, 2), .confirms("r1"),
            .confirms("r2"), .confirms("r3")
        )
        .when(.remove(id("x"), drill, quantity: 3))
        .then(
            .removed(
                Removal(
                    Removal.Reductions(
                        holds: [
                            Removal.Reduction(requestID: id("r3"), to: 0),
                            Removal.Reduction(requestID: id("r1"), to: 2),
                        ], pending: []), for: Fingerprint(RemoveProduct(drill, quantity: 3))))
        )
        .owes(.lower(to: 0), for: "r3").owes(.lower(to: 2), for: "r1")
    }

    @Test
    func `a removal then trims the newest pending adds, and cancels those trimmed to nothing`() {
        Given(
            .adds("r1", drill, 3), .confirms("r1"), .adds("r2", drill, 2), .adds("r3", drill, 2)
        )
        .when(.remove(id("x"), drill, quantity: 6))
        .then(
            .removed(
                Removal(
                    Removal.Reductions(
                        holds: [Removal.Reduction(requestID: id("r1"), to: 0)],
                        pending: [
                            Removal.Reduction(requestID: id("r3"), to: 0),
                            Removal.Reduction(requestID: id("r2"), to: 1),
                        ]), for: Fingerprint(RemoveProduct(drill, quantity: 6))))
        )
        .owes(.lower(to: 0), for: "r1").owes(.lower(to: 0), for: "r3").owesNothingNew(for: "r2")
        .outcome(of: "x", .accepted).outcome(of: "r3", .rejected(.cancelled, available: nil))
        .outcome(of: "r2", .pending)
    }

    @Test func `a trimmed add that is then held is lowered to what was left of it`() {
        Given(.adds("r1", drill, 5), .removes("x", drill, 2, pending: ["r1": 3]))
            .when(.held(quantity: 5, name: "Drill"), to: "r1", of: drill)
            .then(.addConfirmed(name: "Drill")).owes(.lower(to: 3), for: "r1")
            .lines([drill: 3])
    }

    @Test func `a removal of more than there is takes nothing`() {
        Given(.adds("r1", drill, 3), .confirms("r1"), .adds("r2", drill, 2))
            .when(.remove(id("x"), drill, quantity: 6))
            .then(.rejected(Fingerprint(RemoveProduct(drill, quantity: 6)), .notInCart))
            .outcome(of: "x", .rejected(.notInCart, available: nil)).lines([drill: 3])
    }

    @Test func `a removal of all takes holds and pending adds, but not of nothing`() {
        Given(.adds("r1", drill, 3), .confirms("r1"), .adds("r2", drill, 2))
            .when(.remove(id("x"), drill, quantity: nil)).outcome(of: "x", .accepted).lines([:])
            .outcome(of: "r2", .rejected(.cancelled, available: nil))
        Given(.adds("r1", drill, 3)).when(.remove(id("x"), saw, quantity: nil))
            .then(.rejected(Fingerprint(RemoveProduct(saw, quantity: nil)), .notInCart))
    }

    @Test func `a repeated request is nothing, with another body it is refused`() throws {
        let given = Given(
            .adds("r1", drill, 3), .confirms("r1"), .removes("x", drill, 1, holds: ["r1": 2]))
        given.when(.add(id("r1"), .of(drill, 3))).thenNothing()
        given.when(.add(id("r1"), .of(drill, 3, askUntil: 99, replyPartition: 4))).thenNothing()
        given.when(.remove(id("x"), drill, quantity: 1)).thenNothing()
        for command: Request in [
            .add(id("r1"), .of(drill, 2)), .add(id("r1"), .of(saw, 3)),
            .remove(id("r1"), drill, quantity: 3), .remove(id("x"), drill, quantity: nil),
            .add(id("x"), .of(drill, 1)),
        ] {
            #expect(throws: Rejection.requestIDReused) {
                _ = try given.cart.decide(command, now: Timestamp(millis: 0))
            }
        }
    }

    @Test func `a full cart takes no more adds, but gives back`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        for index in 0..<Cart.itemsMax {
            try cart.carryOut(.add(id("r\(index)"), .of(drill, 1)))
        }
        let events = try cart.decide(.add(id("more"), .of(drill, 1)), now: Timestamp(millis: 0))
        #expect(
            events.map(\.kind) == [
                .rejected(Fingerprint(AddItem(LineID(drill), quantity: 1)), .cartFull)
            ])
        for event in events { cart.evolve(event) }
        try cart.carryOut(.remove(id("x"), drill, quantity: nil))
        #expect(cart.pending == [])
        try cart.carryOut(.add(id("again"), .of(drill, 1)))
        #expect(cart.outcome(of: id("again")) == .pending)
        // Asked again, the request that found it full is still refused.
        #expect(try cart.decide(.add(id("more"), .of(drill, 1)), now: Timestamp(millis: 0)) == [])
    }

    @Test func `the view adds up the holds of a product, in the order of their arrival`() {
        let given = Given(
            .adds("r1", saw, 1), .adds("r2", drill, 2), .confirms("r2"), .confirms("r1"),
            .adds("r3", drill, 3), .confirms("r3"), .adds("r4", saw, 5))
        #expect(given.cart.view.lines.map(\.id.productCode) == [drill, saw])
        #expect(given.cart.view.lines.map(\.quantity) == [5, 1])
        #expect(given.cart.view.pending.map(\.quantity) == [5])
        #expect(given.cart.view.version == 7)
    }

    @Test func `only settled requests are forgotten, oldest first`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        try cart.carryOut(.add(id("pending"), .of(drill, 1)))
        for index in 0...Cart.memoryMax {
            try cart.carryOut(.remove(id("x\(index)"), saw, quantity: 1))
        }
        #expect(cart.outcome(of: id("x0")) == .rejected(.notInCart, available: nil))
        #expect(!cart.memory.hasForgotten)
        cart.forgetOldRequests()
        #expect(cart.memory.hasForgotten)
        #expect(cart.outcome(of: id("pending")) == .pending)
        #expect(cart.outcome(of: id("x0")) == nil)
        #expect(cart.outcome(of: id("x1")) == .rejected(.notInCart, available: nil))
    }

    @Test func `a forgotten request is recalled from its events`() throws {
        typealias Entry = RequestMemory.Entry
        let add = Fingerprint(AddItem(LineID(drill), quantity: 3))
        func entry(_ kinds: CartEvent.Kind...) -> Entry? {
            Entry(
                forgotten: id("r1"),
                by: kinds.enumerated().map { index, kind in
                    CartEvent(
                        version: index + 1, requestID: id("r1"), at: Timestamp(millis: 0),
                        kind: kind)
                })
        }
        #expect(entry() == nil)
        let requested = CartEvent.Kind.addRequested(.of(drill, 3))
        #expect(entry(requested, .addConfirmed(name: "x"))?.outcome == .accepted)
        #expect(entry(.added(.of(drill, 3)))?.outcome == .accepted)
        #expect(entry(.added(.of(drill, 3)))?.fingerprint == add)
        #expect(
            entry(requested, .addRefused(.outOfStock, available: 2))?.outcome
                == .rejected(.outOfStock, available: 2))
        // Without an event of its own the add was cancelled by a removal.
        #expect(entry(requested)?.outcome == .rejected(.cancelled, available: nil))
        #expect(entry(requested)?.fingerprint == add)
        let removal = Removal(
            Removal.Reductions(holds: [], pending: []),
            for: Fingerprint(RemoveProduct(drill, quantity: nil)))
        #expect(
            entry(.removed(removal))?.fingerprint
                == Fingerprint(RemoveProduct(drill, quantity: nil)))
        #expect(entry(.removed(removal))?.outcome == .accepted)
        #expect(
            entry(.rejected(add, .cartFull))?.outcome == .rejected(.cartFull, available: nil))
    }

    @Test func `events say whose outcome they fix and whether lines change`() {
        let removal = Removal(
            Removal.Reductions(
                holds: [],
                pending: [
                    Removal.Reduction(requestID: id("r1"), to: 0),
                    Removal.Reduction(requestID: id("r2"), to: 1),
                ]), for: Fingerprint(RemoveProduct(drill, quantity: 3)))
        let table: [(CartEvent.Kind, [RequestID], Bool)] = [
            (.added(.of(drill, 1)), [id("x")], true),
            (.addRequested(.of(drill, 1)), [], false),
            (.addConfirmed(name: "x"), [id("x")], true),
            (.addRefused(.tooLate, available: 0), [id("x")], false),
            (.removed(removal), [id("x"), id("r1")], true),
            (
                .rejected(Fingerprint(AddItem(LineID(drill), quantity: 1)), .cartFull), [id("x")],
                false
            ),
        ]
        for (kind, settled, changes) in table {
            let event = CartEvent(
                version: 1, requestID: id("x"), at: Timestamp(millis: 0), kind: kind)
            #expect(event.settledRequests == settled)
            #expect(event.changesLines == changes)
        }
    }
}
