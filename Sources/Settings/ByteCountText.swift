/// Sizes as operators type them: a whole number and a binary unit.
enum ByteCountText {
    private static let units: [(name: String, length: Int)] = [
        ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
    ]

    /// The number of bytes that a text stands for; without a unit it counts bytes.
    static func value(of text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let suffix = text[digits.endIndex...]
        guard let count = Int(digits),
            let unit = units.first(where: { $0.name == (suffix.isEmpty ? "B" : suffix) })
        else { return nil }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: unit.length)
        return overflow ? nil : bytes
    }

    /// The text with the largest unit that stands for a number of bytes exactly.
    static func text(of bytes: Int) -> String {
        let unit = units.last { bytes >= $0.length && bytes % $0.length == 0 } ?? units[0]
        return "\(bytes / unit.length)\(unit.name)"
    }
}
