import CartDomain
import Messages
import Testing

@testable import Simulation

extension AddRequest {
    static func of(
        _ code: ProductCode, _ quantity: Int, askUntil: Int = 1_000, replyPartition: Int? = nil
    ) -> AddRequest {
        AddRequest(
            line: LineID(code), quantity: quantity, userID: ann,
            askUntil: Timestamp(millis: askUntil), replyPartition: replyPartition,
            fingerprint: Fingerprint(AddItem(LineID(code), quantity: quantity)))
    }
}

/// A command as a request brings it.
struct Request {
    let requestID: RequestID
    let command: any CartCommand
    var askUntil = Timestamp(millis: 1_000)
    var replyPartition: Int?
    var ifVersion: Int?

    static func add(_ requestID: RequestID, _ add: AddRequest) -> Request {
        Request(
            requestID: requestID, command: AddItem(add.line, quantity: add.quantity),
            askUntil: add.askUntil, replyPartition: add.replyPartition)
    }

    static func remove(
        _ requestID: RequestID, _ code: ProductCode, quantity: Int?
    ) -> Request {
        Request(requestID: requestID, command: RemoveProduct(code, quantity: quantity))
    }

    static func of(
        _ requestID: String, _ command: any CartCommand, ifVersion: Int? = nil
    ) -> Request {
        Request(requestID: id(requestID), command: command, ifVersion: ifVersion)
    }
}

extension Cart {
    /// Decides a command, by a catalogue if there is one.
    func decide(
        _ request: Request, now: Timestamp, offers: any OfferBook = NoOffers()
    ) throws(Rejection) -> [CartEvent] {
        try decide(
            request.command,
            CommandContext(
                requestID: request.requestID, userID: ann, now: now, askUntil: request.askUntil,
                replyPartition: request.replyPartition,
                fingerprint: Fingerprint(request.command), ifVersion: request.ifVersion,
                offers: offers))
    }

    /// Decides a command and takes what happens into account.
    mutating func carryOut(_ request: Request, offers: any OfferBook = NoOffers()) throws {
        for event in try decide(request, now: Timestamp(millis: 0), offers: offers) {
            evolve(event)
        }
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
                                Removal.Reductions(
                                    holds: Self.reductions(holds),
                                    pending: Self.reductions(pending)),
                                for: Fingerprint(RemoveProduct(code, quantity: quantity))))
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

    func when(_ command: Request, sourceLocation: SourceLocation = #_sourceLocation) -> Then {
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
        _ kind: Owed, for requestID: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> Then {
        let kinds = duties.filter { $0.requestID == id(requestID) }.map { Owed($0.kind) }
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
            uniqueKeysWithValues: after.view.lines.map { ($0.id.productCode, $0.quantity) })
        #expect(seen == lines, sourceLocation: sourceLocation)
        return self
    }
}

/// What a cart owes, whatever the product.
enum Owed: Hashable {
    case ask(quantity: Int, until: Timestamp, from: HoldSource? = nil)
    case lower(to: Int, from: HoldSource? = nil)
    case fetch(from: CartID)
    case nothing

    init(_ kind: Duty.Kind) {
        self =
            switch kind {
            case .ask(_, let quantity, let until, let source):
                .ask(quantity: quantity, until: until, from: source)
            case .lower(_, let quantity, let source): .lower(to: quantity, from: source)
            case .fetch(let cartID): .fetch(from: cartID)
            case .nothing: .nothing
            }
    }
}

/// A price in euro cents, with a VAT of 25 %.
func euro(_ minorUnits: Int) -> Price {
    guard let currency = Currency("EUR"),
        let price = Price(minorUnits: minorUnits, currency: currency, vatRate: 2_500)
    else { preconditionFailure("not a price: \(minorUnits)") }
    return price
}

let swedish: Country = {
    guard let country = Country("SE") else { preconditionFailure("not a country") }
    return country
}()
