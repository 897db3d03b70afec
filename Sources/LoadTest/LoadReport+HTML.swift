import Glibc

extension LoadReport {
    /// The report as one page that needs nothing else: no script, no font, no other file.
    package var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>holdfast load: \(escaped(scenario))</title>
        <style>\(Self.style)</style>
        </head>
        <body>
        <h1>holdfast load: \(escaped(scenario))</h1>
        <p class="settings">\(escaped(settingsText))</p>
        \(tiles)\(truthHTML)
        <h2>Latency by percentile</h2>
        \(latencyPlot.svg)
        <h2>Throughput</h2>
        \(throughputPlot.svg)
        <h2>Latency over time</h2>
        \(latencyOverTimePlot.svg)
        <h2>Outcomes</h2>
        \(outcomePlot.svg)
        \(costHTML)<h2>Phases</h2>
        \(table("Phase", phases.count > 1 ? phases + [total] : phases))
        \(operations.count > 1 ? "<h2>Operations</h2>\n" + table("Operation", operations) : "")\
        <p class="note">Latencies count from the instant for which a request was intended. Bands of \
        grey are what was measured.</p>
        </body>
        </html>

        """
    }

    private var settingsText: String {
        settings.map { "\($0.name) \($0.value)" }.joined(separator: " · ")
    }

    // MARK: Numbers

    private var tiles: String {
        let tiles: [(String, String)] =
            [
                ("\(groupedText(Int(total.rate.rounded())))/s", "answers"),
                (groupedText(total.requests), "requests"),
            ]
            + [0, 2, 3, 4].map { index in
                ("\(millisText(total.latencies[index])) ms", Self.shares[index].name)
            }
        let items = tiles.map { "<div><b>\(escaped($0.0))</b><span>\(escaped($0.1))</span></div>" }
        return "<div class=\"tiles\">\(items.joined())</div>\n"
    }

    private var truthHTML: String {
        guard let truth else { return "<p class=\"truth\">The truth was not looked at.</p>" }
        let summary = """
            \(groupedText(truth.holds)) holds of \(groupedText(truth.pieces)) pieces; \
            \(groupedText(truth.accepted)) pieces accepted of \(groupedText(truth.stock)) seeded
            """
        guard !truth.isTrue else {
            return """
                <p class="truth">The database has what clients were told: \(summary).</p>
                """
        }
        let lies = TruthCheck.Lie.allCases.compactMap { lie in
            truth.lies[lie].map { "<li>\(groupedText($0)) times \(escaped(lie.rawValue))</li>" }
        }
        let examples = truth.examples.map { "<li>\(escaped($0))</li>" }
        return """
            <div class="truth lie"><p>The database differs from what clients were told: \
            \(summary).</p><ul>\(lies.joined())</ul><ul>\(examples.joined())</ul></div>
            """
    }

    private func table(_ title: String, _ rows: [Row]) -> String {
        let heads =
            ["Seconds", "Requests", "Per second", "Mean ms"] + Self.shares.map { "\($0.name) ms" }
        var html = "<div class=\"scroll\"><table><tr><th>\(title)</th>"
        html += heads.map { "<th>\(escaped($0))</th>" }.joined() + "</tr>\n"
        for row in rows {
            let cells =
                [
                    numberText(row.seconds, places: 1), groupedText(row.requests),
                    numberText(row.rate, places: row.rate < 100 ? 1 : 0), millisText(row.mean),
                ] + row.latencies.map(millisText)
            html += "<tr\(row.isMeasured ? "" : " class=\"soft\"")><th>\(escaped(row.name))</th>"
            html += cells.map { "<td>\($0)</td>" }.joined() + "</tr>\n"
        }
        return html + "</table></div>"
    }

    // MARK: Plots

    private var latencyPlot: Plot {
        .percentiles("Latency by percentile", "all measured requests", curve)
    }

    private var seconds: Double { intervals.last.map { $0.at + $0.seconds } ?? 1 }

    private func overTime(_ value: (Interval) -> Double) -> [(x: Double, y: Double)] {
        intervals.map { ($0.at + $0.seconds / 2, value($0)) }
    }

    private var throughputPlot: Plot {
        var lines = [
            Plot.Line(
                name: "answers", color: 0, points: overTime(\.rate), isArea: true)
        ]
        if intervals.contains(where: { $0.rejected > 0 || $0.others > 0 }) {
            lines.append(
                Plot.Line(
                    name: "accepted", color: 1,
                    points: overTime { Double($0.accepted) / $0.seconds }))
        }
        if intervals.contains(where: { $0.rejected > 0 }) {
            lines.append(
                Plot.Line(
                    name: "rejected", color: 2,
                    points: overTime { Double($0.rejected) / $0.seconds }))
        }
        return Plot(
            title: "Answers per second", x: .linear("seconds", to: seconds),
            y: .linear("per second", to: intervals.map(\.rate).max() ?? 1), lines: lines,
            shaded: measured)
    }

    private var latencyOverTimePlot: Plot {
        // An interval without answers has no latency: the line passes over it.
        let answered = intervals.filter { $0.max > 0 }
        func line(_ name: String, _ color: Int, _ value: (Interval) -> Double) -> Plot.Line {
            Plot.Line(
                name: name, color: color,
                points: answered.map { ($0.at + $0.seconds / 2, value($0)) })
        }
        return Plot(
            title: "Latency over time", x: .linear("seconds", to: seconds),
            y: .logarithmic("ms, logarithmic", answered.flatMap { [$0.p50, $0.max] }),
            lines: [
                line("p50", 0, \.p50), line("p99", 1, \.p99), line("max", 2, \.max),
            ], shaded: measured)
    }

    private var outcomePlot: BarPlot {
        BarPlot(
            title: "Outcomes",
            bars: total.outcomes.map { outcome in
                let share = Double(outcome.value) / Double(max(total.requests, 1)) * 100
                return BarPlot.Bar(
                    name: outcome.name, value: Double(outcome.value),
                    text: "\(groupedText(outcome.value)) (\(numberText(share, places: 1)) %)")
            }, color: 0)
    }

    private var costHTML: String {
        guard !costs.isEmpty else { return "" }
        let plot = BarPlot(
            title: "CPU per request",
            bars: costs.map { cost in
                BarPlot.Bar(
                    name: cost.name, value: cost.microsPerRequest,
                    text: """
                        \(numberText(cost.microsPerRequest, places: 1)) us \
                        (\(numberText(cost.cores, places: 2)) cores)
                        """)
            }, color: 1)
        return "<h2>CPU per request, by process</h2>\n\(plot.svg)"
    }

    private static let style = """
        \(Plot.style)
        body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); \
        max-width: 860px; margin: 2rem auto; padding: 0 1rem; }
        h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
        .settings, .note, .tiles span { color: var(--soft); }
        .tiles { display: flex; flex-wrap: wrap; gap: .6rem; }
        .tiles div { background: var(--panel); border-radius: 6px; padding: .5rem .9rem; }
        .tiles b { display: block; font-size: 1.2rem; font-variant-numeric: tabular-nums; }
        .lie { color: var(--bad); }
        svg { width: 100%; height: auto; }
        .scroll { overflow-x: auto; } .soft { color: var(--soft); }
        table { font-size: 14px; border-collapse: collapse; width: 100%; }
        th, td { padding: .25rem .45rem; border-bottom: 1px solid var(--grid); text-align: right; \
        font-variant-numeric: tabular-nums; white-space: nowrap; }
        th:first-child { text-align: left; font-weight: normal; } tr:first-child th { color: var(--soft); }
        """
}
