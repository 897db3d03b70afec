/// Reads whole numbers as they are written canonically.
package enum WholeNumber {
    /// Reads one: no plus sign, no leading zeros, not `-0`; `nil` if it is no such number of 64 bits.
    package static func read(_ text: String) -> Int? {
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        let digits = text.utf8.dropFirst(isNegative ? 1 : 0)
        let isCanonical =
            digits.first != UInt8(ascii: "0") || (digits.count == 1 && !isNegative)
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }), isCanonical
        else { return nil }
        return Int(text)
    }
}
