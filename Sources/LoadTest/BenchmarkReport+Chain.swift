extension BenchmarkReport {
    /// What the parts cost alone, beside the suite.
    var chainText: String {
        let figures = BenchmarkGoal.all.compactMap(chainRow)
        guard !figures.isEmpty else { return "" }
        let loads = Self.measured.filter { results.chains[$0.0] != nil }
        var costs: [[String]] = []
        for (index, cost) in Self.chainCosts.enumerated() {
            let suite = loads.map { load, _ in
                let those = self.costs(load).filter { cost.processes.contains($0.name) }
                return microsText(those.reduce(0) { $0 + $1.micros })
            }
            let parts = loads.map { load, _ in
                microsText(median((results.chains[load] ?? []).map { $0.costs[index] }) ?? 0)
            }
            costs += [[cost.suite] + suite, [cost.parts] + parts]
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
            \(budgetText)
            """
    }

    /// What the floors leave for the suite's own work, in CPU of one add; empty where that is not known.
    private var budgetText: String {
        let budgets = BenchmarkGoal.all.compactMap { goal in budget(goal).map { (goal.load, $0) } }
        guard let (_, first) = budgets.first else { return "" }
        let rows = first.indices.map { index in
            [first[index].name] + budgets.map { microsText($0.1[index].micros) }
        }
        let titles = budgets.compactMap { load, _ in Self.measured.first { $0.0 == load }?.1 }
        return """
            A budget, in microseconds of CPU for one add: at the rate of the floor all processors together have no
            more for it. Less the parts alone and the load generator, the rest is for gateway, carts and inventory:
            websockets with their system calls, JSON, carts, keys and headers, what else broker and Postgres do.

            \(table([""] + titles, rows))

            """
    }

    /// The budget of an add at the floor of a rate; `nil` for other goals.
    private func budget(_ goal: BenchmarkGoal) -> [(name: String, micros: Double)]? {
        guard goal.ofChain != nil, goal.direction == .atLeast,
            let processors = results.machine.first(where: { $0.name == "Processors" })
                .flatMap({ Double($0.value.prefix { $0.isNumber }) }),
            let yardstick = goal.verdict(results)?.yardstick,
            let parts = median(
                (results.chains[goal.load] ?? []).map { $0.costs.reduce(0, +) })
        else { return nil }
        let floor = processors * 1_000_000 / (goal.floor * yardstick)
        let costs = costs(goal.load).filter { $0.name != UsageMeter.restName }
        let generator =
            costs.first { $0.name == UsageMeter.ownName }.map(\.micros) ?? 0
        let suite = costs.reduce(0) { $0 + $1.micros } - generator
        return [
            ("the floor allows", floor), ("parts alone", parts), ("load generator", generator),
            ("left for the suite's own work", floor - parts - generator),
            ("taken by it", suite - parts),
        ]
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
