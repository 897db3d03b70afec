/// The start line and header fields of one message.
package struct HTTPHead: Sendable {
    /// The request's method; empty in a response.
    package var method = ""
    /// The request's target as it came; empty in a response.
    package var target = ""
    /// The response's status; zero in a request.
    package var status = 0
    package var versionMajor = 1
    package var versionMinor = 1
    package var fields = HTTPFields()
    /// Whether the sender will take or send another message on this connection.
    package var keepsAlive = false
    /// The declared length of the body; `nil` when it is chunked, ends with the connection, or is
    /// absent.
    package var contentLength: Int?
    /// Whether the body comes in chunks.
    package var isChunked = false
    /// Whether every name of a field is a token; `http_parser` lets spaces through.
    package var namesAreTokens = true

    package init() {}
}

/// How many bytes a message head may have.
package struct HTTPHeadLimits: Sendable {
    /// Bytes of the request target.
    package var targetBytes: Int
    /// Bytes of all names and values, with four more for each field's punctuation.
    package var headerBytes: Int

    package init(targetBytes: Int, headerBytes: Int) {
        self.targetBytes = targetBytes
        self.headerBytes = headerBytes
    }
}

/// Why bytes are not a message.
package enum HTTPParseFailure: Error, Hashable, Sendable {
    case targetTooLong
    case headersTooLarge
    /// The method is a token, but none that the parser knows.
    case unknownMethod
    /// Anything else, in the parser's words.
    case malformed(String)
}

/// The bytes of a span from an offset on, to keep.
package func bytes(of span: Span<UInt8>, from offset: Int) -> [UInt8] {
    guard offset < span.count else { return [] }
    return unsafe span.extracting(offset..<span.count).withUnsafeBufferPointer {
        unsafe Array($0)
    }
}
