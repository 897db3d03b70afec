import CartDomain
import Messages
import RestGateway
import Testing

extension Sample {
    /// A request that asks for that.
    static func described(_ action: CartRequest.Action) -> CartRequest {
        CartRequest(
            cartID: CartID(bits: 1), requestID: known(RequestID("r1")), userID: known(UserID("u1")),
            action: action)
    }

    static let productCode = known(ProductCode("P1"))

    /// A value made from a literal that is valid.
    static func known<Value>(_ value: Value?) -> Value {
        guard let value else { preconditionFailure("a literal of the tests is not valid") }
        return value
    }
}

extension CartRequest.Action {
    /// Each kind, with and without what may be left out.
    static let samples: [CartRequest.Action] = [
        .add(Sample.productCode, quantity: 2), .remove(Sample.productCode, quantity: 1),
        .remove(Sample.productCode, quantity: nil), .check, .lookup, .watch(since: 0),
    ]
}

/// The schema that describes it: a new kind does not build without one.
func component(of action: CartRequest.Action) throws -> ComponentSchema {
    switch action {
    case .add: .addRequest
    case .remove: .removeRequest
    case .check: .checkRequest
    case .lookup: .lookupRequest
    case .watch: .watchRequest
    }
}

extension CartEvent.Kind {
    /// Each kind, with and without what may be left out.
    static func samples() -> [CartEvent.Kind] {
        let product = Sample.productCode
        let user = Sample.known(UserID("u1"))
        let reduction = Removal.Reduction(requestID: Sample.known(RequestID("r2")), to: 0)
        let add = { (partition: Int?) in
            AddRequest(
                productCode: product, quantity: 2, userID: user, askUntil: Timestamp(millis: 9),
                replyPartition: partition)
        }
        return [
            .addRequested(add(3)), .addRequested(add(nil)), .addConfirmed(name: "Drill"),
            .removed(
                Removal(productCode: product, quantity: 1, holds: [reduction], pending: [])),
            .removed(
                Removal(productCode: product, quantity: nil, holds: [], pending: [reduction])),
            .rejected(.add(product, quantity: 1), .cartFull),
            .rejected(.remove(product, quantity: nil), .notInCart), .expired, .shrunk(to: 0),
            .disowned(DisownedHold(productCode: product, quantity: 0, userID: user)),
        ] + RejectionReason.allCases.map { .addRefused($0, available: 1) }
    }
}

/// The schema that describes it: a new kind does not build without one.
func component(of kind: CartEvent.Kind) -> ComponentSchema {
    switch kind {
    case .addRequested: .addRequested
    case .addConfirmed: .addConfirmed
    case .addRefused: .addRefused
    case .removed: .removed
    case .rejected: .rejected
    case .expired: .expired
    case .shrunk: .shrunk
    case .disowned: .disowned
    }
}
