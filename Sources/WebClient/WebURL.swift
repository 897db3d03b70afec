/// The parts of an `http://` or `ws://` URL that a client needs.
struct WebURL: Hashable, Sendable {
    let host: String
    let port: Int
    /// Path and query, as they go into the request.
    let target: String

    /// Takes a URL apart; there is no TLS here, so `https` and `wss` are refused.
    init(_ text: String) throws(WebClientError) {
        guard let scheme = ["http://", "ws://"].first(where: { text.lowercased().hasPrefix($0) })
        else { throw .badURL(text) }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let tail = rest.dropFirst(authority.count).prefix { $0 != "#" }
        target = tail.hasPrefix("/") ? String(tail) : "/" + tail
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { throw .badURL(text) }

        var hostPart = authority
        var portPart: Substring?
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            hostPart = authority[authority.index(after: authority.startIndex)..<end]
            let rest = authority[authority.index(after: end)...]
            if rest.hasPrefix(":") { portPart = rest.dropFirst() }
        } else if let colon = authority.lastIndex(of: ":") {
            hostPart = authority[..<colon]
            portPart = authority[authority.index(after: colon)...]
        }
        guard !hostPart.isEmpty, let port = portPart.map({ Int($0) }) ?? 80, port > 0,
            port < 65_536
        else { throw .badURL(text) }
        host = String(hostPart)
        self.port = port
    }

    /// What the `Host` field says.
    var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
}
