import Glibc

/// A plot of lines over two axes, as an SVG element whose colours come from the page's style sheet.
struct Plot {
    /// A line with its name.
    struct Line {
        let name: String
        /// Which of the style sheet's colours it has, from 0.
        let color: Int
        let points: [(x: Double, y: Double)]
        /// Whether the area below it is filled.
        var isArea = false
    }

    /// An axis from its lowest to its highest value.
    struct Axis {
        let title: String
        let low: Double
        let high: Double
        let isLogarithmic: Bool
        let ticks: [(value: Double, text: String)]

        /// Where a value lies, from 0 to 1.
        func place(_ value: Double) -> Double {
            let clamped = min(max(value, low), high)
            guard high > low else { return 0 }
            return isLogarithmic
                ? (log10(clamped) - log10(low)) / (log10(high) - log10(low))
                : (clamped - low) / (high - low)
        }

        /// An axis from zero, with ticks at round numbers.
        static func linear(_ title: String, to high: Double) -> Axis {
            let step = roundStep(high / 5)
            let count = max(Int((high / step).rounded(.up)), 1)
            return Axis(
                title: title, low: 0, high: Double(count) * step, isLogarithmic: false,
                ticks: (0...count).map { index in
                    let value = Double(index) * step
                    return (value, tickText(value, places: step < 0.1 ? 2 : step < 1 ? 1 : 0))
                })
        }

        /// An axis over whole decades.
        static func logarithmic(_ title: String, _ values: [Double]) -> Axis {
            let positive = values.filter { $0 > 0 }
            let low = log10(positive.min() ?? 0.1).rounded(.down)
            let high = max(log10(positive.max() ?? 1).rounded(.up), low + 1)
            let decades = stride(from: low, through: high, by: 1)
            return Axis(
                title: title, low: power(low), high: power(high), isLogarithmic: true,
                ticks: decades.map {
                    (power($0), tickText(power($0), places: $0 < 0 ? Int(-$0) : 0))
                })
        }

        private static func tickText(_ value: Double, places: Int) -> String {
            places == 0 ? groupedText(Int(value.rounded())) : numberText(value, places: places)
        }

        private static func power(_ exponent: Double) -> Double { pow(10, exponent) }

        private static func roundStep(_ wanted: Double) -> Double {
            guard wanted > 0 else { return 1 }
            let decade = pow(10, log10(wanted).rounded(.down))
            return [1, 2, 5, 10].map { $0 * decade }.first { $0 >= wanted } ?? 10 * decade
        }
    }

    private static let (width, height) = (720.0, 300.0)
    private static let (left, right, top, bottom) = (64.0, 16.0, 34.0, 46.0)

    let title: String
    let x: Axis
    let y: Axis
    let lines: [Line]
    /// Spans of the x axis that are set off.
    var shaded: [(from: Double, to: Double)] = []

    var svg: String {
        var svg = """
            <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" \
            aria-label="\(escaped(title))">

            """
        for span in shaded {
            let (from, to) = (across(span.from), across(span.to))
            svg += """
                <rect class="shade" x="\(short(from))" y="\(short(Self.top))" \
                width="\(short(max(to - from, 0)))" \
                height="\(short(Self.height - Self.top - Self.bottom))"/>

                """
        }
        for tick in y.ticks {
            let at = down(tick.value)
            svg += """
                <line class="grid" x1="\(short(Self.left))" x2="\(short(Self.width - Self.right))" \
                y1="\(short(at))" y2="\(short(at))"/>\
                <text x="\(short(Self.left - 8))" y="\(short(at + 4))" text-anchor="end">\
                \(escaped(tick.text))</text>

                """
        }
        for tick in x.ticks {
            let at = across(tick.value)
            svg += """
                <text x="\(short(at))" y="\(short(Self.height - Self.bottom + 18))" \
                text-anchor="\(x.place(tick.value) > 0.97 ? "end" : "middle")">\
                \(escaped(tick.text))</text>

                """
        }
        for line in lines { svg += drawn(line) }
        return svg + legend + axisTitles + "</svg>\n"
    }

    private func drawn(_ line: Line) -> String {
        guard !line.points.isEmpty else { return "" }
        let points = line.points.map { "\(short(across($0.x))),\(short(down($0.y)))" }
            .joined(separator: " ")
        var text = ""
        if line.isArea, let first = line.points.first, let last = line.points.last {
            let floor = short(Self.height - Self.bottom)
            text += """
                <polygon class="area c\(line.color)" points="\(short(across(first.x))),\(floor) \
                \(points) \(short(across(last.x))),\(floor)"/>

                """
        }
        return text + "<polyline class=\"line c\(line.color)\" points=\"\(points)\"/>\n"
    }

    private var legend: String {
        var text = ""
        var at = Self.left
        for line in lines {
            text += """
                <rect class="key c\(line.color)" x="\(short(at))" y="12" width="12" height="12"/>\
                <text x="\(short(at + 17))" y="22">\(escaped(line.name))</text>

                """
            at += 36 + 7.2 * Double(line.name.count)
        }
        return text
    }

    private var axisTitles: String {
        """
        <text x="\(short(Self.width - Self.right))" y="\(short(Self.height - 8))" \
        text-anchor="end" class="axis">\(escaped(x.title))</text>\
        <text x="\(short(Self.width - Self.right))" y="22" text-anchor="end" class="axis">\
        \(escaped(y.title))</text>

        """
    }

    private func across(_ value: Double) -> Double {
        Self.left + x.place(value) * (Self.width - Self.left - Self.right)
    }

    private func down(_ value: Double) -> Double {
        Self.height - Self.bottom - y.place(value) * (Self.height - Self.top - Self.bottom)
    }

    private func short(_ value: Double) -> String { numberText(value, places: 1) }
}

/// Horizontal bars, each with its name and its value.
struct BarPlot {
    struct Bar {
        let name: String
        let value: Double
        let text: String
    }

    private static let (width, labels, values) = (720.0, 170.0, 190.0)

    let title: String
    let bars: [Bar]
    let color: Int

    var svg: String {
        let height = 12 + 26 * bars.count
        let scale =
            (Self.width - Self.labels - Self.values)
            / max(bars.map(\.value).max() ?? 1, .leastNormalMagnitude)
        var svg = """
            <svg viewBox="0 0 \(Int(Self.width)) \(height)" role="img" \
            aria-label="\(escaped(title))">

            """
        for (index, bar) in bars.enumerated() {
            let top = 6 + 26 * index
            let width = bar.value > 0 ? max(bar.value * scale, 1) : 0
            svg += """
                <text x="\(Int(Self.labels - 8))" y="\(top + 15)" text-anchor="end">\
                \(escaped(bar.name))</text>\
                <rect class="key c\(color)" x="\(Int(Self.labels))" y="\(top)" \
                width="\(numberText(width, places: 1))" height="20" rx="2"/>\
                <text x="\(numberText(Self.labels + width + 6, places: 1))" y="\(top + 15)">\
                \(escaped(bar.text))</text>

                """
        }
        return svg + "</svg>\n"
    }
}

/// Text as HTML and SVG hold it.
func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text {
        switch character {
        case "&": escaped += "&amp;"
        case "<": escaped += "&lt;"
        case ">": escaped += "&gt;"
        case "\"": escaped += "&quot;"
        default: escaped.append(character)
        }
    }
    return escaped
}
