extension BenchmarkReport {
    /// The plots as SVG files, by name.
    package var plots: [String: String] {
        var plots: [String: String] = [:]
        if let throughput { plots["throughput"] = Plot.standalone(throughput.svg) }
        if let latency { plots["latency"] = Plot.standalone(latency.svg) }
        if let cpu { plots["cpu"] = Plot.standalone(cpu.svg) }
        if let instances { plots["instances"] = Plot.standalone(instances.svg) }
        if let growthPlot { plots["growth"] = Plot.standalone(growthPlot.svg) }
        return plots
    }

    private var throughput: BarPlot? {
        let bars = verdicts.filter { $0.goal.unit == "/s" }.flatMap { verdict in
            [
                BarPlot.Bar(
                    name: verdict.goal.load == "hot" ? "suite, one product" : "suite, uniform",
                    value: verdict.measured,
                    text: """
                        \(groupedText(Int(verdict.measured)))/s, \(ratioText(verdict.ratio)) times
                        """),
                BarPlot.Bar(
                    name: verdict.goal.load == "hot" ? "pgbench, one row" : "pgbench, uniform",
                    value: verdict.yardstick, text: "\(groupedText(Int(verdict.yardstick)))/s"),
            ]
        }
        return bars.isEmpty
            ? nil : BarPlot(title: "Adds per second beside pgbench", bars: bars, color: 0)
    }

    /// Of the round whose p99 is in the middle.
    private var latency: Plot? {
        let rounds = (results.loads["steady"] ?? []).sorted { $0.p99 < $1.p99 }
        guard !rounds.isEmpty else { return nil }
        return .percentiles(
            "Latency at 1,000 adds a second by percentile", "1,000 adds a second",
            rounds[rounds.count / 2].curve)
    }

    private var cpu: BarPlot? {
        let costs = costs("uniform")
        guard !costs.isEmpty else { return nil }
        return BarPlot(
            title: "CPU of one add of uniform products by process",
            bars: costs.map {
                BarPlot.Bar(name: $0.name, value: $0.micros, text: "\(microsText($0.micros)) us")
            }, color: 1)
    }

    private var instances: BarPlot? {
        let bars = instanceSteps.map { step in
            BarPlot.Bar(
                name: step.title, value: step.suiteMicros,
                text: """
                    \(microsText(step.suiteMicros)) us, \(groupedText(Int(step.perSecond)))/s
                    """)
        }
        return bars.isEmpty
            ? nil : BarPlot(title: "CPU of one add by number of instances", bars: bars, color: 3)
    }

    /// Throughput by factor, against that of the first step.
    private var growthPlot: Plot? {
        let lines = Self.dimensions.enumerated().compactMap { index, dimension -> Plot.Line? in
            guard let steps = results.growth[dimension.0], let first = steps.first,
                let base = first.max?.perSecond, base > 0, first.count > 0
            else { return nil }
            return Plot.Line(
                name: dimension.0, color: index,
                points: steps.compactMap { step in
                    step.max.map {
                        (Double(step.count) / Double(first.count), $0.perSecond / base * 100)
                    }
                })
        }
        guard !lines.isEmpty else { return nil }
        return Plot(
            title: "Throughput as the shop grows",
            x: .logarithmic("times as many", lines.flatMap { $0.points.map(\.x) }),
            y: .linear("percent of the first", to: lines.flatMap { $0.points.map(\.y) }.max() ?? 1),
            lines: lines)
    }
}
