/// Puts responses into bytes.
enum HTTPResponseEncoder {
    /// What the connection knows of the exchange.
    struct Context {
        /// The value of the `Date` field.
        var date: [UInt8]
        /// Whether the connection ends with this response.
        var closes: Bool
        /// Whether the client speaks HTTP/1.0, which must be told that the connection stays.
        var isVersion10: Bool
        /// Whether the request was HEAD: the length is told, the body is not sent.
        var omitsBody: Bool
    }

    /// Appends a response.
    static func append(_ response: HTTPResponse, _ context: Context, to output: inout [UInt8]) {
        let status = response.status
        output.reserveCapacity(output.count + response.body.count + 256)
        output.append(contentsOf: "HTTP/1.1 ".utf8)
        append(status, to: &output)
        output.append(0x20)
        output.append(contentsOf: reason(status).utf8)
        output.append(contentsOf: "\r\nDate: ".utf8)
        output.append(contentsOf: context.date)
        append(response.headers, to: &output)
        let mayHaveBody = status != 204 && status != 304
        if mayHaveBody {
            output.append(contentsOf: "\r\nContent-Length: ".utf8)
            append(response.body.count, to: &output)
        }
        if context.closes {
            output.append(contentsOf: "\r\nConnection: close".utf8)
        } else if context.isVersion10 {
            output.append(contentsOf: "\r\nConnection: keep-alive".utf8)
        }
        output.append(contentsOf: "\r\n\r\n".utf8)
        if mayHaveBody, !context.omitsBody { output.append(contentsOf: response.body) }
    }

    /// Appends the response that turns the connection into a websocket.
    static func appendUpgrade(
        accept: String, _ headers: [(String, String)], date: [UInt8], to output: inout [UInt8]
    ) {
        output.append(contentsOf: "HTTP/1.1 101 Switching Protocols\r\nDate: ".utf8)
        output.append(contentsOf: date)
        output.append(contentsOf: "\r\nUpgrade: websocket\r\nConnection: Upgrade".utf8)
        output.append(contentsOf: "\r\nSec-WebSocket-Accept: \(accept)".utf8)
        append(headers, to: &output)
        output.append(contentsOf: "\r\n\r\n".utf8)
    }

    private static func append(_ headers: [(String, String)], to output: inout [UInt8]) {
        for (name, value) in headers where !isReserved(name) {
            output.append(contentsOf: "\r\n".utf8)
            appendSafely(name, to: &output)
            output.append(contentsOf: ": ".utf8)
            appendSafely(value, to: &output)
        }
    }

    /// Fields that the server alone writes, for they frame the message.
    private static func isReserved(_ name: String) -> Bool {
        switch name.utf8.count {
        case 4, 10, 14, 17:
            ["date", "connection", "content-length", "transfer-encoding"]
                .contains(name.lowercased())
        default: false
        }
    }

    /// Appends text; a line break in it would let whoever chose it write fields of their own.
    private static func appendSafely(_ text: String, to output: inout [UInt8]) {
        for byte in text.utf8 { output.append(byte < 0x20 && byte != 0x09 ? 0x20 : byte) }
    }

    private static func append(_ number: Int, to output: inout [UInt8]) {
        output.append(contentsOf: String(number).utf8)
    }

    /// The reason phrase, RFC 9110 section 15; empty, as it may be, for the rarer ones.
    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}
