/// Where a Redis server is and how long it may take.
///
/// The password is in no description.
package struct RedisConfiguration: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The server's host name or address.
    package let host: String
    /// The server's port.
    package let port: Int32
    /// The number of the database.
    package let database: Int
    let user: String?
    let password: String?
    /// How long connecting may take, name resolution excepted.
    package var connectTimeout: Duration = .milliseconds(500)
    /// How long one round trip may take before the connection is given up.
    package var replyTimeout: Duration = .milliseconds(250)
    /// What every key begins with.
    package var keyPrefix = "holdfast:"

    /// Reads `redis://[[user]:password@]host[:port][/database]`.
    ///
    /// - Throws: ``RedisError`` of kind `usage`; its text shows nothing of the address.
    package init(url: String) throws(RedisError) {
        let scheme = "redis://"
        guard url.lowercased().hasPrefix(scheme) else {
            throw RedisError(
                kind: .usage,
                message: "the Redis address must begin with redis:// (TLS is not there)")
        }
        let rest = url.dropFirst(scheme.count).prefix { $0 != "?" }
        let authority = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(authority.count + 1)
        var server = authority
        var credentials: (user: String?, password: String?) = (nil, nil)
        if let at = authority.lastIndex(of: "@") {
            server = authority[authority.index(after: at)...]
            credentials = try readCredentials(authority[..<at])
        }
        var host = server
        var portText: Substring = "6379"
        if server.first == "[", let end = server.firstIndex(of: "]") {
            host = server[server.index(after: server.startIndex)..<end]
            let tail = server[server.index(after: end)...]
            if tail.first == ":" { portText = tail.dropFirst() }
        } else if let colon = server.lastIndex(of: ":") {
            host = server[..<colon]
            portText = server[server.index(after: colon)...]
        }
        guard !host.isEmpty, !host.contains(":") || server.first == "[",
            let port = UInt16(portText), port > 0
        else { throw RedisError(kind: .usage, message: "the Redis address lacks a host or port") }
        guard let database = path.isEmpty ? 0 : UInt16(path) else {
            throw RedisError(
                kind: .usage, message: "the Redis address must end in the number of a database")
        }
        self.host = String(host)
        self.port = Int32(port)
        self.database = Int(database)
        (user, password) = credentials
    }

    package var description: String { "redis://\(host):\(port)/\(database)" }

    package var debugDescription: String { description }
}

private func readCredentials(
    _ text: Substring
) throws(RedisError) -> (user: String?, password: String?) {
    guard let colon = text.firstIndex(of: ":") else {
        return (nil, try percentDecoded(text))
    }
    let user = try percentDecoded(text[..<colon])
    return (user.isEmpty ? nil : user, try percentDecoded(text[text.index(after: colon)...]))
}

private func percentDecoded(_ text: Substring) throws(RedisError) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        let digits = String(rest.prefix(2)) ?? ""
        guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else {
            throw RedisError(
                kind: .usage, message: "a % in the Redis address is not followed by two digits")
        }
        bytes.append(value)
        rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
}
