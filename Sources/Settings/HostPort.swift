/// Where a server listens: a name or an address, and a port.
package struct HostPort: Hashable, Sendable {
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    package let host: String
    /// From 1 to 65535.
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[ipv6]:port`; `nil` for anything else.
    package init?(_ text: String) {
        guard let parsed = HostPort.parse(text), let port = parsed.port, !parsed.host.isEmpty
        else { return nil }
        self.init(host: parsed.host, port: port)
    }

    /// The pair as it is typed, with brackets around an IPv6 address.
    package var text: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// A host, perhaps empty, and a port if one is given; `nil` where either is malformed.
    static func parse(_ text: some StringProtocol) -> (host: String, port: Int?)? {
        let host: Substring
        let rest: Substring
        let whole = Substring(text)
        if whole.first == "[" {
            guard let bracket = whole.firstIndex(of: "]") else { return nil }
            host = whole[whole.index(after: whole.startIndex)..<bracket]
            rest = whole[whole.index(after: bracket)...]
            guard host.contains(":"),
                host.utf8.allSatisfy({ isHexadecimal($0) || $0 == 0x3A || $0 == 0x2E })
            else { return nil }
        } else {
            let colon = whole.firstIndex(of: ":") ?? whole.endIndex
            host = whole[..<colon]
            rest = whole[colon...]
            guard host.utf8.allSatisfy(isNameCharacter) else { return nil }
        }
        guard !rest.isEmpty else { return (String(host), nil) }
        guard rest.first == ":", rest.utf8.dropFirst().allSatisfy(isDigit),
            let port = Int(rest.dropFirst()), (1...65535).contains(port)
        else { return nil }
        return (String(host), port)
    }
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

private func isHexadecimal(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
}

/// Letters, digits, and `-._`: what host names are made of in practice.
private func isNameCharacter(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || byte == 0x2D || byte == 0x2E || byte == 0x5F
}
