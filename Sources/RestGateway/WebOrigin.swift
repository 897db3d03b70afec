/// Where a page comes from, as its browser tells it: scheme, host and port (RFC 6454).
package struct WebOrigin: Hashable, Sendable {
    /// Stands in a list of origins for all of them.
    package static let any = WebOrigin(scheme: "*", authority: "")

    private let scheme: String
    /// Host and port in lower case; the scheme's own port is left out.
    private let authority: String

    private init(scheme: String, authority: String) {
        self.scheme = scheme
        self.authority = authority
    }

    /// Reads `scheme://host[:port]`, or `*` for ``any``.
    ///
    /// A path, a user, and `null`, which is what pages without an origin send, are none.
    package init?(_ text: String) {
        if text == "*" {
            self = .any
            return
        }
        let text = text.lowercased()
        guard let separator = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<separator.lowerBound]
        let authority = text[separator.upperBound...]
        guard scheme.utf8.first.map(isLetter) == true, scheme.utf8.allSatisfy(isSchemeCharacter),
            !authority.isEmpty, authority.utf8.allSatisfy(isAuthorityCharacter)
        else { return nil }
        self.init(
            scheme: String(scheme), authority: Self.withoutUsualPort(authority, of: scheme))
    }

    /// The origin of a page by its URL; `nil` for a URL that has none.
    init?(ofPage url: String) {
        guard let separator = url.firstRange(of: "://") else { return nil }
        let end = url[separator.upperBound...].firstIndex { "/?#".contains($0) } ?? url.endIndex
        self.init(String(url[..<end]))
    }

    /// The origin as browsers write it.
    package var text: String { self == .any ? "*" : "\(scheme)://\(authority)" }

    /// Whether a page of this origin was served by the host that a `Host` field names.
    ///
    /// The scheme cannot be compared: in front of the gateway a proxy may have ended the TLS.
    func isServed(by host: String) -> Bool {
        !authority.isEmpty
            && authority == Self.withoutUsualPort(Substring(host.lowercased()), of: scheme[...])
    }

    private static func withoutUsualPort(
        _ authority: Substring, of scheme: Substring
    ) -> String {
        switch scheme {
        case "http" where authority.hasSuffix(":80"): String(authority.dropLast(3))
        case "https" where authority.hasSuffix(":443"): String(authority.dropLast(4))
        default: String(authority)
        }
    }
}

private func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

private func isSchemeCharacter(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || "+-.".utf8.contains(byte)
}

/// Names in ASCII, addresses, IPv6 ones in brackets, and ports.
private func isAuthorityCharacter(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || "-._:[]".utf8.contains(byte)
}
