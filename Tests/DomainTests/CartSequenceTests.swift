import CartDomain
import InventoryDomain
import Messages
import Testing

@testable import CartService
@testable import Simulation

/// A cart and an inventory that answers it, both as simple as can be, side by side with the cart's
/// own account of what it has and owes.
private struct CartModel {
    var cart = Cart(cartID: CartID(of: ann))
    var events: [CartEvent] = []
    var outcomes: [RequestID: Outcome] = [:]
    /// What the inventory holds, by request, as the cart's duties left it.
    var ledger: [RequestID: Int] = [:]
    /// Asks that wait for their answer.
    var asked: [RequestID: (code: ProductCode, quantity: Int)] = [:]
    /// Lowers that wait to be carried out.
    var lowers: [RequestID: Int] = [:]
    var stock: Int

    mutating func happen(_ new: [CartEvent]) {
        for event in new {
            #expect(event.version == cart.version + 1)
            for duty in cart.duties(from: event) {
                switch duty.kind {
                case .ask(let code, let quantity, _, _): asked[duty.requestID] = (code, quantity)
                case .fetch: break
                case .lower(_, let quantity, _):
                    lowers[duty.requestID] = quantity
                    asked[duty.requestID] = nil
                case .nothing: asked[duty.requestID] = nil
                }
            }
            cart.evolve(event)
            events.append(event)
            for (requestID, outcome) in outcomes where outcome != .pending {
                #expect(cart.outcome(of: requestID) == outcome, "an outcome is fixed for ever")
            }
            for requestID in [event.requestID] + event.settledRequests {
                outcomes[requestID] = cart.outcome(of: requestID)
            }
        }
    }

    mutating func command(_ command: Request) {
        let before = cart
        do {
            happen(try cart.decide(command, now: Timestamp(millis: events.count)))
            // The very same again is nothing.
            #expect(try cart.decide(command, now: Timestamp(millis: 0)) == [])
        } catch {
            #expect(cart == before)
        }
    }

    /// The inventory answers an ask; it held the pieces even if the cart cancelled meanwhile.
    mutating func answer(_ requestID: RequestID) {
        guard let ask = asked[requestID] else { return }
        let available = stock - ledger.values.reduce(0, +)
        let answer: AskAnswer
        if ask.quantity <= available {
            ledger[requestID] = ask.quantity
            answer = .held(quantity: ask.quantity, name: "x")
        } else {
            answer = .refused(.outOfStock, available: available)
        }
        if let event = cart.decide(
            answer, to: requestID, of: ask.code, now: Timestamp(millis: events.count))
        {
            happen([event])
        }
    }

    mutating func carryOutLowers() {
        for (requestID, quantity) in lowers {
            ledger[requestID] = min(ledger[requestID] ?? 0, quantity)
        }
        lowers = [:]
    }

    func check() throws {
        var replayed = Cart(cartID: cart.cartID)
        for event in events {
            let read = try CartEvent(decoding: event.encoded(cartID: cart.cartID))
            #expect(read == event)
            replayed.evolve(read)
        }
        #expect(replayed == cart)
        for add in cart.pending {
            #expect(add.remaining > 0 && add.remaining <= add.request.quantity)
            #expect(cart.outcome(of: add.requestID) == .pending)
        }
        #expect(cart.held.allSatisfy { $0.quantity > 0 })
        #expect(outcomes.values.filter { $0 == .pending }.count == cart.pending.count)
    }

    /// All asks are answered, all lowers carried out: the inventory holds exactly the cart's lines.
    mutating func settle() throws {
        for requestID in asked.keys.sorted(by: { $0.text < $1.text }) { answer(requestID) }
        carryOutLowers()
        try check()
        #expect(cart.pending == [])
        #expect(asked.isEmpty)
        let holds = Dictionary(uniqueKeysWithValues: cart.held.map { ($0.requestID, $0.quantity) })
        #expect(ledger.filter { $0.value > 0 } == holds)
        #expect(!outcomes.values.contains(.pending))
        #expect(cart.view.lines.reduce(0) { $0 + $1.quantity } <= stock)
    }
}

@Suite struct CartSequenceTests {
    @Test(arguments: 1...200)
    func `random sequences keep every invariant`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var model = CartModel(stock: 5 + random.below(40))
        let codes = [drill, saw, product("NAIL")]
        for step in 0..<80 {
            let code = codes[random.below(codes.count)]
            // Some IDs come twice, with the same body or another.
            let requestID = id("r\(random.oneIn(6) ? random.below(step + 1) : step)")
            switch random.below(10) {
            case 0...3:
                model.command(.add(requestID, .of(code, 1 + random.below(6))))
            case 4...5:
                model.command(.remove(requestID, code, quantity: 1 + random.below(8)))
            case 6:
                model.command(.remove(requestID, code, quantity: nil))
            case 7:
                model.carryOutLowers()
            default:
                let waiting = model.asked.keys.sorted { $0.text < $1.text }
                if !waiting.isEmpty { model.answer(waiting[random.below(waiting.count)]) }
            }
        }
        try model.check()
        try model.settle()
    }

    /// What may happen in a short sequence; each add and removal has a request ID of its own.
    private enum Step: CaseIterable {
        case addOne, addTwo, removeOne, removeTwo, removeAll, answerFirst, answerLast, lower
    }

    @Test func `all sequences of five steps keep every invariant`() throws {
        var sequences: [[Step]] = [[]]
        for _ in 0..<5 {
            sequences = sequences.flatMap { sequence in Step.allCases.map { sequence + [$0] } }
        }
        #expect(sequences.count == 32_768)
        for sequence in sequences {
            var model = CartModel(stock: 3)
            for (index, step) in sequence.enumerated() {
                let requestID = id("r\(index)")
                let waiting = model.asked.keys.sorted { $0.text < $1.text }
                switch step {
                case .addOne: model.command(.add(requestID, .of(drill, 1)))
                case .addTwo: model.command(.add(requestID, .of(drill, 2)))
                case .removeOne: model.command(.remove(requestID, drill, quantity: 1))
                case .removeTwo: model.command(.remove(requestID, drill, quantity: 2))
                case .removeAll: model.command(.remove(requestID, drill, quantity: nil))
                case .answerFirst: if let first = waiting.first { model.answer(first) }
                case .answerLast: if let last = waiting.last { model.answer(last) }
                case .lower: model.carryOutLowers()
                }
            }
            try model.settle()
        }
    }
}
