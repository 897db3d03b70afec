/// Why a frame cannot be read: it breaks Kafka's format.
enum WireError: Error {
    /// The frame ends before the field does.
    case truncated
    /// A length that no field may have.
    case invalidLength
    /// Text that is not UTF-8.
    case invalidText
    /// A variable-length integer of too many bytes.
    case invalidInteger
}

/// Reads the fields of one frame, one after the other.
///
/// Source: Kafka protocol guide, "Protocol Primitive Types".
struct WireReader {
    /// The memory that the frame stands in.
    let block: ByteBlock
    /// Where the next field begins.
    private(set) var position: Int
    private let end: Int

    /// Reads what stands in a range of `block`.
    init(_ block: ByteBlock, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= block.capacity)
        self.block = block
        position = range.lowerBound
        end = range.upperBound
    }

    /// Reads a copy of `bytes`.
    init(_ bytes: [UInt8]) {
        self.init(ByteBlock(copying: bytes), 0..<bytes.count)
    }

    /// How many bytes have not been read.
    var remaining: Int { end - position }

    @inline(__always)
    private mutating func integer<T: FixedWidthInteger>(
        _ type: T.Type
    ) throws(WireError) -> T {
        guard remaining >= MemoryLayout<T>.size else { throw .truncated }
        let value = block.integer(T.self, at: position)
        position += MemoryLayout<T>.size
        return value
    }

    mutating func int8() throws(WireError) -> Int8 { try integer(Int8.self) }
    mutating func int16() throws(WireError) -> Int16 { try integer(Int16.self) }
    mutating func int32() throws(WireError) -> Int32 { try integer(Int32.self) }
    mutating func int64() throws(WireError) -> Int64 { try integer(Int64.self) }
    mutating func uint32() throws(WireError) -> UInt32 { try integer(UInt32.self) }
    mutating func bool() throws(WireError) -> Bool { try integer(UInt8.self) != 0 }

    /// An unsigned number of seven bits a byte, least significant first.
    mutating func unsignedVarint() throws(WireError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64 {
            let byte = try integer(UInt8.self)
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw .invalidInteger
    }

    /// A signed number in zig-zag coding, seven bits a byte.
    mutating func varint() throws(WireError) -> Int64 {
        let raw = try unsignedVarint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    /// Steps over bytes.
    mutating func skip(_ count: Int) throws(WireError) { _ = try range(count) }

    private mutating func range(_ count: Int) throws(WireError) -> Range<Int> {
        guard count >= 0 else { throw .invalidLength }
        guard count <= remaining else { throw .truncated }
        defer { position += count }
        return position..<position + count
    }

    private mutating func text(_ count: Int) throws(WireError) -> String {
        guard let text = block.string(try range(count)) else { throw .invalidText }
        return text
    }

    mutating func string() throws(WireError) -> String { try text(Int(int16())) }

    mutating func nullableString() throws(WireError) -> String? {
        let count = Int(try int16())
        return count == -1 ? nil : try text(count)
    }

    /// Where a byte field stands in ``block``; `nil` for a null field.
    mutating func nullableBytesRange() throws(WireError) -> Range<Int>? {
        let count = Int(try int32())
        return count == -1 ? nil : try range(count)
    }

    mutating func bytes() throws(WireError) -> [UInt8] {
        guard let range = try nullableBytesRange() else { return [] }
        return block.array(range)
    }

    /// The number of elements that follow; `nil` for a null array.
    ///
    /// - Throws: where the frame could not hold so many, so that a number that somebody made up
    ///   reserves no memory.
    mutating func nullableCount() throws(WireError) -> Int? {
        let count = Int(try int32())
        if count == -1 { return nil }
        guard count >= 0 else { throw .invalidLength }
        guard count <= remaining else { throw .truncated }
        return count
    }

    mutating func nullableArray<Element>(
        _ element: (inout WireReader) throws(WireError) -> Element
    ) throws(WireError) -> [Element]? {
        guard let count = try nullableCount() else { return nil }
        var elements: [Element] = []
        elements.reserveCapacity(min(count, 1_024))
        for _ in 0..<count { elements.append(try element(&self)) }
        return elements
    }

    /// An array; null counts as empty.
    mutating func array<Element>(
        _ element: (inout WireReader) throws(WireError) -> Element
    ) throws(WireError) -> [Element] {
        try nullableArray(element) ?? []
    }

    mutating func compactNullableString() throws(WireError) -> String? {
        let length = try unsignedVarint()
        guard length > 0 else { return nil }
        guard length <= UInt64(remaining) + 1 else { throw .truncated }
        return try text(Int(length) - 1)
    }

    /// Steps over the tagged fields at the end of a flexible structure.
    mutating func skipTags() throws(WireError) {
        var count = try unsignedVarint()
        while count > 0 {
            _ = try unsignedVarint()
            let length = try unsignedVarint()
            guard length <= UInt64(remaining) else { throw .truncated }
            try skip(Int(length))
            count -= 1
        }
    }
}
