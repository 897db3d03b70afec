extension BenchmarkReport {
    /// The medians of one load over some number of instances of each service.
    struct InstanceStep {
        let title: String
        let load: String
        let perSecond: Double
        let p50: Double
        let p99: Double
        let suiteMicros: Double
        let perSuiteSecond: Double
    }

    private static let instanceLoads = [
        ("instances-1", "1 of each"), ("instances-2", "2 of each"), ("instances-4", "4 of each"),
        ("instances-2-shared", "2, shared"), ("instances-4-shared", "4, shared"),
        ("instances-1-steady", "1 at 500/s"), ("instances-2-steady", "2 at 1,000/s"),
        ("instances-4-steady", "4 at 2,000/s"),
    ]

    /// Without those that were not measured.
    var instanceSteps: [InstanceStep] {
        Self.instanceLoads.compactMap { load, title in
            let rounds = results.loads[load] ?? []
            func middle(_ figure: (BenchmarkLoad) -> Double) -> Double {
                median(rounds.map(figure)) ?? 0
            }
            guard !rounds.isEmpty else { return nil }
            return InstanceStep(
                title: title, load: load, perSecond: middle(\.perSecond), p50: middle(\.p50),
                p99: middle(\.p99), suiteMicros: middle(\.suiteMicrosPerRequest),
                perSuiteSecond: middle(\.perSuiteSecond))
        }
    }

    func instancesText(_ plot: String) -> String {
        let steps = instanceSteps
        if steps.isEmpty { return "" }
        var processes: [String] = []
        for step in steps {
            for cost in costs(step.load) where !processes.contains(cost.name) {
                processes.append(cost.name)
            }
        }
        return """
            ## Scale-out

            So many gateways, cart services and inventory services on this machine, with one broker, Postgres
            and Redis; adds of uniform products as fast as possible, in turns. A CPU second is one of the
            suite's processes together, without the load generator. The goal is at most 15 % fewer adds for
            it than with one of each (a ratio of 0.85). Instances are added for more shoppers, so each has as
            many adds in flight as the one. Where they share what the one had ("shared"), the batches of each
            are as much smaller, and batches are what an add costs. The last rows give each instance 500 adds
            a second.

            \(table(
                ["Instances", "Adds/s", "p50 ms", "p99 ms", "Adds per CPU second", "Against one"],
                steps.map { step in
                    [
                        step.title, groupedText(Int(step.perSecond)), millisText(step.p50),
                        millisText(step.p99), groupedText(Int(step.perSuiteSecond)),
                        ratio(step, among: steps),
                    ]
                }))
            \(plot)Microseconds of CPU for one add; those of several instances are added up.

            \(table(
                ["Process"] + steps.map(\.title),
                processes.map { process in
                    [process]
                        + steps.map { step in
                            costs(step.load).first { $0.name == process }
                                .map { microsText($0.micros) } ?? "-"
                        }
                }))

            """
    }

    /// Against one instance under the same kind of load; nothing for that one itself.
    private func ratio(_ step: InstanceStep, among steps: [InstanceStep]) -> String {
        let base = step.load.hasSuffix("-steady") ? "instances-1-steady" : "instances-1"
        guard step.load != base, let first = steps.first(where: { $0.load == base }),
            first.perSuiteSecond > 0
        else { return "" }
        return ratioText(step.perSuiteSecond / first.perSuiteSecond)
    }
}
