import WebServer

/// Which pages of other origins may use the gateway from a browser.
///
/// Source: the Fetch standard, "CORS protocol"; RFC 6455 section 10.2 for websockets, to which
/// browsers do not apply it.
struct CrossOriginPolicy: Sendable {
    /// The headers that the gateway reads, of those that a page may only send with permission.
    static let requestHeaders =
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, traceparent"
    /// The headers of answers that a page may only read with permission.
    static let responseHeaders = "Allow, ETag, Location, Retry-After"
    /// For how many seconds a browser need not ask again.
    private static let secondsToKeep = "600"

    let allowed: Set<WebOrigin>

    /// Refuses a websocket that a page of a foreign origin opens.
    ///
    /// What is no browser sends no `Origin`, and could send any. Where a cookie says whose the websocket
    /// is, only origins that are named are let in.
    func checkUpgrade(_ request: HTTPRequest) throws(Problem) {
        let origins = request.headers.all("Origin")
        guard let text = origins.first else { return }
        if origins.count == 1 {
            let isForAll = allowed.contains(.any)
            if isForAll ? CartCookie.cart(in: request) == nil : allows(text) { return }
            if let host = request.headers.first("Host"),
                WebOrigin(text)?.isServed(by: host) == true
            {
                return
            }
        }
        throw Problem(
            .originNotAllowed, "pages of the origin \(text) may not open websockets here",
            at: .header("Origin"))
    }

    /// Refuses a GET that changes something, unless a page of the gateway's own origin makes it.
    ///
    /// Browsers say so in `Sec-Fetch-Site` where the connection is secure or local, and otherwise
    /// mostly by `Origin` or `Referer`. What is no browser says nothing, and could say anything.
    ///
    /// Source: Fetch Metadata Request Headers, section 2.3.
    func checkNavigation(_ request: HTTPRequest) throws(Problem) {
        let sites = request.headers.all("Sec-Fetch-Site")
        if sites == ["same-origin"] { return }
        let origin = request.headers.first("Origin") ?? request.headers.first("Referer")
        if sites.isEmpty {
            guard let origin else { return }
            if let host = request.headers.first("Host"),
                WebOrigin(ofPage: origin)?.isServed(by: host) == true
            {
                return
            }
        }
        throw Problem(
            .originNotAllowed,
            "only pages of this origin may change a cart by GET; use POST /cart/ instead",
            at: .header(sites.isEmpty ? "Origin" : "Sec-Fetch-Site"))
    }

    /// Tells the browser whether a page may read the answer, and in a preflight what it may ask.
    ///
    /// - Parameter response: an answer to OPTIONS tells the path's methods in `Allow`.
    func grant(_ response: inout HTTPResponse, to request: HTTPRequest) {
        guard !allowed.isEmpty else { return }
        let isForAll = allowed.contains(.any)
        if !isForAll { response.headers.append(("Vary", "Origin")) }
        let origins = request.headers.all("Origin")
        guard origins.count == 1, allows(origins[0]) else { return }
        response.headers += [
            ("Access-Control-Allow-Origin", isForAll ? "*" : origins[0]),
            ("Access-Control-Expose-Headers", Self.responseHeaders),
        ]
        // With cookies only for origins that are named: any page could use any shopper's cart.
        if !isForAll { response.headers.append(("Access-Control-Allow-Credentials", "true")) }
        guard request.method == "OPTIONS",
            request.headers.first("Access-Control-Request-Method") != nil,
            let methods = response.headers.first(where: { $0.0 == "Allow" })?.1
        else { return }
        response.headers += [
            ("Access-Control-Allow-Methods", methods),
            ("Access-Control-Allow-Headers", Self.requestHeaders),
            ("Access-Control-Max-Age", Self.secondsToKeep),
        ]
    }

    private func allows(_ text: String) -> Bool {
        if allowed.contains(.any) { return true }
        return WebOrigin(text).map { $0 != .any && allowed.contains($0) } ?? false
    }
}
