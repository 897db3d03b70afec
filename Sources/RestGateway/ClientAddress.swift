/// The address of a client or a proxy, IPv4 or IPv6.
package struct ClientAddress: Hashable, Sendable {
    /// Stands for all whose address cannot be told.
    static let unknown = ClientAddress(high: 0, low: 0)

    private let high: UInt64
    private let low: UInt64

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads an address as RFC 4291 section 2.2 writes it, without brackets.
    ///
    /// An IPv4 address and the same one mapped into IPv6 are equal. A zone, behind `%`, is left out.
    package init?(_ text: String) {
        let address = text.utf8.split(
            separator: UInt8(ascii: "%"), maxSplits: 1, omittingEmptySubsequences: false)[0]
        if let dotted = Self.dotted(address) {
            self.init(high: 0, low: 0xFFFF << 32 | dotted)
            return
        }
        let text = Substring(address)
        let halves: (Substring, Substring?)
        if let gap = text.firstRange(of: "::") {
            halves = (text[..<gap.lowerBound], text[gap.upperBound...])
        } else {
            halves = (text, nil)
        }
        guard var groups = Self.groups(halves.0, endsText: halves.1 == nil) else { return nil }
        if let behindGap = halves.1 {
            guard let last = Self.groups(behindGap, endsText: true), groups.count + last.count < 8
            else {
                return nil
            }
            groups += Array(repeating: 0, count: 8 - groups.count - last.count) + last
        }
        guard groups.count == 8 else { return nil }
        self.init(
            high: groups[..<4].reduce(0) { $0 << 16 | $1 },
            low: groups[4...].reduce(0) { $0 << 16 | $1 })
    }

    /// What is limited as one client: an IPv4 address, or the /64 that an IPv6 host has to itself.
    var client: ClientAddress {
        isIPv4 ? self : ClientAddress(high: high, low: 0)
    }

    private var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// The address as it is typed; IPv6 without a gap.
    package var text: String {
        if isIPv4 {
            return stride(from: 24, through: 0, by: -8).map { (shift: UInt64) -> String in
                String(low >> shift & 0xFF)
            }.joined(separator: ".")
        }
        return [high, low].flatMap { half in
            stride(from: 48, through: 0, by: -16).map { (shift: UInt64) -> String in
                String(half >> shift & 0xFFFF, radix: 16)
            }
        }.joined(separator: ":")
    }

    private static func dotted(_ text: Substring.UTF8View) -> UInt64? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt64 = 0
        for part in parts {
            // A leading zero means octal to some readers.
            guard (1...3).contains(part.count), part.count == 1 || part.first != 0x30,
                part.allSatisfy({ (0x30...0x39).contains($0) }),
                let byte = UInt8(Substring(part))
            else { return nil }
            value = value << 8 | UInt64(byte)
        }
        return value
    }

    /// Groups of 16 bits; the last of the text may be an IPv4 address that stands for two.
    private static func groups(_ text: Substring, endsText: Bool) -> [UInt64]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt64] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if endsText, index == parts.count - 1, let dotted = dotted(part.utf8) {
                groups += [dotted >> 16, dotted & 0xFFFF]
            } else {
                guard (1...4).contains(part.utf8.count), !part.utf8.contains(0x2B),
                    let group = UInt64(part, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        return groups
    }
}
