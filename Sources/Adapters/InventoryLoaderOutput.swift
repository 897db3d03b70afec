/// Rows in the binary format of COPY.
///
/// Source: PostgreSQL 15, COPY, "Binary Format".
struct InventoryLoaderOutput {
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

    /// Adds a row of the staging table.
    mutating func append(_ row: InventoryLoaderRow) {
        appendInteger(Int16(6))
        appendInteger(Int32(8))
        appendInteger(Int64(row.line))
        appendField(row.code)
        appendField(row.name)
        appendInteger(Int32(8))
        appendInteger(row.quantity)
        if let price = row.price {
            appendInteger(Int32(8))
            appendInteger(price)
        } else {
            appendInteger(Int32(-1))
        }
        appendInteger(Int32(1))
        bytes.append(row.isPriceGiven ? 1 : 0)
    }

    /// Adds the trailer.
    mutating func end() { appendInteger(Int16(-1)) }

    private mutating func appendField(_ field: ArraySlice<UInt8>) {
        appendInteger(Int32(field.count))
        bytes.append(contentsOf: field)
    }

    private mutating func appendInteger<Value: FixedWidthInteger>(_ value: Value) {
        var shift = Value.bitWidth
        while shift > 0 {
            shift -= 8
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
