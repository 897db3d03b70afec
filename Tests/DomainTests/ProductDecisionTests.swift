import InventoryDomain
import Messages
import Testing

@testable import Simulation

/// A product with its ledger, decided batch after batch.
private struct Shelf {
    var quantity: Int
    var held = 0
    var exists = true
    var ledger: [HoldKey: Hold] = [:]
    var now = Timestamp(millis: 1_000)
    var rule = LockRule()

    mutating func decide(
        _ requests: [InventoryRequest], isLocked: Bool = true
    ) -> [InventoryResponse.Answer]? {
        let keys = requests.map { HoldKey(cartID: $0.cartID, requestID: $0.requestID) }
        let product = Product(code: drill, name: "Drill", quantity: quantity, held: held, fence: 0)
        guard
            let decision = ProductDecision(
                requests, product: exists ? product : nil,
                ledger: ledger.filter { keys.contains($0.key) }, now: now,
                holdsFor: .seconds(900), rule: rule, isLocked: isLocked)
        else { return nil }
        #expect(decision.answers.count == requests.count)
        #expect(Set(decision.newHolds.map(\.key)).count == decision.newHolds.count)
        for hold in decision.newHolds {
            #expect(ledger[hold.key] == nil, "a row is written once")
            ledger[hold.key] = hold
        }
        for (key, left) in decision.loweredHolds {
            #expect(left < ledger[key]?.holdQuantity ?? 0, "a hold never grows")
            ledger[key]?.holdQuantity = left
        }
        held += decision.heldDelta
        let mine = ledger.values.filter { $0.productCode == drill }
        #expect(held == mine.reduce(0) { $0 + $1.holdQuantity })
        #expect(held <= quantity && held >= 0)
        #expect(
            ledger.values.allSatisfy {
                (0...$0.askQuantity).contains($0.holdQuantity)
                    && ($0.expiresAt != nil) == ($0.status == .held)
            })
        return decision.answers.map(\.answer)
    }
}

private func ask(
    _ requestID: String, _ quantity: Int, until: Int = 60_000, of userID: UserID = ann,
    _ code: ProductCode = drill
) -> InventoryRequest {
    InventoryRequest(
        cartID: CartID(of: userID), requestID: id(requestID), userID: userID, productCode: code,
        action: .ask(quantity: quantity, until: Timestamp(millis: until)))
}

private func lower(
    _ requestID: String, to quantity: Int, of userID: UserID = ann, _ code: ProductCode = drill
) -> InventoryRequest {
    InventoryRequest(
        cartID: CartID(of: userID), requestID: id(requestID), userID: userID, productCode: code,
        action: .lower(to: quantity))
}

private func held(_ quantity: Int) -> InventoryResponse.Answer {
    .held(quantity: quantity, name: "Drill", expiresAt: Timestamp(millis: 901_000))
}

@Suite struct ProductDecisionTests {
    @Test func `a batch is decided in the order of arrival`() {
        var shelf = Shelf(quantity: 5)
        let answers = shelf.decide([
            ask("r1", 3), ask("r2", 3), ask("r3", 2), lower("r1", to: 1), ask("r4", 1),
            ask("r5", 2),
        ])
        #expect(
            answers == [
                held(3), .refused(.outOfStock, available: 2), held(2), .lowered(to: 1), held(1),
                .refused(.outOfStock, available: 1),
            ])
        #expect(shelf.held == 4)
    }

    @Test func `what was decided stays decided`() {
        var shelf = Shelf(quantity: 3)
        let batch = [ask("r1", 2), ask("r2", 2), ask("r3", 9), lower("r4", to: 0), ask("r4", 1)]
        let first = shelf.decide(batch)
        #expect(first?.last == .refused(.cancelled, available: 1))
        shelf.quantity = 100
        shelf.now = Timestamp(millis: 70_000)
        let again = shelf.decide(batch)
        #expect(again?.dropLast() == first?.dropLast())
        #expect(again?.last == .refused(.cancelled, available: 98))
        #expect(shelf.held == 2)
    }

    @Test func `the same ask twice in one batch holds once`() {
        var shelf = Shelf(quantity: 10)
        #expect(shelf.decide([ask("r1", 3), ask("r1", 3)]) == [held(3), held(3)])
        #expect(shelf.held == 3)
    }

    @Test func `the same ID of two carts is two holds`() {
        var shelf = Shelf(quantity: 10)
        #expect(shelf.decide([ask("r1", 3), ask("r1", 4, of: bob)]) == [held(3), held(4)])
        #expect(shelf.held == 7)
    }

    @Test func `an ask after its time is refused for good`() {
        var shelf = Shelf(quantity: 10)
        #expect(shelf.decide([ask("r1", 3, until: 1_000)]) == [held(3)])
        #expect(shelf.decide([ask("r2", 3, until: 999)]) == [.refused(.tooLate, available: 7)])
        #expect(shelf.decide([ask("r2", 3)]) == [.refused(.tooLate, available: 7)])
        // Known in time, an ask is answered at any time.
        shelf.now = Timestamp(millis: 90_000)
        #expect(shelf.decide([ask("r1", 3, until: 1_000)])?.count == 1)
        #expect(shelf.held == 3)
    }

    @Test func `an unknown product is refused, also once it is there`() {
        var shelf = Shelf(quantity: 10)
        shelf.exists = false
        let refused: [InventoryResponse.Answer] = [.refused(.unknownProduct, available: 0)]
        #expect(shelf.decide([ask("r1", 3)]) == refused)
        #expect(shelf.decide([lower("r2", to: 0)]) == [.lowered(to: 0)])
        shelf.exists = true
        #expect(shelf.decide([ask("r1", 3)]) == refused)
        #expect(shelf.decide([ask("r3", 3)]) == [held(3)])
    }

    @Test func `a key in use for another quantity or product is refused and moves nothing`() {
        var shelf = Shelf(quantity: 10)
        _ = shelf.decide([ask("r1", 3)])
        #expect(shelf.decide([ask("r1", 4)]) == [.refused(.requestIDReused, available: 7)])
        let foreign = HoldKey(cartID: CartID(of: bob), requestID: id("r9"))
        shelf.ledger[foreign] = Hold(
            key: foreign, productCode: saw, userID: bob, askQuantity: 5, holdQuantity: 5,
            status: .held, createdAt: shelf.now, expiresAt: shelf.now)
        #expect(
            shelf.decide([ask("r9", 5, of: bob), lower("r9", to: 2, of: bob)])
                == [.refused(.requestIDReused, available: 7), .lowered(to: 0)])
        #expect(shelf.ledger[foreign]?.holdQuantity == 5)
    }

    @Test func `a lower before its ask leaves a tombstone`() {
        var shelf = Shelf(quantity: 10)
        #expect(shelf.decide([lower("r1", to: 0)]) == [.lowered(to: 0)])
        #expect(shelf.decide([ask("r1", 3)]) == [.refused(.cancelled, available: 10)])
        #expect(shelf.held == 0)
        #expect(shelf.decide([lower("r1", to: 2)]) == [.lowered(to: 0)])
    }

    @Test func `a lower never grows a hold`() {
        var shelf = Shelf(quantity: 10)
        _ = shelf.decide([ask("r1", 5)])
        #expect(shelf.decide([lower("r1", to: 2)]) == [.lowered(to: 2)])
        #expect(shelf.decide([lower("r1", to: 4)]) == [.lowered(to: 2)])
        #expect(
            shelf.decide([lower("r1", to: 0), lower("r1", to: 1)]) == [
                .lowered(to: 0), .lowered(to: 0),
            ])
        #expect(shelf.decide([ask("r1", 5)]) == [held(5)])
        #expect(shelf.held == 0)
    }

    @Test(arguments: [
        (1, 100, false), (5, 100, false), (6, 100, true), (5, 10, false), (5, 9, true),
        (1, 6, false), (1, 5, true), (5, 5, true),
    ])
    func `a hold needs the lock for more than five, or to leave fewer than five`(
        quantity: Int, available: Int, needsLock: Bool
    ) {
        var shelf = Shelf(quantity: available)
        #expect((shelf.decide([ask("r1", quantity)], isLocked: false) == nil) == needsLock)
        #expect(shelf.held == (needsLock ? 0 : quantity))
        var locked = Shelf(quantity: available)
        #expect(locked.decide([ask("r1", quantity)], isLocked: true) == [held(quantity)])
    }

    @Test func `what holds nothing needs no lock, and one that needs it holds up its batch`() {
        var shelf = Shelf(quantity: 4)
        #expect(shelf.decide([ask("r1", 9), lower("r2", to: 0)], isLocked: false)?.count == 2)
        #expect(shelf.decide([ask("r1", 9)], isLocked: false)?.count == 1)
        #expect(shelf.decide([lower("r3", to: 0), ask("r4", 1)], isLocked: false) == nil)
        #expect(shelf.ledger.count == 2)
        var busy = Shelf(quantity: 12)
        #expect(busy.decide([ask("a", 5), ask("b", 5)], isLocked: false) == nil)
    }

    @Test(arguments: 1...100)
    func `random batches never oversell, and repeats get the same`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var shelf = Shelf(quantity: 1 + random.below(40))
        var firsts: [InventoryRequest: InventoryResponse.Answer] = [:]
        for round in 0..<40 {
            var batch: [InventoryRequest] = []
            for _ in 0..<(1 + random.below(8)) {
                let requestID = "r\(random.below(30))"
                let userID = random.oneIn(2) ? ann : bob
                batch.append(
                    random.oneIn(3)
                        ? lower(requestID, to: random.below(4), of: userID)
                        : ask(
                            requestID, 1 + random.below(6),
                            until: random.oneIn(10) ? 0 : 1_000_000, of: userID))
            }
            shelf.now = Timestamp(millis: 1_000 + round)
            if random.oneIn(8) { shelf.quantity = max(shelf.held, random.below(40)) }
            guard let answers = shelf.decide(batch, isLocked: !random.oneIn(3)) else { continue }
            for (request, answer) in zip(batch, answers) {
                guard case .ask = request.action else { continue }
                guard let first = firsts[request] else {
                    firsts[request] = answer
                    continue
                }
                switch (first, answer) {
                // What is available may differ where it is no part of the decision.
                case (.refused(let one, _), .refused(let other, _)): #expect(one == other)
                default: #expect(first == answer)
                }
            }
        }
    }

    @Test func `ask and lower end alike in any order and however often they come`() {
        let messages = [ask("r1", 5), lower("r1", to: 3), lower("r1", to: 0)]
        var orders: [[InventoryRequest]] = [[]]
        for _ in 0..<5 { orders = orders.flatMap { order in messages.map { order + [$0] } } }
        for order in orders where Set(order).count == 3 {
            var shelf = Shelf(quantity: 10)
            for message in order { _ = shelf.decide([message]) }
            #expect(shelf.held == 0)
            var together = Shelf(quantity: 10)
            _ = together.decide(order)
            #expect(together.held == 0)
        }
    }
}

@Suite struct ProductUpkeepTests {
    private func request(_ action: InventoryRequest.Action) -> InventoryRequest {
        InventoryRequest(
            cartID: CartID(of: ann), requestID: id("r1"), userID: ann, productCode: drill,
            action: action)
    }

    private func decide(
        _ requests: [InventoryRequest], held: Int, hold: Int, recounted: Int? = nil
    ) throws -> ProductDecision {
        let key = HoldKey(cartID: CartID(of: ann), requestID: id("r1"))
        let row = Hold(
            key: key, productCode: drill, userID: ann, askQuantity: 3, holdQuantity: hold,
            status: .held, createdAt: Timestamp(millis: 0), expiresAt: Timestamp(millis: 900_000))
        return try #require(
            ProductDecision(
                requests,
                product: Product(code: drill, name: "Drill", quantity: 10, held: held, fence: 0),
                recounted: recounted, ledger: [key: row], now: Timestamp(millis: 1_000),
                holdsFor: .seconds(900), rule: LockRule(), isLocked: true))
    }

    @Test func `a hold is extended, never shortened, and not once it is gone`() throws {
        let key = HoldKey(cartID: CartID(of: ann), requestID: id("r1"))
        let later = request(.extend(until: Timestamp(millis: 900_001)))
        let decision = try decide([later], held: 3, hold: 3)
        #expect(decision.extendedHolds == [key: Timestamp(millis: 900_001)])
        #expect(decision.answers == [] && decision.heldDelta == 0)
        let sooner = request(.extend(until: Timestamp(millis: 899_999)))
        #expect(try decide([sooner], held: 3, hold: 3).extendedHolds == [:])
        #expect(try decide([later], held: 0, hold: 0).extendedHolds == [:])
    }

    @Test func `a count mends the product's row, and what follows goes by it`() throws {
        let more = InventoryRequest(
            cartID: CartID(of: bob), requestID: id("b1"), userID: bob, productCode: drill,
            action: .ask(quantity: 8, until: Timestamp(millis: 60_000)))
        let decision = try decide(
            [request(.recount), more], held: 1, hold: 3, recounted: 3)
        #expect(decision.heldDelta == 2)
        guard case .refused(.outOfStock, available: 7) = decision.answers.first?.answer else {
            Issue.record("\(decision.answers)")
            return
        }
        #expect(try decide([request(.recount)], held: 9, hold: 3, recounted: 3).heldDelta == -6)
        // More than there is cannot be held, and must not keep holds from being let go.
        #expect(try decide([request(.recount)], held: 9, hold: 3, recounted: 12).heldDelta == 1)
    }
}
