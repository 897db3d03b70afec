import CartDomain
import Messages
import Testing

@testable import Simulation

extension AddRequest {
    static func of(
        _ code: ProductCode, _ quantity: Int, askUntil: Int = 1_000, replyPartition: Int? = nil
    ) -> AddRequest {
        AddRequest(
            productCode: code, quantity: quantity, userID: ann,
            askUntil: Timestamp(millis: askUntil), replyPartition: replyPartition)
    }
}

extension Cart {
    /// Decides a command and takes what happens into account.
    mutating func carryOut(_ command: CartCommand) throws {
        for event in try decide(command, now: Timestamp(millis: 0)) { evolve(event) }
    }

    /// Decides an answer and takes what happens into account.
    @discardableResult
    mutating func carryOut(
        _ answer: AskAnswer, to requestID: RequestID, of code: ProductCode
    ) -> Bool {
        guard
            let event = decide(answer, to: requestID, of: code, now: Timestamp(millis: 0))
        else { return false }
        evolve(event)
        return true
    }

    /// How many pieces of a product are held.
    func heldPieces(of code: ProductCode) -> Int {
        held.filter { $0.productCode == code }.reduce(0) { $0 + $1.quantity }
    }
}

/// What has happened to a cart.
struct Given {
    enum Fact {
        case adds(String, ProductCode, Int)
        case confirms(String)
        case refuses(String)
        case removes(
            String, ProductCode, Int?, holds: [String: Int] = [:], pending: [String: Int] = [:])
    }

    private(set) var cart = Cart(cartID: CartID(of: ann))

    init(_ facts: Fact...) {
        for (index, fact) in facts.enumerated() {
            let (requestID, kind): (String, CartEvent.Kind) =
                switch fact {
                case .adds(let requestID, let code, let quantity):
                    (requestID, .addRequested(.of(code, quantity)))
                case .confirms(let requestID): (requestID, .addConfirmed(name: "x"))
                case .refuses(let requestID): (requestID, .addRefused(.tooLate, available: 0))
                case .removes(let requestID, let code, let quantity, let holds, let pending):
                    (
                        requestID,
                        .removed(
                            Removal(
                                productCode: code, quantity: quantity,
                                holds: Self.reductions(holds), pending: Self.reductions(pending)))
                    )
                }
            cart.evolve(
                CartEvent(
                    version: index + 1, requestID: id(requestID), at: Timestamp(millis: index),
                    kind: kind))
        }
    }

    private static func reductions(_ reductions: [String: Int]) -> [Removal.Reduction] {
        reductions.sorted { $0.key < $1.key }.map {
            Removal.Reduction(requestID: id($0.key), to: $0.value)
        }
    }

    func when(_ command: CartCommand, sourceLocation: SourceLocation = #_sourceLocation) -> Then {
        do {
            return Then(cart, try cart.decide(command, now: Timestamp(millis: 77)))
        } catch {
            Issue.record("\(error)", sourceLocation: sourceLocation)
            return Then(cart, [])
        }
    }

    func when(_ answer: AskAnswer, to requestID: String, of code: ProductCode) -> Then {
        let event = cart.decide(answer, to: id(requestID), of: code, now: Timestamp(millis: 77))
        return Then(cart, event.map { [$0] } ?? [])
    }
}

/// What comes of it.
struct Then {
    private let events: [CartEvent]
    private var duties: [Duty] = []
    private var after: Cart

    init(_ cart: Cart, _ events: [CartEvent]) {
        self.events = events
        after = cart
        for event in events {
            duties += after.duties(from: event)
            after.evolve(event)
        }
    }

    @discardableResult
    func then(
        _ kinds: CartEvent.Kind..., sourceLocation: SourceLocation = #_sourceLocation
    ) -> Then {
        #expect(events.map(\.kind) == kinds, sourceLocation: sourceLocation)
        #expect(events.allSatisfy { $0.at.millis == 77 }, sourceLocation: sourceLocation)
        return self
    }

    func thenNothing(sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(events == [], sourceLocation: sourceLocation)
    }

    @discardableResult
    func owes(
        _ kind: Duty.Kind, for requestID: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> Then {
        let kinds = duties.filter { $0.requestID == id(requestID) }.map(\.kind)
        #expect(kinds == [kind], sourceLocation: sourceLocation)
        return self
    }

    @discardableResult
    func owesNothingNew(
        for requestID: String, sourceLocation: SourceLocation = #_sourceLocation
    ) -> Then {
        #expect(!duties.contains { $0.requestID == id(requestID) }, sourceLocation: sourceLocation)
        return self
    }

    @discardableResult
    func outcome(
        of requestID: String, _ outcome: Outcome,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> Then {
        #expect(after.outcome(of: id(requestID)) == outcome, sourceLocation: sourceLocation)
        return self
    }

    @discardableResult
    func lines(
        _ lines: [ProductCode: Int], sourceLocation: SourceLocation = #_sourceLocation
    ) -> Then {
        let seen = Dictionary(
            uniqueKeysWithValues: after.view.lines.map { ($0.productCode, $0.quantity) })
        #expect(seen == lines, sourceLocation: sourceLocation)
        return self
    }
}
