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
        unsafe String(unsafeUninitializedCapacity: 55) { bytes in
            unsafe bytes.initialize(repeating: 0x2D)
            unsafe write(0, as: 2, to: bytes, at: 0)
            unsafe write(UInt64(truncatingIfNeeded: traceID >> 64), as: 16, to: bytes, at: 3)
            unsafe write(UInt64(truncatingIfNeeded: traceID), as: 16, to: bytes, at: 19)
            unsafe write(parentID, as: 16, to: bytes, at: 36)
            unsafe write(UInt64(flags), as: 2, to: bytes, at: 53)
            return 55
        }
    }
}

/// Writes a value in lower-case hexadecimal digits, with zeros in front.
private func write(
    _ value: UInt64, as digits: Int, to bytes: UnsafeMutableBufferPointer<UInt8>, at start: Int
) {
    var rest = value
    for index in stride(from: start + digits - 1, through: start, by: -1) {
        let digit = UInt8(truncatingIfNeeded: rest & 0xF)
        unsafe bytes[index] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
        rest >>= 4
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
