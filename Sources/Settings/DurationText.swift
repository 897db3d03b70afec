/// Durations as operators type them: a whole number and a unit.
enum DurationText {
    private static let units: [(name: String, length: Duration)] = [
        ("us", .microseconds(1)), ("ms", .milliseconds(1)), ("s", .seconds(1)),
        ("m", .seconds(60)), ("h", .seconds(3_600)), ("d", .seconds(86_400)),
    ]

    /// The duration that a text stands for; `nil` if it has no unit, or is no whole number.
    static func value(of text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let suffix = text[digits.endIndex...]
        // A billion of the largest unit is far from overflow.
        guard let count = Int(digits), count <= 1_000_000_000,
            let unit = units.first(where: { $0.name == suffix })
        else { return nil }
        return unit.length * count
    }

    /// The shortest text that stands for a duration, exact to the microsecond.
    static func text(of duration: Duration) -> String {
        guard duration != .zero else { return "0s" }
        var best = ""
        for unit in units {
            let count = Int((duration / unit.length).rounded())
            if unit.length * count == duration || best.isEmpty { best = "\(count)\(unit.name)" }
        }
        return best
    }
}
