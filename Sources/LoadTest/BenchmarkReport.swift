/// What a benchmark of the suite beside `pgbench` found: verdicts, what is wrong, and a page with plots.
package struct BenchmarkReport: Sendable {
    package let results: BenchmarkResults
    /// In the order of ``BenchmarkGoal/all``, without those that were not measured.
    package let verdicts: [BenchmarkGoal.Verdict]
    /// What a benchmark fails for, as sentences; none if all is well.
    package let failures: [String]

    package init(_ results: BenchmarkResults) {
        self.results = results
        verdicts = BenchmarkGoal.all.compactMap { $0.verdict(results) }
        failures = Self.failures(results, verdicts)
    }

    private static func failures(
        _ results: BenchmarkResults, _ verdicts: [BenchmarkGoal.Verdict]
    ) -> [String] {
        var failures: [String] = []
        for goal in BenchmarkGoal.all {
            guard let verdict = verdicts.first(where: { $0.goal.name == goal.name }) else {
                failures.append("\(goal.name): not measured.")
                continue
            }
            guard !verdict.isAboveFloor else { continue }
            let side = goal.direction == .atLeast ? "below" : "above"
            failures.append(
                """
                \(goal.name): \(ratioText(verdict.ratio)) times \(goal.yardstick.name), \(side) the \
                floor of \(ratioText(goal.floor)).
                """)
        }
        var loads = results.loads.sorted { $0.key < $1.key }.flatMap { name, rounds in
            rounds.map { (name, $0) }
        }
        for (dimension, steps) in results.growth.sorted(by: { $0.key < $1.key }) {
            for step in steps {
                loads += [step.max, step.steady].compactMap(\.self).map {
                    ("\(step.count) \(dimension)", $0)
                }
            }
        }
        for (name, load) in loads {
            if !load.isTrue {
                failures.append("\(name): the database differs from what shoppers were told.")
            }
            // Only a flash sale sells out.
            let expected: Set =
                name == "flash-sale"
                ? [Outcome.accepted.name, Outcome.outOfStock.name] : [Outcome.accepted.name]
            for (outcome, count) in load.outcomes.sorted(by: { $0.key < $1.key })
            where !expected.contains(outcome) {
                failures.append("\(name): \(groupedText(count)) times \(outcome).")
            }
            let lost = load.connectionsLost + load.handshakesFailed
            if lost > 0 { failures.append("\(name): \(lost) connections lost or refused.") }
        }
        if let sale = results.loads["flash-sale"]?.first {
            let sold = sale.outcomes[Outcome.accepted.name, default: 0]
            if sold != Self.saleStock {
                failures.append("Flash sale: \(sold) pieces sold of \(Self.saleStock).")
            }
        } else {
            failures.append("Flash sale: not measured.")
        }
        return failures
    }

    /// The pieces of a flash sale, all of which must be sold, and no more.
    static let saleStock = Scenario.flashSale.standard.stock

    // MARK: The page

    /// Rows of a verdict for tables: figure, suite, yardstick, ratio, rounds, goal, floor, judgement.
    package var verdictRows: [[String]] {
        verdicts.map { verdict in
            let goal = verdict.goal
            let sign = goal.direction == .atLeast ? "at least" : "at most"
            let judgement =
                verdict.isGoalMet ? "met" : verdict.isAboveFloor ? "above the floor" : "MISSED"
            return [
                goal.name, figureText(verdict.measured, goal.unit),
                figureText(verdict.yardstick, goal.unit), ratioText(verdict.ratio),
                "\(ratioText(verdict.rounds.min() ?? 0)) to \(ratioText(verdict.rounds.max() ?? 0))",
                "\(sign) \(ratioText(goal.goal))", goal.floorText, judgement,
            ]
        }
    }

    package static let verdictTitles = [
        "Figure", "Suite", "Yardstick", "Ratio", "Of single rounds", "Goal", "Floor", "Result",
    ]

    /// The page in Markdown.
    ///
    /// - Parameter stem: what the plots' files begin with, relative to the page.
    package func markdown(stem: String) -> String {
        func plot(_ name: String, _ title: String) -> String {
            plots[name] == nil ? "" : "![\(title)](\(stem)-\(name).svg)\n\n"
        }
        var page = """
            # How fast the suite is

            Measured by `make bench GROWTH=1`, which writes this page: the suite with everything on, beside
            `pgbench` doing one guarded hold in each transaction and nothing else (`infrastructure/pgbench`: an
            update of a product's row, the insert of a hold, a commit; prepared). Both ran in turns on one
            Postgres; figures are medians over the rounds. The load generator, the broker and all services shared
            the machine.

            \(machineText)
            ## Goals

            \(table(Self.verdictTitles, verdictRows))

            """
        page +=
            "The yardstick is pgbench: its rate at 32 clients over 1,000 products, at 32 clients on one row, "
        page +=
            "and its mean latency at 1 client; for several instances it is one of each.\nLatencies of the suite count from the instant for which an "
        page += "add was intended to its answer on the shopper's websocket.\n\n"
        if !failures.isEmpty {
            page += "What is not as it should be:\n\n"
            page += failures.map { "- \($0)\n" }.joined() + "\n"
        }
        page += plot("throughput", "Adds per second beside pgbench")
        page += plot("latency", "Latency at 1,000 adds a second by percentile")
        page += "## CPU of one add\n\n" + costTable + plot("cpu", "CPU of one add by process")
        page += chainText
        page += movedText
        page += instancesText(plot("instances", "CPU of one add by number of instances"))
        page += saleText + memoryText
        page += growthText(plot("growth", "Throughput as the shop grows"))
        if !results.micro.isEmpty {
            page +=
                "## Small parts\n\nEach in turns with its baseline, where it has one; medians.\n\n"
            page += table(["", "Here", "Baseline", "Baseline / here"], results.micro)
        }
        while page.hasSuffix("\n\n") { page.removeLast() }
        return page
    }

    // MARK: Parts of it

    private var machineText: String {
        var text = results.machine.map { "- \($0.name): \($0.value)\n" }.joined()
        let busy = (results.loads["uniform"] ?? []).compactMap { load in
            load.costs.first { $0.name == UsageMeter.restName }.map {
                $0.microsPerRequest * load.perSecond / 1_000_000
            }
        }
        if let busy = median(busy) {
            text += """
                - Noise: the rest of the machine kept \(numberText(busy, places: 2)) processors busy while \
                adds of uniform products were measured

                """
        }
        return text
    }

    /// The loads that a shopper's add is judged by, with their titles.
    static let measured = [
        ("uniform", "uniform, as fast as possible"), ("hot", "one product, as fast as possible"),
        ("steady", "1,000 a second"),
    ]

    /// Microseconds for one request by process, in the order of the reports.
    func costs(_ load: String) -> [(name: String, micros: Double)] {
        let rounds = results.loads[load] ?? []
        return (rounds.first?.costs ?? []).map { cost in
            let micros = rounds.compactMap { round in
                round.costs.first { $0.name == cost.name }?.microsPerRequest
            }
            return (cost.name, median(micros) ?? 0)
        }
    }

    private var costTable: String {
        let loads = Self.measured.map { costs($0.0) }
        var rows = loads[0].map { cost in
            [cost.name]
                + loads.map { costs in
                    costs.first { $0.name == cost.name }.map { microsText($0.micros) } ?? "-"
                }
        }
        let sums = Self.measured.map { name, _ in
            median((results.loads[name] ?? []).map(\.microsPerRequest)).map(microsText) ?? "-"
        }
        rows.append(["all but the rest of the machine"] + sums)
        return """
            Microseconds of all processors. The rest of the machine is what nobody of these was charged
            for: interrupts, and whatever else ran.

            \(table(["Process"] + Self.measured.map(\.1), rows))

            """
    }

    private var movedText: String {
        guard let adds = results.moved.first(where: { $0.name == "adds" })?.count, adds > 0 else {
            return ""
        }
        let rows = results.moved.filter { $0.name != "adds" && $0.count > 0 }.map { name, count in
            let perAdd = Double(count) / Double(adds)
            let title = name.replacing(".", with: ": ")
            return [title, numberText(perAdd, places: perAdd < 10 ? 3 : 0)]
        }
        return """
            ## What one add moves

            Counted over \(groupedText(adds)) adds of uniform products as fast as possible, the opening of their
            carts included. Flushes, commits and requests to the log are shared by the adds of a batch.

            \(table(["", "Per add"], rows))

            """
    }

    private var saleText: String {
        guard let sale = results.loads["flash-sale"]?.first else { return "" }
        let others = sale.outcomes.filter { $0.key != Outcome.accepted.name }
            .sorted { $0.key < $1.key }.map { "\(groupedText($0.value)) \($0.key)" }
        return """
            ## Flash sale

            \(groupedText(sale.users)) users want one of \(groupedText(Self.saleStock)) pieces, at most \
            \(sale.settings["sockets at most"] ?? "8,000") of them
            connected at once. Sold: \(groupedText(sale.outcomes[Outcome.accepted.name] ?? 0)); \
            \(others.isEmpty ? "nothing else" : others.joined(separator: ", ")).
            Answers: \(groupedText(Int(sale.perSecond)))/s while a wave asks, p50 \
            \(millisText(sale.p50)) ms, p99 \(millisText(sale.p99)) ms.


            """
    }

    private var memoryText: String {
        func growth(_ load: BenchmarkLoad, _ process: String) -> String {
            let bytes = load.costs.first { $0.name == process }?.memoryGrowthBytes ?? 0
            return "\(groupedText(Int(bytes / Double(max(load.users, 1))))) bytes"
        }
        var rows: [[String]] = []
        if let active = results.loads["memory-active"]?.first {
            rows.append(
                [
                    "Gateway, for one of \(groupedText(active.users)) open websockets",
                    growth(active, "gateway"),
                ])
            rows.append(["Cart service, for one active cart", growth(active, "cart")])
        }
        if let passive = results.loads["memory-passive"]?.first {
            rows.append(["Cart service, for one passive cart", growth(passive, "cart")])
        }
        if let adds = results.storage["adds"], adds > 0 {
            for table in ["hold", "cart_event"] {
                let bytes = results.storage[table, default: 0] / adds
                rows.append([
                    "Postgres, in `\(table)` and its indexes for one add",
                    "\(groupedText(bytes)) bytes",
                ])
            }
        }
        guard !rows.isEmpty else { return "" }
        return """
            ## Memory

            Growth of what is resident and not shared, divided; the kernel's buffers of sockets are not in it.

            \(table(["", "Each"], rows))

            """
    }

    // MARK: Text

    func table(_ titles: [String], _ rows: [[String]]) -> String {
        let ruler = titles.indices.map { $0 == 0 ? "---" : "---:" }
        return ([titles, ruler] + rows).map { "| \($0.joined(separator: " | ")) |\n" }.joined()
    }

    func microsText(_ micros: Double) -> String { numberText(micros, places: 1) }

    func figureText(_ value: Double, _ unit: String) -> String {
        unit == " ms" ? "\(millisText(value))\(unit)" : "\(groupedText(Int(value)))\(unit)"
    }
}

/// A ratio with as many places as tell something; whole ones have none.
func ratioText(_ ratio: Double) -> String {
    let isWhole = (ratio - ratio.rounded()).magnitude < 1e-9
    return numberText(ratio, places: isWhole ? 0 : ratio < 10 ? 2 : 1)
}
