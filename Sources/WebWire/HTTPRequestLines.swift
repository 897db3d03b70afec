/// Checks the line structure of one request beside `http_parser`, which takes for a line's end what
/// another parser in front may not: that is how requests are smuggled.
///
/// Refused are a line feed or carriage return alone, other control characters, folded lines, more than
/// two spaces in the request line, and in a chunked body anything but a plain size, an extension without control characters, and
/// data that ends where the size says.
///
/// Source: RFC 9112 sections 2.2, 3, 5.2, 7.1; `http_parser` 2.9 built without `HTTP_PARSER_STRICT`
/// checks neither the two bytes behind a chunk, nor the second of those behind its size, nor the first
/// of a field's value.
struct HTTPRequestLines {
    private enum State {
        /// Before the request line, where empty lines are skipped (RFC 9112 section 2.2).
        case start, startLineFeed
        case requestLine, requestLineFeed
        /// At the beginning of a header or trailer line.
        case lineStart
        case line, lineFeed
        case lastLineFeed
        /// Behind the head, until the parser says whether chunks follow.
        case headEnd
        case sizeStart, size, sizeExtension, sizeLineFeed
        case data, dataReturn, dataLineFeed
        /// Of no interest any more.
        case ended
    }

    private var state = State.start
    private var spaces = 0
    private var chunkSize = 0
    private var sizeDigits = 0
    private var isTrailer = false
    /// Bytes of chunk extensions that may still come; `http_parser` does not count them at all.
    private var extensionBytesLeft: Int

    /// - Parameter extensionBytesMax: what all chunk extensions of a message may have.
    init(extensionBytesMax: Int) { extensionBytesLeft = extensionBytesMax }

    /// Whether the head has ended, and ``headEnded(isChunked:)`` has to be told what follows.
    var isAtHeadEnd: Bool { state == .headEnd }

    /// Notes what the head said of the body.
    mutating func headEnded(isChunked: Bool) { state = isChunked ? .sizeStart : .ended }

    /// Looks at bytes, and stops where the head or the message ends.
    ///
    /// - Returns: where that is, or the end of the bytes.
    mutating func read(
        _ bytes: Span<UInt8>, from start: Int
    ) throws(HTTPParseFailure) -> Int {
        var index = start
        while index < bytes.count {
            switch state {
            case .headEnd, .ended:
                return index
            case .data:
                let taken = min(chunkSize, bytes.count - index)
                chunkSize -= taken
                index += taken
                if chunkSize == 0 { state = .dataReturn }
            case .requestLine where bytes[index] > 0x20:
                index += 1
            case .line where bytes[index] >= 0x20 && bytes[index] != 0x7F:
                index += 1
            default:
                try step(bytes[index])
                index += 1
            }
        }
        return index
    }

    private mutating func step(_ byte: UInt8) throws(HTTPParseFailure) {
        switch state {
        case .start:
            state = byte == carriageReturn ? .startLineFeed : .requestLine
            if byte == lineFeed { throw Self.bareLineFeed }
        case .requestLine:
            try inRequestLine(byte)
        case .lineStart:
            try atLineStart(byte)
        case .line:
            try inLine(byte)
        case .startLineFeed: try expectLineFeed(byte, then: .start)
        case .requestLineFeed, .lineFeed: try expectLineFeed(byte, then: .lineStart)
        case .lastLineFeed: try expectLineFeed(byte, then: isTrailer ? .ended : .headEnd)
        case .sizeStart, .size:
            try inChunkSize(byte)
        case .sizeExtension:
            extensionBytesLeft -= 1
            if extensionBytesLeft < 0 { throw .headersTooLarge }
            if byte == carriageReturn {
                state = .sizeLineFeed
            } else if byte < 0x20 && byte != 0x09 || byte == 0x7F {
                throw .malformed("a chunk extension has a control character")
            }
        case .sizeLineFeed:
            isTrailer = chunkSize == 0
            try expectLineFeed(byte, then: isTrailer ? .lineStart : .data)
        case .dataReturn:
            guard byte == carriageReturn else { throw Self.badChunkEnd }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == lineFeed else { throw Self.badChunkEnd }
            state = .sizeStart
        case .data, .headEnd, .ended:
            break
        }
    }

    private mutating func inRequestLine(_ byte: UInt8) throws(HTTPParseFailure) {
        switch byte {
        case lineFeed: throw Self.bareLineFeed
        case carriageReturn: state = .requestLineFeed
        case 0x20:
            spaces += 1
            if spaces > 2 { throw .malformed("the request line has more than two spaces") }
        default: break
        }
    }

    private mutating func atLineStart(_ byte: UInt8) throws(HTTPParseFailure) {
        switch byte {
        case carriageReturn: state = .lastLineFeed
        case lineFeed: throw Self.bareLineFeed
        case 0x20, 0x09: throw .malformed("a header line begins with white space")
        default: state = .line
        }
    }

    private mutating func inLine(_ byte: UInt8) throws(HTTPParseFailure) {
        switch byte {
        case carriageReturn: state = .lineFeed
        case lineFeed: throw Self.bareLineFeed
        case 0x09, 0x20...0x7E, 0x80...: break
        default: throw .malformed("a header line has a control character")
        }
    }

    private mutating func inChunkSize(_ byte: UInt8) throws(HTTPParseFailure) {
        if state == .sizeStart {
            chunkSize = 0
            sizeDigits = 0
        }
        if let digit = hexadecimalValue(byte) {
            state = .size
            sizeDigits += 1
            // Leading zeros count: nobody needs more than what fits 60 bits.
            guard sizeDigits <= 15 else { throw .malformed("a chunk is too large") }
            chunkSize = chunkSize << 4 | digit
        } else if state == .size, byte == carriageReturn {
            state = .sizeLineFeed
        } else if state == .size, byte == 0x3B {
            state = .sizeExtension
        } else {
            throw .malformed("a chunk's size is not a hexadecimal number")
        }
    }

    private mutating func expectLineFeed(
        _ byte: UInt8, then next: State
    ) throws(HTTPParseFailure) {
        guard byte == lineFeed else {
            throw .malformed("a carriage return stands without a line feed")
        }
        state = next
    }

    private static let bareLineFeed = HTTPParseFailure.malformed(
        "a line feed stands without a carriage return")
    private static let badChunkEnd = HTTPParseFailure.malformed(
        "a chunk is longer than its size says")
}

private let lineFeed: UInt8 = 0x0A
private let carriageReturn: UInt8 = 0x0D

private func hexadecimalValue(_ byte: UInt8) -> Int? {
    switch byte {
    case 0x30...0x39: Int(byte) - 0x30
    case 0x41...0x46: Int(byte) - 0x41 + 10
    case 0x61...0x66: Int(byte) - 0x61 + 10
    default: nil
    }
}
