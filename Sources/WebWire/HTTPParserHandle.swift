internal import CHTTPParser
import Glibc

/// An incremental parser of HTTP/1.1 messages on `http_parser` 2.9.
///
/// It stops after each message: bytes of the next one are left to the caller, who calls
/// ``reset()`` when it wants it. Results wait in ``takeHead()``, ``takeBody()`` and ``isComplete``;
/// there are no callbacks to the outside. `http_parser` is lenient where RFC 9112 is not, so a head
/// is not yet a valid request.
@safe package struct HTTPParserHandle: ~Copyable {
    /// Which messages to expect.
    package enum Kind: Sendable {
        case request, response
    }

    private let parser: UnsafeMutablePointer<http_parser>
    private let message: UnsafeMutablePointer<HTTPMessageInProgress>
    private let kind: Kind
    private var lines: HTTPRequestLines

    package init(_ kind: Kind, limits: HTTPHeadLimits) {
        self.kind = kind
        lines = HTTPRequestLines(extensionBytesMax: limits.headerBytes)
        unsafe parser = .allocate(capacity: 1)
        unsafe message = .allocate(capacity: 1)
        unsafe message.initialize(to: HTTPMessageInProgress(limits: limits))
        unsafe http_parser_init(parser, kind == .request ? HTTP_REQUEST : HTTP_RESPONSE)
        unsafe parser.pointee.data = UnsafeMutableRawPointer(message)
    }

    deinit {
        unsafe message.deinitialize(count: 1)
        unsafe message.deallocate()
        unsafe parser.deallocate()
    }

    /// Makes ready for the next message.
    package mutating func reset() {
        // A new initialisation, not just an end of the pause: it also takes the parser out of the
        // states that it enters after `Upgrade` and `Connection: close`.
        unsafe http_parser_init(parser, kind == .request ? HTTP_REQUEST : HTTP_RESPONSE)
        unsafe message.pointee.reset()
        lines = unsafe HTTPRequestLines(
            extensionBytesMax: message.pointee.limits.headerBytes)
    }

    /// Whether the message being read is the answer to HEAD: it ends with its head.
    package mutating func expectNoBody() { unsafe message.pointee.skipsBody = true }

    /// Reads bytes until they end or the message does.
    ///
    /// - Returns: how many bytes belonged to this message.
    /// - Throws: ``HTTPParseFailure``; the parser is of no more use then, except for ``reset()``.
    package mutating func parse(_ bytes: Span<UInt8>) throws(HTTPParseFailure) -> Int {
        let count = bytes.count
        guard count > 0 else { return 0 }
        unsafe message.pointee.hasBegun = true
        let headEnd = kind == .request ? try lines.read(bytes, from: 0) : count
        let consumed = unsafe bytes.withUnsafeBytes { raw in
            unsafe http_parser_execute(
                parser, callbacks, raw.baseAddress?.assumingMemoryBound(to: CChar.self), count)
        }
        let code = unsafe http_errno(parser.pointee.http_errno)
        if kind == .request { try checkBodyLines(bytes, from: headEnd) }
        if code == HPE_PAUSED || code == HPE_OK { return consumed }
        if let failure = unsafe message.pointee.failure { throw failure }
        switch code {
        case HPE_HEADER_OVERFLOW:
            throw .headersTooLarge
        case HPE_INVALID_METHOD where consumed < count && isTokenByte(bytes[consumed]):
            // What was read before belongs to a method that the parser knows.
            throw .unknownMethod
        default:
            throw .malformed(unsafe String(cString: http_errno_description(code)))
        }
    }

    private mutating func checkBodyLines(
        _ bytes: Span<UInt8>, from headEnd: Int
    ) throws(HTTPParseFailure) {
        guard lines.isAtHeadEnd, unsafe message.pointee.hasHead else { return }
        lines.headEnded(isChunked: unsafe message.pointee.head.isChunked)
        _ = try lines.read(bytes, from: headEnd)
    }

    /// Tells the parser that the stream ended, which completes a response without a length.
    package mutating func endOfStream() throws(HTTPParseFailure) {
        _ = unsafe http_parser_execute(parser, callbacks, nil, 0)
        let code = unsafe http_errno(parser.pointee.http_errno)
        guard code == HPE_PAUSED || code == HPE_OK else {
            throw .malformed(unsafe String(cString: http_errno_description(code)))
        }
    }

    /// Whether a byte of the message has been seen.
    package var hasBegun: Bool { unsafe message.pointee.hasBegun }

    /// Whether the whole message has been read.
    package var isComplete: Bool { unsafe message.pointee.isComplete }

    /// The head, once, when it is complete.
    package mutating func takeHead() -> HTTPHead? {
        guard unsafe message.pointee.hasHead else { return nil }
        unsafe message.pointee.hasHead = false
        return unsafe message.pointee.takeHead()
    }

    /// The bytes of the body read since the last call.
    package mutating func takeBody() -> [UInt8] {
        guard unsafe !message.pointee.body.isEmpty else { return [] }
        var taken: [UInt8] = []
        unsafe swap(&taken, &message.pointee.body)
        return taken
    }
}

/// What has been read of a message; `http_parser.data` points to it.
private struct HTTPMessageInProgress {
    let limits: HTTPHeadLimits
    var target: [UInt8] = []
    var fields = HTTPFields()
    var head = HTTPHead()
    var body: [UInt8] = []
    var hasBegun = false
    var hasHead = false
    var inTrailer = false
    var trailerBytes = 0
    var isComplete = false
    var skipsBody = false
    var failure: HTTPParseFailure?

    mutating func reset() {
        target.removeAll(keepingCapacity: true)
        fields = HTTPFields()
        head = HTTPHead()
        body = []
        hasBegun = false
        hasHead = false
        inTrailer = false
        trailerBytes = 0
        isComplete = false
        skipsBody = false
        failure = nil
    }

    mutating func takeHead() -> HTTPHead {
        var taken = HTTPHead()
        swap(&taken, &head)
        return taken
    }

    /// Checks the size of the header; non-zero stops the parser.
    mutating func checkHeaderSize() -> CInt {
        guard fields.byteCount + 4 * fields.count + trailerBytes > limits.headerBytes else {
            return 0
        }
        failure = .headersTooLarge
        return 1
    }
}

/// The message that a callback's parser reads.
private func message(
    of parser: UnsafeMutablePointer<http_parser>?
) -> UnsafeMutablePointer<HTTPMessageInProgress> {
    guard let data = unsafe parser?.pointee.data else {
        preconditionFailure("http_parser called back without its data")
    }
    return unsafe data.assumingMemoryBound(to: HTTPMessageInProgress.self)
}

private func buffer(_ start: UnsafePointer<CChar>?, _ count: Int) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: start, count: count)
}

private func onURL(
    _ parser: UnsafeMutablePointer<http_parser>?, _ start: UnsafePointer<CChar>?, _ count: Int
) -> CInt {
    let message = unsafe message(of: parser)
    unsafe message.pointee.target.append(contentsOf: buffer(start, count))
    guard unsafe message.pointee.target.count > message.pointee.limits.targetBytes else {
        return 0
    }
    unsafe message.pointee.failure = .targetTooLong
    return 1
}

private func onHeaderField(
    _ parser: UnsafeMutablePointer<http_parser>?, _ start: UnsafePointer<CChar>?, _ count: Int
) -> CInt {
    let message = unsafe message(of: parser)
    if unsafe message.pointee.inTrailer {
        unsafe message.pointee.trailerBytes += count + 4
    } else {
        unsafe message.pointee.fields.appendToName(buffer(start, count))
    }
    return unsafe message.pointee.checkHeaderSize()
}

private func onHeaderValue(
    _ parser: UnsafeMutablePointer<http_parser>?, _ start: UnsafePointer<CChar>?, _ count: Int
) -> CInt {
    let message = unsafe message(of: parser)
    if unsafe message.pointee.inTrailer {
        unsafe message.pointee.trailerBytes += count
    } else {
        unsafe message.pointee.fields.appendToValue(buffer(start, count))
    }
    return unsafe message.pointee.checkHeaderSize()
}

private func onHeadersComplete(_ parser: UnsafeMutablePointer<http_parser>?) -> CInt {
    guard let parser = unsafe parser else { return -1 }
    let message = unsafe message(of: parser)
    var head = HTTPHead()
    if unsafe parser.pointee.type == HTTP_REQUEST.rawValue {
        head.method = unsafe String(
            cString: http_method_str(http_method(UInt32(parser.pointee.method))))
        head.target = unsafe String(decoding: message.pointee.target, as: UTF8.self)
    } else {
        head.status = unsafe Int(parser.pointee.status_code)
    }
    head.versionMajor = unsafe Int(parser.pointee.http_major)
    head.versionMinor = unsafe Int(parser.pointee.http_minor)
    head.keepsAlive = unsafe http_should_keep_alive(parser) != 0
    let flags = unsafe UInt32(parser.pointee.flags)
    head.isChunked = flags & F_CHUNKED.rawValue != 0
    if flags & F_CONTENTLENGTH.rawValue != 0 {
        head.contentLength = unsafe Int(clamping: parser.pointee.content_length)
    }
    unsafe swap(&head.fields, &message.pointee.fields)
    head.namesAreTokens = head.fields.namesAreTokens
    unsafe message.pointee.head = head
    unsafe message.pointee.hasHead = true
    unsafe message.pointee.inTrailer = true
    return unsafe message.pointee.skipsBody ? 1 : 0
}

private func onBody(
    _ parser: UnsafeMutablePointer<http_parser>?, _ start: UnsafePointer<CChar>?, _ count: Int
) -> CInt {
    unsafe message(of: parser).pointee.body.append(contentsOf: buffer(start, count))
    return 0
}

private func onMessageComplete(_ parser: UnsafeMutablePointer<http_parser>?) -> CInt {
    unsafe message(of: parser).pointee.isComplete = true
    unsafe http_parser_pause(parser, 1)
    return 0
}

/// The callbacks of every parser; written once, then only read.
nonisolated(unsafe) private let callbacks: UnsafeMutablePointer<http_parser_settings> = {
    let settings = UnsafeMutablePointer<http_parser_settings>.allocate(capacity: 1)
    unsafe http_parser_settings_init(settings)
    unsafe settings.pointee.on_url = onURL
    unsafe settings.pointee.on_header_field = onHeaderField
    unsafe settings.pointee.on_header_value = onHeaderValue
    unsafe settings.pointee.on_headers_complete = onHeadersComplete
    unsafe settings.pointee.on_body = onBody
    unsafe settings.pointee.on_message_complete = onMessageComplete
    // `http_parser` has a limit of its own, for the whole process; ours comes first.
    http_parser_set_max_header_size(1 << 20)
    return unsafe settings
}()
