/// A figure of the suite that is to stand in some ratio to another one, both measured in turns.
package struct BenchmarkGoal: Sendable {
    /// What a figure is compared with.
    package enum Yardstick: Sendable {
        /// A run of `pgbench`, and which of its figures.
        case pgbench(String, @Sendable (BenchmarkResults.Yardstick) -> Double)
        /// The same figure of another load test, with one instance of each service.
        case load(String)

        /// How sentences call it.
        var name: String {
            switch self {
            case .pgbench: "pgbench"
            case .load: "that of one instance"
            }
        }
    }

    /// Which side of the goal is good.
    package enum Direction: Sendable {
        case atLeast, atMost
    }

    package let name: String
    /// The load test that gives the figure.
    package let load: String
    /// What it is compared with.
    package let yardstick: Yardstick
    package let unit: String
    package let direction: Direction
    /// The ratio that is wanted.
    package let goal: Double
    /// The ratio below which, or above which, a benchmark fails.
    package let floor: Double
    package let ofLoad: @Sendable (BenchmarkLoad) -> Double
    /// The same figure of the parts alone; `nil` where they are not measured for it.
    var ofChain: (@Sendable (BenchmarkResults.Chain) -> Double)?

    /// The goals, with their floors.
    package static let all =
        [
            BenchmarkGoal(
                name: "Adds of uniform products", load: "uniform",
                yardstick: .pgbench("uniform-32", \.perSecond), unit: "/s",
                direction: .atLeast, goal: 3, floor: 2, ofLoad: \.perSecond, ofChain: \.perSecond),
            BenchmarkGoal(
                name: "Adds of one hot product", load: "hot",
                yardstick: .pgbench("row-32", \.perSecond), unit: "/s",
                direction: .atLeast, goal: 12, floor: 12, ofLoad: \.perSecond, ofChain: \.perSecond),
            BenchmarkGoal(
                name: "p50 at 1,000 adds/s", load: "steady",
                yardstick: .pgbench("uniform-1", \.meanMillis), unit: " ms",
                direction: .atMost, goal: 5, floor: 5, ofLoad: \.p50, ofChain: \.p50),
            BenchmarkGoal(
                name: "p99 at 1,000 adds/s", load: "steady",
                yardstick: .pgbench("uniform-1", \.meanMillis), unit: " ms",
                direction: .atMost, goal: 15, floor: 15, ofLoad: \.p99, ofChain: \.p99),
        ]
        + [2, 4].map { count in
            BenchmarkGoal(
                name: "Adds per CPU second, \(count) instances of each",
                load: "instances-\(count)", yardstick: .load("instances-1"), unit: "",
                direction: .atLeast, goal: 0.85, floor: 0.85, ofLoad: \.perSuiteSecond)
        }

    /// The floor as tables tell it.
    var floorText: String {
        "\(direction == .atLeast ? "at least" : "at most") \(ratioText(floor))"
    }

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
        let yardsticks =
            switch yardstick {
            case .pgbench(let run, let figure): (results.yardsticks[run] ?? []).map(figure)
            case .load(let other): (results.loads[other] ?? []).map(ofLoad)
            }
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
