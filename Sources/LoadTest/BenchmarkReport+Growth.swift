extension BenchmarkReport {
    /// What is grown, and how the page calls it.
    static let dimensions = [
        ("users", "Carts and websockets in use"), ("products", "Products"),
        ("partitions", "Partitions of each topic"),
        ("history", "Carts stored before"),
    ]

    /// A figure counts as flat that is no more than this share worse than at the first step.
    static let flatness = 0.15

    func growthText(_ plot: String) -> String {
        guard !results.growth.isEmpty else {
            return "## Growth\n\nNot measured in this run; `make bench GROWTH=1` does.\n\n"
        }
        var text = """
            ## Growth

            Adds of uniform products as fast as possible, and latencies at 1,000 a second, as one thing after the
            other grows by 10 and 100 times. Flat is what changes by less than \
            \(numberText(Self.flatness * 100, places: 0)) %; else the processes are named that
            take more CPU for an add than at the first step.

            \(plot)
            """
        for (dimension, title) in Self.dimensions {
            guard let steps = results.growth[dimension] else { continue }
            text += table(
                [title, "Adds/s", "p50 ms", "p99 ms", "CPU us/add", "Adds/s against the first"],
                steps.map { step in
                    [
                        groupedText(step.count),
                        step.max.map { groupedText(Int($0.perSecond)) } ?? "-",
                        step.steady.map { millisText($0.p50) } ?? "-",
                        step.steady.map { millisText($0.p99) } ?? "-",
                        step.max.map { microsText($0.microsPerRequest) } ?? "-",
                        judgement(of: step, against: steps[0]),
                    ]
                })
            text += "\n"
        }
        return text
    }

    /// Whether a step is as fast as the first one, and if not, who takes more.
    func judgement(
        of step: BenchmarkResults.GrowthStep, against first: BenchmarkResults.GrowthStep
    ) -> String {
        guard let now = step.max, let before = first.max, before.perSecond > 0 else { return "-" }
        guard step.count != first.count else { return "" }
        let change = now.perSecond / before.perSecond - 1
        let text = "\(change < 0 ? "" : "+")\(numberText(change * 100, places: 0)) %"
        guard change < -Self.flatness else {
            return change > Self.flatness ? text : "flat (\(text))"
        }
        let grown = now.costs.compactMap { cost -> (name: String, micros: Double)? in
            let old = before.costs.first { $0.name == cost.name }?.microsPerRequest ?? 0
            let more = cost.microsPerRequest - old
            return more > before.microsPerRequest * 0.03 ? (cost.name, more) : nil
        }.sorted { $0.micros > $1.micros }.prefix(3)
        guard !grown.isEmpty else { return "\(text); nobody takes more CPU: waiting" }
        let reasons = grown.map { "\($0.name) +\(numberText($0.micros, places: 0)) us" }
        return "\(text); \(reasons.joined(separator: ", "))"
    }
}
