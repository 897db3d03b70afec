/// The trace that a request belongs to, as the W3C `traceparent` header carries it.
///
/// Source: W3C Trace Context, level 1, section 3.2: `00-<trace id>-<parent id>-<flags>`.
package struct TraceContext: Hashable, Sendable {
    /// 128 bits that all spans of one request share; never zero.
    package let traceID: UInt128
    /// 64 bits that name the span that caused this one; never zero.
    package let parentID: UInt64
    /// Bit 0: the caller samples this trace.
    package let flags: UInt8

    package init(traceID: UInt128, parentID: UInt64, flags: UInt8 = 1) {
        self.traceID = traceID
        self.parentID = parentID
        self.flags = flags
    }

    /// A new trace.
    package static func random() -> TraceContext {
        TraceContext(
            traceID: UInt128.random(in: 1...UInt128.max),
            parentID: UInt64.random(in: 1...UInt64.max))
    }

    /// Reads a header; `nil` where it breaks the standard, which then asks for a new trace.
    package init?(traceparent: some StringProtocol) {
        let bytes = Array(traceparent.utf8)
        guard bytes.count >= 55, bytes[2] == 0x2D, bytes[35] == 0x2D, bytes[52] == 0x2D,
            let version = hexadecimal(bytes[0..<2]), version != 0xFF,
            // Later versions may append fields, after another dash.
            bytes.count == 55 || (version != 0 && bytes[55] == 0x2D),
            let traceID = hexadecimal(bytes[3..<35]), traceID != 0,
            let parentID = hexadecimal(bytes[36..<52]), parentID != 0,
            let flags = hexadecimal(bytes[53..<55])
        else { return nil }
        self.init(
            traceID: traceID, parentID: UInt64(truncatingIfNeeded: parentID),
            flags: UInt8(truncatingIfNeeded: flags))
    }

    /// The header's value.
    package var traceparent: String {
        "00-\(padded(traceID, 32))-\(padded(parentID, 16))-\(padded(flags, 2))"
    }
}

/// The value of lower-case hexadecimal digits; `nil` where another character stands.
private func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt128? {
    var value: UInt128 = 0
    for digit in digits {
        switch digit {
        case 0x30...0x39: value = value << 4 | UInt128(digit - 0x30)
        case 0x61...0x66: value = value << 4 | UInt128(digit - 0x61 + 10)
        default: return nil
        }
    }
    return value
}

private func padded(_ value: some BinaryInteger, _ width: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: width - digits.count) + digits
}
