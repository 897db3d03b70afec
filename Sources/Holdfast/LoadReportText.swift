import LoadTest

extension LoadReport {
    /// The report for the terminal.
    var text: String {
        var parts = [settings.map { "\($0.name) \($0.value)" }.joined(separator: ", ")]
        parts[0] = "\(scenario): \(parts[0])"
        parts.append(latencyTable("PHASE", phases.count > 1 ? phases + [total] : phases))
        if operations.count > 1 { parts.append(latencyTable("OPERATION", operations)) }
        parts.append(outcomeTable)
        if !costs.isEmpty { parts.append(costTable) }
        parts.append(remarks)
        return parts.joined(separator: "\n\n")
    }

    private func latencyTable(_ title: String, _ rows: [Row]) -> String {
        var table = TextTable(
            [title, "SECONDS", "REQUESTS", "PER SECOND", "MEAN MS"]
                + Self.shares.map { $0.name.uppercased() })
        for row in rows {
            table.add(
                [
                    row.name, numberText(row.seconds, places: 1), groupedText(row.requests),
                    numberText(row.rate, places: row.rate < 100 ? 1 : 0), millisText(row.mean),
                ] + row.latencies.map(millisText))
        }
        return table.text
    }

    private var outcomeTable: String {
        var table = TextTable(["OUTCOME", "REQUESTS", "PERCENT"])
        for outcome in total.outcomes {
            let share = Double(outcome.value) / Double(max(total.requests, 1))
            table.add([
                outcome.name, groupedText(outcome.value), numberText(share * 100, places: 2),
            ])
        }
        return table.text
    }

    private var costTable: String {
        var table = TextTable([
            "PROCESS", "CPU S", "CORES", "CPU US/REQUEST", "MEMORY MIB", "GROWTH",
        ])
        for cost in costs {
            table.add([
                cost.name, numberText(cost.cpuSeconds, places: 2),
                numberText(cost.cores, places: 2),
                numberText(cost.microsPerRequest, places: 1), mebibytesText(cost.memoryBytes),
                mebibytesText(cost.memoryGrowthBytes),
            ])
        }
        return table.text
    }

    private var remarks: String {
        var lines: [String] = []
        if let lateness {
            lines.append(
                """
                sent after due    p50 \(millisText(lateness.latencies[0])) ms, \
                p99 \(millisText(lateness.latencies[2])) ms, \
                max \(millisText(lateness.latencies[4])) ms (part of the latencies)
                """)
        }
        for (name, count) in [
            ("connections lost", connectionsLost), ("handshakes failed", handshakesFailed),
            ("pending answers", pendingAnswers), ("malformed answers", malformedAnswers),
        ] where count > 0 {
            lines.append("\(name)  \(groupedText(count))")
        }
        guard let truth else {
            return (lines + ["truth             not looked at"]).joined(separator: "\n")
        }
        lines.append(
            """
            truth             \(truth.isTrue ? "holds" : "VIOLATED"): \
            \(groupedText(truth.holds)) holds of \(groupedText(truth.pieces)) pieces, \
            \(groupedText(truth.accepted)) accepted of \(groupedText(truth.stock)) seeded
            """)
        if truth.expired > 0 {
            lines.append("                  \(groupedText(truth.expired)) holds have ended by time")
        }
        for lie in TruthCheck.Lie.allCases {
            if let count = truth.lies[lie] {
                lines.append("                  \(groupedText(count)) times \(lie.rawValue)")
            }
        }
        return (lines + truth.examples.map { "                  \($0)" }).joined(separator: "\n")
    }
}
