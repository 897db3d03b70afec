import LoadTest

/// What was measured, a line each: name, value, the baseline's value or "-", ratio or "-", between tabs.
struct Figures {
    private(set) var text = ""

    mutating func add(_ name: String, _ value: String, baseline: String = "-", ratio: String = "-")
    {
        text += "\(name)\t\(value)\t\(baseline)\t\(ratio)\n"
    }

    /// - Parameter baseline: takes `value` times as long, where above 1.
    mutating func add(_ name: String, micros value: Double, baseline: Double) {
        add(
            name, microsText(value), baseline: microsText(baseline),
            ratio: value > 0 ? numberText(baseline / value, places: 2) : "-")
    }

    mutating func add(_ name: String, micros value: Double) { add(name, microsText(value)) }

    mutating func add(_ name: String, perSecond value: Double) {
        add(name, "\(groupedText(Int(value)))/s")
    }

    private func microsText(_ value: Double) -> String {
        "\(numberText(value, places: value < 10 ? 2 : value < 100 ? 1 : 0)) us"
    }
}
