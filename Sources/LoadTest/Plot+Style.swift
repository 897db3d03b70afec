import Glibc

extension Plot {
    /// Latency in milliseconds by percentile; each nine of the percentile takes the same room.
    static func percentiles(
        _ title: String, _ name: String, _ curve: [(share: Double, millis: Double)]
    ) -> Plot {
        func nines(_ share: Double) -> Double { -log10(max(1 - share, 1e-9)) }
        let points = curve.map { (x: nines($0.share), y: $0.millis) }
        let ticks: [(Double, String)] = [
            (0, "0"), (0.5, "50%"), (0.9, "90%"), (0.99, "99%"), (0.999, "99.9%"),
            (0.9999, "99.99%"), (0.99999, "99.999%"), (0.999999, "99.9999%"),
        ].map { (nines($0.0), $0.1) }
        let end = max(points.last?.x ?? 1, 1)
        return Plot(
            title: title,
            x: Axis(
                title: "percentile", low: 0, high: end, isLogarithmic: false,
                ticks: ticks.filter { $0.0 <= end }),
            y: .logarithmic("ms, logarithmic", points.map(\.y)),
            lines: [Line(name: name, color: 0, points: points)])
    }

    /// What a plot's colours and lines look like, for a page's style sheet.
    static let style = """
        :root { --ink: #1d2733; --soft: #5c6875; --page: #ffffff; --panel: #f3f5f7; \
        --grid: #dde2e7; --shade: #eef1f4; --bad: #b3261e; \
        --c0: #2a6f97; --c1: #c77700; --c2: #b23a6e; --c3: #4d7c2a; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --soft: #9aa7b4; \
        --page: #14191f; --panel: #1d242c; --grid: #303a45; --shade: #1a2129; --bad: #ff8a80; \
        --c0: #61a5c9; --c1: #f0b04f; --c2: #e87da9; --c3: #9ccc65; } }
        svg text { fill: var(--ink); font-size: 12px; } svg text.axis { fill: var(--soft); }
        .grid { stroke: var(--grid); } .shade { fill: var(--shade); }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round; } .area { opacity: .15; }
        .line.c0 { stroke: var(--c0); } .line.c1 { stroke: var(--c1); } \
        .line.c2 { stroke: var(--c2); } .line.c3 { stroke: var(--c3); }
        .key.c0, .area.c0 { fill: var(--c0); } .key.c1 { fill: var(--c1); } \
        .key.c2 { fill: var(--c2); } .key.c3 { fill: var(--c3); }
        """

    /// A plot's element as a file of its own.
    static func standalone(_ svg: String) -> String {
        let opening = "<svg "
        guard svg.hasPrefix(opening), let end = svg.firstIndex(of: ">") else { return svg }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="720" font-family="sans-serif" \
            \(svg[svg.index(svg.startIndex, offsetBy: opening.count)...end])
            <style>\(style)</style>
            <rect width="100%" height="100%" style="fill: var(--page)"/>\(svg[svg.index(after: end)...])
            """
    }
}
