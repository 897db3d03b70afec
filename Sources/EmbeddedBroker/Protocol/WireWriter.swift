/// Writes the fields of one frame, one after the other.
///
/// Source: Kafka protocol guide, "Protocol Primitive Types".
struct WireWriter {
    /// What was written so far.
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 0) {
        if capacity > 0 { bytes.reserveCapacity(capacity) }
    }

    @inline(__always)
    private mutating func integer<T: FixedWidthInteger>(_ value: T) {
        unsafe withUnsafeBytes(of: value.bigEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func int8(_ value: Int8) { integer(value) }
    mutating func int16(_ value: Int16) { integer(value) }
    mutating func int32(_ value: Int32) { integer(value) }
    mutating func int64(_ value: Int64) { integer(value) }
    mutating func uint32(_ value: UInt32) { integer(value) }
    mutating func bool(_ value: Bool) { bytes.append(value ? 1 : 0) }
    mutating func error(_ code: ErrorCode) { integer(code.rawValue) }

    mutating func unsignedVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// A signed number in zig-zag coding, seven bits a byte.
    mutating func varint(_ value: Int64) {
        unsignedVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Text; what is longer than the format allows is cut.
    mutating func string(_ value: String) {
        let text = value.utf8.prefix(Int(Int16.max))
        int16(Int16(text.count))
        bytes.append(contentsOf: text)
    }

    mutating func nullableString(_ value: String?) {
        if let value { string(value) } else { int16(-1) }
    }

    mutating func compactString(_ value: String) {
        unsignedVarint(UInt64(value.utf8.count) + 1)
        bytes.append(contentsOf: value.utf8)
    }

    mutating func compactNullableString(_ value: String?) {
        if let value { compactString(value) } else { unsignedVarint(0) }
    }

    /// The end of a flexible structure that has no tagged fields.
    mutating func noTags() { bytes.append(0) }

    /// A byte field with its length.
    mutating func sizedBytes(_ value: [UInt8]) {
        int32(Int32(value.count))
        bytes.append(contentsOf: value)
    }

    /// Bytes without a length.
    mutating func raw(_ value: some Collection<UInt8>) { bytes.append(contentsOf: value) }

    /// Bytes of a block without a length.
    mutating func raw(_ block: ByteBlock, _ range: Range<Int>) {
        unsafe block.withBytes(range) { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func array<Element>(
        _ elements: [Element], _ write: (inout WireWriter, Element) -> Void
    ) {
        int32(Int32(elements.count))
        for element in elements { write(&self, element) }
    }

    /// Replaces four bytes that were written before.
    mutating func patchInt32(_ value: Int32, at position: Int) {
        let raw = UInt32(bitPattern: value)
        for index in 0..<4 {
            bytes[position + index] = UInt8(truncatingIfNeeded: raw >> UInt32(24 - 8 * index))
        }
    }
}
