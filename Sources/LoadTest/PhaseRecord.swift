/// What was measured in one phase of a load test.
package struct PhaseRecord: Sendable {
    package let name: String
    /// Whether it counts for the totals: connecting and warming up do not.
    package let isMeasured: Bool
    /// When it began and ended, in nanoseconds of the loop's clock.
    package internal(set) var start: UInt64
    package internal(set) var end: UInt64
    /// From the intended instant to the answer; what was never answered counts with the time it waited.
    package internal(set) var latencies = LatencyHistogram()
    /// What of it was asked in which way.
    package internal(set) var operations: [Operation: LatencyHistogram] = [:]
    package internal(set) var outcomes = OutcomeCounts()
    /// Answers that came between start and end; those that came later are counted by `outcomes` alone.
    package internal(set) var answeredInTime = 0

    init(_ name: String, isMeasured: Bool, start: UInt64, end: UInt64) {
        self.name = name
        self.isMeasured = isMeasured
        self.start = start
        self.end = end
    }

    package var seconds: Double { end > start ? Double(end - start) / 1_000_000_000 : 0 }
    /// Answers per second.
    package var rate: Double { seconds > 0 ? Double(answeredInTime) / seconds : 0 }

    mutating func note(_ latencyMicros: Int, _ operation: Operation?, _ outcome: Outcome) {
        latencies.add(latencyMicros)
        if let operation {
            operations[operation, default: LatencyHistogram()].add(latencyMicros)
        }
        outcomes[outcome] += 1
    }
}

/// What was measured in one short interval.
package struct Interval: Sendable {
    /// When it began, in seconds from the start of the test, and how long it was.
    package var at: Double
    package var seconds: Double
    package var accepted = 0
    package var rejected = 0
    /// Reads, and what was refused.
    package var others = 0
    /// In milliseconds.
    package var p50 = 0.0
    package var p99 = 0.0
    package var max = 0.0

    /// Answers per second.
    package var rate: Double {
        seconds > 0 ? Double(accepted + rejected + others) / seconds : 0
    }

    package init(
        at: Double, seconds: Double, accepted: Int = 0, rejected: Int = 0, others: Int = 0,
        p50: Double = 0, p99: Double = 0, max: Double = 0
    ) {
        self.at = at
        self.seconds = seconds
        self.accepted = accepted
        self.rejected = rejected
        self.others = others
        self.p50 = p50
        self.p99 = p99
        self.max = max
    }
}
