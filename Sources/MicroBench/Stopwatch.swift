/// Takes times of small things, in turns with what they are compared with.
enum Stopwatch {
    /// Nanoseconds of one call of each, the median of so many turns: what disturbs the machine disturbs
    /// both.
    static func alternately(
        turns: Int, calls: Int, _ first: () throws -> Void, _ second: () throws -> Void
    ) rethrows -> (first: Double, second: Double) {
        var times: (first: [Double], second: [Double]) = ([], [])
        for _ in 0..<turns {
            times.first.append(try nanoseconds(of: calls, first))
            times.second.append(try nanoseconds(of: calls, second))
        }
        return (median(times.first), median(times.second))
    }

    /// Nanoseconds of each of so many calls that follow one another.
    static func each(_ calls: Int, _ body: () async throws -> Void) async rethrows -> [Double] {
        var times: [Double] = []
        for _ in 0..<calls {
            let start = ContinuousClock.now
            try await body()
            times.append((ContinuousClock.now - start) / .nanoseconds(1))
        }
        return times
    }

    static func median(_ values: [Double]) -> Double { percentile(values, 0.5) }

    /// By nearest rank.
    static func percentile(_ values: [Double], _ share: Double) -> Double {
        let sorted = values.sorted()
        guard let last = sorted.indices.last else { return 0 }
        return sorted[min(Int(Double(sorted.count) * share), last)]
    }

    private static func nanoseconds(of calls: Int, _ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        for _ in 0..<calls { try body() }
        return (ContinuousClock.now - start) / .nanoseconds(1) / Double(calls)
    }
}
