/// What was answered when, in intervals of one length.
struct Timeline: Sendable {
    private static let intervalsMax = 240

    private let start: UInt64
    private let length: UInt64
    private(set) var intervals: [Interval] = []
    private var current: Interval
    private var latencies = LatencyHistogram()
    private var currentEnd: UInt64

    /// - Parameter expected: how long it will go on; `nil` if nobody knows.
    init(start: UInt64, expected: Duration?) {
        self.start = start
        let total = expected?.wholeNanoseconds ?? 0
        length = max(total / UInt64(Self.intervalsMax), 500_000_000)
        currentEnd = start + length
        current = Interval(at: 0, seconds: Double(length) / 1_000_000_000)
    }

    /// The last interval that is over.
    var latest: Interval? { intervals.last }

    func seconds(at now: UInt64) -> Double {
        now > start ? Double(now - start) / 1_000_000_000 : 0
    }

    mutating func note(_ latencyMicros: Int, _ outcome: Outcome, at now: UInt64) {
        advance(to: now)
        latencies.add(latencyMicros)
        if outcome == .accepted {
            current.accepted += 1
        } else if outcome.isRejection {
            current.rejected += 1
        } else {
            current.others += 1
        }
    }

    /// Ends the intervals that are over.
    mutating func advance(to now: UInt64) {
        while now >= currentEnd {
            if latencies.count > 0 {
                current.p50 = latencies.percentile(0.5) / 1_000
                current.p99 = latencies.percentile(0.99) / 1_000
                current.max = Double(latencies.max) / 1_000
                latencies.reset()
            }
            intervals.append(current)
            current = Interval(at: seconds(at: currentEnd), seconds: current.seconds)
            currentEnd += length
        }
    }
}

extension Duration {
    /// Whole nanoseconds, none for a negative duration.
    var wholeNanoseconds: UInt64 {
        UInt64(max(self / .nanoseconds(1), 0))
    }
}

/// How a load test goes, for whoever watches.
package struct LoadProgress: Sendable {
    package let phase: String
    /// Since the start.
    package let seconds: Double
    /// The last interval.
    package let interval: Interval?
    package let inFlight: Int
    package let openSockets: Int
    /// Of the phase so far.
    package let outcomes: OutcomeCounts
}

extension LoadConfiguration {
    /// How long requests are sent; `nil` for waves, which last as long as they need.
    var expectedDuration: Duration? { scenario.isInWaves ? nil : warmUp + duration }
}
