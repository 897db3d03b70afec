/// A figure of the suite that is to stand in some ratio to one of `pgbench`, both measured in turns.
package struct BenchmarkGoal: Sendable {
    /// Which side of the goal is good.
    package enum Direction: Sendable {
        case atLeast, atMost
    }

    package let name: String
    /// The load test that gives the figure.
    package let load: String
    /// The run of `pgbench` that it is compared with.
    package let yardstick: String
    package let unit: String
    package let direction: Direction
    /// The ratio that is wanted.
    package let goal: Double
    /// The ratio below which, or above which, a benchmark fails.
    package let floor: Double
    package let ofLoad: @Sendable (BenchmarkLoad) -> Double
    package let ofYardstick: @Sendable (BenchmarkResults.Yardstick) -> Double

    /// The goals, with their floors.
    package static let all = [
        BenchmarkGoal(
            name: "Adds of uniform products", load: "uniform", yardstick: "uniform-32", unit: "/s",
            direction: .atLeast, goal: 3, floor: 2, ofLoad: \.perSecond, ofYardstick: \.perSecond),
        BenchmarkGoal(
            name: "Adds of one hot product", load: "hot", yardstick: "row-32", unit: "/s",
            direction: .atLeast, goal: 12, floor: 12, ofLoad: \.perSecond,
            ofYardstick: \.perSecond),
        BenchmarkGoal(
            name: "p50 at 1,000 adds/s", load: "steady", yardstick: "uniform-1", unit: " ms",
            direction: .atMost, goal: 5, floor: 5, ofLoad: \.p50, ofYardstick: \.meanMillis),
        BenchmarkGoal(
            name: "p99 at 1,000 adds/s", load: "steady", yardstick: "uniform-1", unit: " ms",
            direction: .atMost, goal: 15, floor: 15, ofLoad: \.p99, ofYardstick: \.meanMillis),
    ]

    /// Whether a ratio is as good as a limit.
    package func isMet(_ ratio: Double, _ limit: Double) -> Bool {
        direction == .atLeast ? ratio >= limit : ratio <= limit
    }

    /// How a figure stands to the goal.
    package struct Verdict: Sendable {
        package let goal: BenchmarkGoal
        /// The medians of all rounds, and their ratio.
        package let measured: Double
        package let yardstick: Double
        package let ratio: Double
        /// The ratios of the single rounds, each figure to that of its own round.
        package let rounds: [Double]

        package var isGoalMet: Bool { goal.isMet(ratio, goal.goal) }
        package var isAboveFloor: Bool { goal.isMet(ratio, goal.floor) }
    }

    /// - Returns: `nil` if one of the two was not measured.
    package func verdict(_ results: BenchmarkResults) -> Verdict? {
        let figures = (results.loads[load] ?? []).map(ofLoad)
        let yardsticks = (results.yardsticks[yardstick] ?? []).map(ofYardstick)
        guard let measured = median(figures), let other = median(yardsticks), other > 0 else {
            return nil
        }
        return Verdict(
            goal: self, measured: measured, yardstick: other, ratio: measured / other,
            rounds: zip(figures, yardsticks).map { $0 / max($1, .leastNormalMagnitude) })
    }
}

/// The value in the middle, or between the two in the middle; `nil` of none.
func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
