package import Messages

/// What became of a request, as its client was told.
package enum Outcome: UInt8, CaseIterable, Sendable {
    /// Not answered, or its connection was lost.
    case unanswered
    case accepted
    case outOfStock, unknownProduct, tooLate, cancelled, notInCart, requestIDReused, cartFull,
        failed
    /// A read was answered.
    case shown
    /// Answered with a problem: overloaded, rate-limited, unavailable.
    case refused
    /// Due, but never sent: too many were in flight up to the end.
    case unsent

    package init(_ status: RequestStatus, _ reason: RejectionReason?) {
        switch (status, reason) {
        case (.accepted, _): self = .accepted
        case (.pending, _), (.unknown, _): self = .unanswered
        case (.rejected, .outOfStock?): self = .outOfStock
        case (.rejected, .unknownProduct?): self = .unknownProduct
        case (.rejected, .tooLate?): self = .tooLate
        case (.rejected, .cancelled?): self = .cancelled
        case (.rejected, .notInCart?): self = .notInCart
        case (.rejected, .requestIDReused?): self = .requestIDReused
        case (.rejected, .cartFull?): self = .cartFull
        case (.rejected, _): self = .failed
        }
    }

    /// Whether a shopper was told no.
    package var isRejection: Bool {
        switch self {
        case .outOfStock, .unknownProduct, .tooLate, .cancelled, .notInCart, .requestIDReused,
            .cartFull, .failed:
            true
        case .unanswered, .accepted, .shown, .refused, .unsent: false
        }
    }

    /// How reports call it.
    package var name: String {
        switch self {
        case .unanswered: "unanswered"
        case .accepted: "accepted"
        case .outOfStock: RejectionReason.outOfStock.rawValue
        case .unknownProduct: RejectionReason.unknownProduct.rawValue
        case .tooLate: RejectionReason.tooLate.rawValue
        case .cancelled: RejectionReason.cancelled.rawValue
        case .notInCart: RejectionReason.notInCart.rawValue
        case .requestIDReused: RejectionReason.requestIDReused.rawValue
        case .cartFull: RejectionReason.cartFull.rawValue
        case .failed: RejectionReason.failed.rawValue
        case .shown: "shown"
        case .refused: "refused"
        case .unsent: "unsent"
        }
    }
}

/// How many requests had each outcome.
package struct OutcomeCounts: Sendable, Equatable {
    private var counts = [Int](repeating: 0, count: Outcome.allCases.count)

    package init() {}

    package subscript(_ outcome: Outcome) -> Int {
        get { counts[Int(outcome.rawValue)] }
        set { counts[Int(outcome.rawValue)] = newValue }
    }

    /// All outcomes that occurred, in the order of their declaration.
    package var present: [(outcome: Outcome, count: Int)] {
        Outcome.allCases.map { ($0, self[$0]) }.filter { $0.1 > 0 }
    }

    /// How many shoppers were told no.
    package var rejected: Int {
        Outcome.allCases.reduce(0) { $0 + ($1.isRejection ? self[$1] : 0) }
    }

    mutating func merge(_ other: OutcomeCounts) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }
}
