import WebWire

/// An error that the server answers by itself, in the handler's words.
struct HTTPRefusal: Error {
    let status: Int
    let detail: String
    /// A field that the status demands.
    var header: (String, String)?
}

/// What the connection has to know of a request besides what the handler gets.
struct HTTPRequestFraming {
    let isHead: Bool
    let isVersion10: Bool
    let keepsAlive: Bool
    let hasBody: Bool
    let expectsContinue: Bool
    /// The key to answer if the request becomes a websocket.
    let webSocketKey: String?
}

/// Checks a head where `http_parser` does not: what two parsers may read differently is refused,
/// because a proxy in front may have read it the other way (request smuggling).
///
/// Source: RFC 9112 sections 2.3, 3.2, 5.1, 6.1; RFC 6455 section 4.2.1.
func validate(_ head: HTTPHead) throws(HTTPRefusal) -> HTTPRequestFraming {
    let fields = head.fields
    guard head.versionMajor == 1, head.versionMinor <= 1 else {
        throw HTTPRefusal(status: 505, detail: "only HTTP/1.1 and HTTP/1.0 are spoken here")
    }
    let isVersion10 = head.versionMinor == 0
    guard head.namesAreTokens else {
        throw HTTPRefusal(status: 400, detail: "the name of a header field is not a token")
    }
    let hosts = fields.all("host")
    guard hosts.count == 1 || isVersion10 && hosts.isEmpty else {
        throw HTTPRefusal(status: 400, detail: "one Host field is needed, \(hosts.count) came")
    }
    if hosts.first?.utf8.contains(where: { $0 <= 0x20 || $0 == 0x2F || $0 == 0x2C }) == true {
        throw HTTPRefusal(status: 400, detail: "the Host field is not a host")
    }
    guard head.method != "CONNECT" else {
        throw HTTPRefusal(status: 501, detail: "this is not a proxy")
    }

    try checkTarget(of: head, host: hosts.first)

    let encodings = fields.all("transfer-encoding")
    if !encodings.isEmpty {
        guard !isVersion10, fields.first("content-length") == nil else {
            throw HTTPRefusal(
                status: 400, detail: "the length of the body is told in two ways at once")
        }
        guard encodings.count == 1, encodings[0].lowercased() == "chunked", head.isChunked else {
            throw HTTPRefusal(
                status: encodings.contains { $0.lowercased().contains("chunked") } ? 400 : 501,
                detail: "no transfer coding is understood but one chunked")
        }
    }
    let lengths = fields.all("content-length")
    if lengths.count > 1 || lengths.first.map({ !$0.utf8.allSatisfy(isDigit) }) == true {
        throw HTTPRefusal(status: 400, detail: "the Content-Length is not one number")
    }
    let hasBody = head.isChunked || (head.contentLength ?? 0) > 0

    var expectsContinue = false
    if !isVersion10, let expectation = fields.first("expect") {
        guard expectation.lowercased() == "100-continue" else {
            throw HTTPRefusal(status: 417, detail: "only 100-continue can be expected")
        }
        expectsContinue = hasBody
    }
    return HTTPRequestFraming(
        isHead: head.method == "HEAD", isVersion10: isVersion10, keepsAlive: head.keepsAlive,
        hasBody: hasBody, expectsContinue: expectsContinue,
        webSocketKey: try webSocketKey(of: head, hasBody: hasBody))
}

/// Checks the target's form; a proxy in front must not have read another one.
private func checkTarget(of head: HTTPHead, host: String?) throws(HTTPRefusal) {
    let target = head.target
    guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x23 }) else {
        throw HTTPRefusal(
            status: 400, detail: "the request target has characters that must be percent-encoded")
    }
    if target.utf8.first == 0x2F || target == "*" && head.method == "OPTIONS" { return }
    guard let separator = target.firstRange(of: "://"),
        ["http", "https"].contains(target[..<separator.lowerBound].lowercased())
    else {
        throw HTTPRefusal(status: 400, detail: "the request target is neither a path nor a URL")
    }
    let authority = target[separator.upperBound...].prefix { $0 != "/" && $0 != "?" }
    guard !authority.isEmpty, host.map({ $0.lowercased() == authority.lowercased() }) ?? true
    else {
        throw HTTPRefusal(
            status: 400, detail: "the request target and the Host field name two hosts")
    }
}

/// What is wrong with a head, if anything is.
func refusal(of head: HTTPHead) -> HTTPRefusal? {
    do throws(HTTPRefusal) {
        _ = try validate(head)
        return nil
    } catch {
        return error
    }
}

/// The handshake's key; `nil` for a request that does not ask for a websocket, `Upgrade: h2c`
/// included, which is then answered as plain HTTP.
private func webSocketKey(of head: HTTPHead, hasBody: Bool) throws(HTTPRefusal) -> String? {
    let fields = head.fields
    guard head.versionMinor == 1, fields.tokens("upgrade").contains("websocket"),
        fields.tokens("connection").contains("upgrade")
    else { return nil }
    guard head.method == "GET", !hasBody else {
        throw HTTPRefusal(status: 400, detail: "a websocket starts with GET and no body")
    }
    guard fields.all("sec-websocket-version") == ["13"] else {
        throw HTTPRefusal(
            status: 426, detail: "only version 13 of the websocket protocol is spoken here",
            header: ("Sec-WebSocket-Version", "13"))
    }
    let keys = fields.all("sec-websocket-key")
    guard keys.count == 1, WebSocketKey.isValid(keys[0]) else {
        throw HTTPRefusal(
            status: 400, detail: "the Sec-WebSocket-Key is not 16 bytes in base64")
    }
    return keys[0]
}

private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

/// What to answer to bytes that are not a request.
func refusal(of failure: HTTPParseFailure) -> HTTPRefusal {
    switch failure {
    case .targetTooLong: HTTPRefusal(status: 414, detail: "the request target is too long")
    case .headersTooLarge: HTTPRefusal(status: 431, detail: "the header fields are too large")
    case .unknownMethod: HTTPRefusal(status: 501, detail: "the method is not known")
    case .malformed(let detail): HTTPRefusal(status: 400, detail: detail)
    }
}
