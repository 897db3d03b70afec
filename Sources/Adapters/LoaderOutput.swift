/// Rows in the binary format of COPY.
///
/// Source: PostgreSQL 15, COPY, "Binary Format".
struct LoaderOutput {
    private static let signature: [UInt8] = [
        0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00,
    ]

    private var bytes: [UInt8] = signature + [UInt8](repeating: 0, count: 8)

    /// How many bytes have gathered.
    var count: Int { bytes.count }

    /// Hands the bytes over.
    mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    /// Begins a row with so many fields, which follow.
    mutating func beginRow(fieldCount: Int16) { appendInteger(fieldCount) }

    /// Adds a field of a text type.
    mutating func append(text: some Collection<UInt8>) {
        appendInteger(Int32(text.count))
        bytes.append(contentsOf: text)
    }

    /// Adds an integer in the width of its column, or null.
    mutating func append(_ value: (some FixedWidthInteger)?) {
        guard let value else {
            appendNull()
            return
        }
        appendInteger(Int32(value.bitWidth / 8))
        appendInteger(value)
    }

    /// Adds a truth value.
    mutating func append(_ value: Bool) {
        appendInteger(Int32(1))
        bytes.append(value ? 1 : 0)
    }

    /// Adds a field without a value.
    mutating func appendNull() { appendInteger(Int32(-1)) }

    /// Adds the trailer.
    mutating func end() { appendInteger(Int16(-1)) }

    private mutating func appendInteger<Value: FixedWidthInteger>(_ value: Value) {
        var shift = Value.bitWidth
        while shift > 0 {
            shift -= 8
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
