/// Compares secrets.
enum BearerToken {
    /// Whether an `Authorization` header presents the token.
    ///
    /// How long it takes depends on what was presented only, not on how much of it is right.
    static func isPresented(by authorization: String, expecting token: String) -> Bool {
        let parts = authorization.utf8.split(
            separator: UInt8(ascii: " "), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, String(parts[0])?.lowercased() == "bearer" else { return false }
        return isEqual(Array(parts[1]), to: Array(token.utf8))
    }

    /// Compares in a time that does not depend on where the two differ.
    static func isEqual(_ presented: [UInt8], to expected: [UInt8]) -> Bool {
        guard !expected.isEmpty else { return false }
        var difference = presented.count ^ expected.count
        for (index, byte) in presented.enumerated() {
            difference |= Int(byte ^ expected[index % expected.count])
        }
        return difference == 0
    }
}
