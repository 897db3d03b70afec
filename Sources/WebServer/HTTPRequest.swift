/// One request, its body perhaps still on the way.
package struct HTTPRequest: Sendable {
    /// In upper case, as it came.
    package let method: String
    /// As it came: path and query, or a whole URL.
    package let target: String
    /// What stands before `?`, still percent-encoded; of a whole URL, what follows the host.
    package let path: String
    /// What stands after `?`, still percent-encoded.
    package let query: String?
    package let headers: HTTPHeaders
    /// The peer's address, without its port.
    package let remoteAddress: String
    package let body: HTTPBody
    /// Whether the client asks for a websocket, correctly (RFC 6455 section 4.2.1): the answer may
    /// then be ``HTTPAnswer/webSocket(_:)``.
    package let isWebSocketUpgrade: Bool

    /// A request made by hand, for tests of handlers.
    package init(
        method: String, target: String, headers: HTTPHeaders = HTTPHeaders(),
        remoteAddress: String = "127.0.0.1", body: HTTPBody = HTTPBody(bytes: []),
        isWebSocketUpgrade: Bool = false
    ) {
        self.method = method
        self.target = target
        (path, query) = Self.split(target)
        self.headers = headers
        self.remoteAddress = remoteAddress
        self.body = body
        self.isWebSocketUpgrade = isWebSocketUpgrade
    }

    /// Path and query of a target in origin form or absolute form (RFC 9112 section 3.2).
    private static func split(_ target: String) -> (path: String, query: String?) {
        var rest = Substring(target)
        if !rest.utf8.starts(with: "/".utf8), let colon = rest.utf8.firstIndex(of: 0x3A),
            rest[colon...].utf8.starts(with: "://".utf8)
        {
            let authority = rest.utf8.index(colon, offsetBy: 3)
            rest = rest[authority...].drop { $0 != "/" && $0 != "?" }
        }
        guard let mark = rest.utf8.firstIndex(of: 0x3F) else { return (orRoot(rest), nil) }
        return (orRoot(rest[..<mark]), String(rest[rest.utf8.index(after: mark)...]))
    }

    private static func orRoot(_ path: Substring) -> String { path.isEmpty ? "/" : String(path) }
}
