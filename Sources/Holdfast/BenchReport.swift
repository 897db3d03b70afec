import LoadTest

/// What a benchmark of a log found.
struct BenchReport {
    /// One measurement, on a fresh and on a large topic.
    struct Row {
        let name: String
        var fresh = "-"
        var large = "-"
    }

    let title: String
    let rows: [Row]
    /// Latencies of the hop in milliseconds by share, on a fresh and on a large topic.
    let hops: [(share: Double, fresh: Double, large: Double)]

    /// For the terminal.
    var text: String {
        var table = TextTable(["", "FRESH TOPIC", "LARGE TOPIC"])
        for row in rows { table.add([row.name, row.fresh, row.large]) }
        return "\(title)\n\n\(table.text)"
    }

    /// - Parameter plot: the plot's file, relative to the page.
    func markdown(plot: String) -> String {
        var text =
            "# Figures of the log\n\n\(title)\n\n| | fresh topic | large topic |\n|---|---:|---:|\n"
        for row in rows { text += "| \(row.name) | \(row.fresh) | \(row.large) |\n" }
        return text + "\n![Latency of one hop by percentile](\(plot))\n"
    }

    /// Bars of the hop's percentiles, fresh beside large.
    var svg: String {
        let scale = 460 / max(hops.flatMap { [$0.fresh, $0.large] }.max() ?? 1, 0.001)
        var bars = ""
        for (index, hop) in hops.enumerated() {
            let top = 40 + index * 56
            bars += text("p\(share(hop.share))", x: 10, y: top + 24)
            bars += bar(hop.fresh, scale, top: top, color: "#2a6f97", label: "fresh")
            bars += bar(hop.large, scale, top: top + 22, color: "#e09f3e", label: "large")
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="680" height="\(60 + hops.count * 56)" \
            font-family="sans-serif" font-size="13">
            <rect width="100%" height="100%" fill="white"/>
            \(text("One hop at 1,000 single messages a second, in ms", x: 10, y: 22))\(bars)</svg>

            """
    }

    private func bar(
        _ value: Double, _ scale: Double, top: Int, color: String, label: String
    ) -> String {
        let width = max(1, Int(value * scale))
        return """
            <rect x="60" y="\(top)" width="\(width)" height="20" fill="\(color)"/>
            \(text("\(numberText(value, places: 3)) \(label)", x: 66 + width, y: top + 15))
            """
    }

    private func text(_ text: String, x: Int, y: Int) -> String {
        "<text x=\"\(x)\" y=\"\(y)\">\(text)</text>\n"
    }

    private func share(_ share: Double) -> String {
        numberText(share * 100, places: share * 100 == (share * 100).rounded() ? 0 : 1)
    }
}
