/// Why a request or a websocket came to nothing.
package enum WebClientError: Error, CustomStringConvertible, Sendable {
    /// Not `http://`, `ws://` and a host.
    case badURL(String)
    /// The connection could not be made.
    case unreachable(String)
    /// The time-out passed first.
    case timedOut
    /// The peer closed the connection, or it broke.
    case disconnected
    /// The peer's bytes are not HTTP/1.1, or not a websocket.
    case malformed(String)
    /// The response is larger than the client takes.
    case tooLarge
    /// The server answered the upgrade with something else than a websocket.
    case upgradeRefused(HTTPClientResponse)
    /// The awaiting task was cancelled.
    case cancelled

    package var description: String {
        switch self {
        case .badURL(let url): "\(url) is not an http:// or ws:// URL"
        case .unreachable(let reason): "the server cannot be reached: \(reason)"
        case .timedOut: "no answer within the time-out"
        case .disconnected: "the server closed the connection"
        case .malformed(let reason): "the server's answer is malformed: \(reason)"
        case .tooLarge: "the server's answer is too large"
        case .upgradeRefused(let response): "the upgrade was refused with \(response.status)"
        case .cancelled: "the task was cancelled"
        }
    }
}

/// A whole response.
package struct HTTPClientResponse: Sendable {
    package let status: Int
    /// In order, as they came.
    package let headers: [(name: String, value: String)]
    package let body: [UInt8]

    /// The first value of a field; the name in any case.
    package func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name.lowercased() == name }?.value
    }

    /// The body as text; bytes that are not UTF-8 come as U+FFFD.
    package var text: String { String(decoding: body, as: UTF8.self) }
}
