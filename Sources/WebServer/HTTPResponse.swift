/// One response; the server adds `Content-Length`, `Date` and `Connection`.
package struct HTTPResponse: Sendable {
    /// 200 to 599.
    package var status: Int
    /// In order; line breaks in them are replaced by spaces.
    package var headers: [(String, String)]
    package var body: [UInt8]

    package init(status: Int, headers: [(String, String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// What a handler makes of a request.
package enum HTTPAnswer: Sendable {
    case response(HTTPResponse)
    /// Accepts the upgrade; the closure is the connection's one consumer and runs on the server's
    /// loop. When it returns, the websocket is closed with code 1000. The headers go with the answer
    /// that accepts.
    case webSocket(headers: [(String, String)] = [], @Sendable (WebSocket) async -> Void)
}

/// The application behind a ``WebServer``.
package protocol RequestHandler: Sendable {
    /// Answers one request.
    ///
    /// Runs as a task on the server's loop: it must not block. It may answer before it has read the
    /// body; what is unread then costs the connection. It goes on when the client disconnects.
    func handle(_ request: HTTPRequest) async -> HTTPAnswer

    /// Words an error that the server found itself, so that all errors of an API look alike.
    ///
    /// - Parameters:
    ///   - status: 400, 408, 413, 414, 417, 426, 431, 500, 501, 503 or 505.
    ///   - detail: what was wrong, for people.
    func refusal(status: Int, detail: String) -> HTTPResponse
}
