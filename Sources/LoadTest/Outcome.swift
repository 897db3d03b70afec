package import Messages

/// What became of a request, as its client was told; one byte, for there are millions.
package struct Outcome: Hashable, Sendable {
    package let rawValue: UInt8

    /// Not answered, or its connection was lost.
    package static let unanswered = Outcome(rawValue: 0)
    package static let accepted = Outcome(rawValue: 1)
    /// A read was answered.
    package static let shown = Outcome(rawValue: 2)
    /// Answered with a problem: overloaded, rate-limited, unavailable.
    package static let refused = Outcome(rawValue: 3)
    /// Due, but never sent: too many were in flight up to the end.
    package static let unsent = Outcome(rawValue: 4)
    package static let outOfStock = rejected(.outOfStock)

    private static let names = ["unanswered", "accepted", "shown", "refused", "unsent"]
    private static let reasons = RejectionReason.allCases

    /// All that there are; rejections come last, in the order of their reasons.
    package static let all = (0..<names.count + reasons.count).map {
        Outcome(rawValue: UInt8($0))
    }

    /// Told no, for a reason.
    package static func rejected(_ reason: RejectionReason) -> Outcome {
        let index = reasons.firstIndex(of: reason) ?? 0
        return Outcome(rawValue: UInt8(names.count + index))
    }

    private init(rawValue: UInt8) { self.rawValue = rawValue }

    /// - Parameter reason: of a rejection; one that is not known counts as failed.
    package init(_ status: RequestStatus, _ reason: RejectionReason?) {
        switch status {
        case .accepted: self = .accepted
        case .pending, .unknown: self = .unanswered
        case .rejected: self = .rejected(reason ?? .failed)
        }
    }

    /// Whether a shopper was told no.
    package var isRejection: Bool { Int(rawValue) >= Self.names.count }

    /// How reports call it: rejections by their reason.
    package var name: String {
        let index = Int(rawValue)
        return isRejection
            ? Self.reasons[index - Self.names.count].rawValue : Self.names[index]
    }
}

/// How many requests had each outcome.
package struct OutcomeCounts: Sendable, Equatable {
    private var counts = [Int](repeating: 0, count: Outcome.all.count)

    package init() {}

    package subscript(_ outcome: Outcome) -> Int {
        get { counts[Int(outcome.rawValue)] }
        set { counts[Int(outcome.rawValue)] = newValue }
    }

    /// All outcomes that occurred.
    package var present: [(outcome: Outcome, count: Int)] {
        Outcome.all.map { ($0, self[$0]) }.filter { $0.1 > 0 }
    }

    mutating func merge(_ other: OutcomeCounts) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }
}
