extension BenchmarkReport {
    /// What the parts cost alone, beside the suite.
    var chainText: String {
        let figures = BenchmarkGoal.all.compactMap(chainRow)
        guard !figures.isEmpty else { return "" }
        let loads = Self.measured.filter { results.chains[$0.0] != nil }
        let costs = Self.chainCosts.indices.flatMap { index in
            [
                [Self.chainCosts[index].suite]
                    + loads.map { load, _ in
                        microsText(
                            self.costs(load).filter {
                                Self.chainCosts[index].processes.contains($0.name)
                            }
                            .reduce(0) { $0 + $1.micros })
                    },
                [Self.chainCosts[index].parts]
                    + loads.map { load, _ in
                        microsText(
                            median((results.chains[load] ?? []).map { $0.costs[index] }) ?? 0)
                    },
            ]
        }
        return """
            ## What the parts cost alone

            The hops and the transactions of an add by librdkafka and libpq alone: threads of one process that take
            a batch from the log, write it to the yardstick's tables, and pass it on. What the suite takes more is its
            own work: carts, JSON, keys and headers, websockets, locks, more indexes and checks. As far as the parts
            are from a floor, so much room does the floor leave for that.

            \(table(["", "Suite", "Parts alone", "Parts / yardstick", "Floor"], figures))
            Microseconds of CPU for one add:

            \(table([""] + loads.map(\.1), costs))

            """
    }

    /// Which of the suite's processes do what each column of ``BenchmarkResults/Chain/costs`` counts.
    private static let chainCosts: [(suite: String, parts: String, processes: [String])] = [
        (
            "gateway, cart and inventory", "one process with their hops and transactions",
            ["gateway", "cart", "inventory"]
        ),
        ("broker", "broker, parts alone", ["broker"]),
        ("postgres", "postgres, parts alone", ["postgres"]),
    ]

    /// A goal's figure of the suite and of the parts; `nil` if one was not measured.
    private func chainRow(_ goal: BenchmarkGoal) -> [String]? {
        guard let figure = goal.ofChain, let verdict = goal.verdict(results),
            let parts = median((results.chains[goal.load] ?? []).map(figure))
        else { return nil }
        return [
            goal.name, figureText(verdict.measured, goal.unit), figureText(parts, goal.unit),
            ratioText(parts / verdict.yardstick), goal.floorText,
        ]
    }
}
