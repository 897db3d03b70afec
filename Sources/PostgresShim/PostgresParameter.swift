/// A parameter's value in Postgres' binary format.
///
/// Source: the `*recv` functions of PostgreSQL 15; the format is big-endian.
package struct PostgresParameter: Sendable {
    let type: PostgresType
    let bytes: [UInt8]?

    init(type: PostgresType, bytes: [UInt8]?) {
        self.type = type
        self.bytes = bytes
    }

    /// A null of a type.
    package static func null(_ type: PostgresType) -> PostgresParameter {
        PostgresParameter(type: type, bytes: nil)
    }

    /// `text`; it must hold no NUL, which Postgres refuses.
    package static func text(_ value: String?) -> PostgresParameter {
        PostgresParameter(type: .text, bytes: value.map { Array($0.utf8) })
    }

    /// `json`, as text.
    package static func json(_ value: String?) -> PostgresParameter {
        PostgresParameter(type: .json, bytes: value.map { Array($0.utf8) })
    }

    /// `bytea`.
    package static func bytes(_ value: [UInt8]?) -> PostgresParameter {
        PostgresParameter(type: .bytea, bytes: value)
    }

    /// `int8`.
    package static func int8(_ value: Int64?) -> PostgresParameter {
        PostgresParameter(type: .int8, bytes: value.map(bigEndianBytes))
    }

    /// `int4`.
    package static func int4(_ value: Int32?) -> PostgresParameter {
        PostgresParameter(type: .int4, bytes: value.map(bigEndianBytes))
    }

    /// `bool`.
    package static func bool(_ value: Bool?) -> PostgresParameter {
        PostgresParameter(type: .bool, bytes: value.map { [$0 ? 1 : 0] })
    }

    /// `uuid`, its first byte the most significant.
    package static func uuid(_ value: UInt128?) -> PostgresParameter {
        PostgresParameter(type: .uuid, bytes: value.map(bigEndianBytes))
    }

    /// `timestamptz`, from microseconds since 1970 in UTC.
    package static func timestamp(epochMicros value: Int64?) -> PostgresParameter {
        PostgresParameter(
            type: .timestamptz, bytes: value.map { bigEndianBytes($0 &- postgresEpochMicros) })
    }

    /// `timestamptz`, from milliseconds since 1970 in UTC.
    package static func timestamp(epochMillis value: Int64?) -> PostgresParameter {
        timestamp(epochMicros: value.map { $0 &* 1000 })
    }

    /// `text[]`.
    package static func textArray(_ values: [String?]) -> PostgresParameter {
        array(of: .text, as: .textArray, values) { value, bytes in
            bytes.append(contentsOf: value.utf8)
        }
    }

    /// `text[]`, from texts in UTF-8.
    package static func textArray(utf8 values: [[UInt8]]) -> PostgresParameter {
        array(of: .text, as: .textArray, values) { $1.append(contentsOf: $0) }
    }

    /// `int8[]`.
    package static func int8Array(_ values: [Int64?]) -> PostgresParameter {
        array(of: .int8, as: .int8Array, values) { appendBigEndian($0, to: &$1) }
    }

    /// `int4[]`.
    package static func int4Array(_ values: [Int32?]) -> PostgresParameter {
        array(of: .int4, as: .int4Array, values) { appendBigEndian($0, to: &$1) }
    }

    /// `bool[]`.
    package static func boolArray(_ values: [Bool?]) -> PostgresParameter {
        array(of: .bool, as: .boolArray, values) { $1.append($0 ? 1 : 0) }
    }

    /// `uuid[]`.
    package static func uuidArray(_ values: [UInt128?]) -> PostgresParameter {
        array(of: .uuid, as: .uuidArray, values) { appendBigEndian($0, to: &$1) }
    }

    /// `timestamptz[]`, from microseconds since 1970 in UTC.
    package static func timestampArray(
        epochMicros values: [Int64?]
    ) -> PostgresParameter {
        array(of: .timestamptz, as: .timestamptzArray, values) {
            appendBigEndian($0 &- postgresEpochMicros, to: &$1)
        }
    }

    /// `timestamptz[]`, from milliseconds since 1970 in UTC.
    package static func timestampArray(
        epochMillis values: [Int64?]
    ) -> PostgresParameter {
        array(of: .timestamptz, as: .timestamptzArray, values) {
            appendBigEndian($0 &* 1000 &- postgresEpochMicros, to: &$1)
        }
    }

    /// One dimension, lower bound 1; an array without elements has no dimension.
    static func array<Element>(
        of element: PostgresType, as type: PostgresType, _ values: [Element?],
        _ append: (Element, inout [UInt8]) -> Void
    ) -> PostgresParameter {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20 + values.count * 24)
        appendBigEndian(Int32(values.isEmpty ? 0 : 1), to: &bytes)
        appendBigEndian(Int32(0), to: &bytes)
        appendBigEndian(element.rawValue, to: &bytes)
        if !values.isEmpty {
            appendBigEndian(Int32(values.count), to: &bytes)
            appendBigEndian(Int32(1), to: &bytes)
        }
        var hasNull = false
        for value in values {
            guard let value else {
                hasNull = true
                appendBigEndian(Int32(-1), to: &bytes)
                continue
            }
            let lengthAt = bytes.count
            appendBigEndian(Int32(0), to: &bytes)
            append(value, &bytes)
            let length = UInt32(bytes.count - lengthAt - 4)
            for place in 0..<4 {
                bytes[lengthAt + place] = UInt8(truncatingIfNeeded: length >> (24 - 8 * place))
            }
        }
        if hasNull { bytes[7] = 1 }
        return PostgresParameter(type: type, bytes: bytes)
    }
}

/// A type by its fixed object identifier, from `pg_type.dat` of PostgreSQL 15.
package struct PostgresType: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let bool = PostgresType(rawValue: 16)
    package static let bytea = PostgresType(rawValue: 17)
    package static let int8 = PostgresType(rawValue: 20)
    package static let int2 = PostgresType(rawValue: 21)
    package static let int4 = PostgresType(rawValue: 23)
    package static let text = PostgresType(rawValue: 25)
    package static let json = PostgresType(rawValue: 114)
    package static let varchar = PostgresType(rawValue: 1043)
    package static let name = PostgresType(rawValue: 19)
    package static let timestamptz = PostgresType(rawValue: 1184)
    package static let uuid = PostgresType(rawValue: 2950)
    package static let boolArray = PostgresType(rawValue: 1000)
    package static let int4Array = PostgresType(rawValue: 1007)
    package static let textArray = PostgresType(rawValue: 1009)
    package static let int8Array = PostgresType(rawValue: 1016)
    package static let timestamptzArray = PostgresType(rawValue: 1185)
    package static let uuidArray = PostgresType(rawValue: 2951)
}

/// 2000-01-01 in UTC, from which Postgres counts, in microseconds since 1970.
let postgresEpochMicros: Int64 = 946_684_800_000_000

func appendBigEndian<Value: FixedWidthInteger>(_ value: Value, to bytes: inout [UInt8]) {
    var shift = Value.bitWidth
    while shift > 0 {
        shift -= 8
        bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
}

private func bigEndianBytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Value.bitWidth / 8)
    appendBigEndian(value, to: &bytes)
    return bytes
}
