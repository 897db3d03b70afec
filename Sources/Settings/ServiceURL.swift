/// The URL of a server, checked for its shape.
///
/// Only what an error message should catch early is looked at: scheme, host, port, and that the text
/// is printable ASCII without spaces. Whoever connects reads the rest from ``text``.
package struct ServiceURL: Hashable, Sendable {
    /// The whole URL, with its password if it has one.
    package let text: String
    /// In lower case.
    package let scheme: String
    /// Without brackets; empty where the URL names none, as in `postgres:///shop?host=/run/pg`.
    package let host: String
    /// The port, if the URL names one.
    package let port: Int?
    /// The part between the host and a query, with its leading slash; empty if there is none.
    package let path: String
    /// The URL with a password replaced by `***`, fit for logs.
    package let redacted: String

    /// Reads a URL; `nil` if its scheme is not among those allowed, or its shape is wrong.
    ///
    /// A host may be missing only where a query or a path says where the server is. Several hosts
    /// between commas, as libpq takes them, are checked one by one; ``host`` is the first.
    package init?(_ text: String, schemes: [String]) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let scheme = text[..<colon].lowercased()
        let afterScheme = text[colon...]
        guard schemes.contains(scheme), afterScheme.hasPrefix("://") else { return nil }
        let rest = afterScheme.dropFirst(3)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let afterAuthority = rest[authority.endIndex...]
        let at = authority.lastIndex(of: "@")
        let hosts = at.map { authority[authority.index(after: $0)...] } ?? authority
        guard !hosts.isEmpty || !afterAuthority.isEmpty else { return nil }
        var first: (host: String, port: Int?)?
        for part in hosts.split(separator: ",", omittingEmptySubsequences: false) {
            guard let parsed = HostPort.parse(part) else { return nil }
            guard !parsed.host.isEmpty || (hosts.isEmpty && parsed.port == nil) else { return nil }
            first = first ?? parsed
        }
        self.text = text
        self.scheme = scheme
        host = first?.host ?? ""
        port = first?.port
        path = String(afterAuthority.prefix { $0 != "?" && $0 != "#" })
        if let at, let secret = authority[..<at].firstIndex(of: ":") {
            redacted = "\(scheme)://\(authority[..<secret]):***\(rest[at...])"
        } else {
            redacted = text
        }
    }
}
