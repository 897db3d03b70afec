internal import CLibPQ

/// The rows that one statement returned, in binary, as libpq holds them.
///
/// Reading copies a value out; a wrong type, a null or a place outside throws a decoding error.
///
/// `@unchecked Sendable`: "PGresult objects are normally read-only after creation, and so can be
/// passed around freely between threads" (PostgreSQL 15 documentation, 34.20).
@safe package final class PostgresResult: @unchecked Sendable {
    private let pointer: OpaquePointer

    /// How many rows came back.
    package let rowCount: Int
    /// How many columns a row has.
    package let columnCount: Int

    /// Takes the result over and frees it in the end.
    init(owning pointer: OpaquePointer) {
        unsafe self.pointer = unsafe pointer
        rowCount = Int(unsafe PQntuples(pointer))
        columnCount = Int(unsafe PQnfields(pointer))
    }

    deinit { unsafe PQclear(pointer) }

    /// How many rows the statement wrote or returned, by its command tag.
    package var affectedCount: Int {
        Int(unsafe String(cString: PQcmdTuples(pointer))) ?? 0
    }

    /// Whether the value is null.
    package func isNull(_ row: Int, _ column: Int) throws(PostgresError) -> Bool {
        try checkPlace(row, column)
        return unsafe PQgetisnull(pointer, Int32(row), Int32(column)) != 0
    }

    /// A text, varchar, name or json value.
    package func text(_ row: Int, _ column: Int) throws(PostgresError) -> String {
        try present(textIfPresent(row, column), row, column)
    }

    /// A text, varchar, name or json value, or nil for null.
    package func textIfPresent(_ row: Int, _ column: Int) throws(PostgresError) -> String? {
        try unsafe value(row, column, .text, .varchar, .name, .json) { bytes in
            unsafe String(decoding: bytes, as: UTF8.self)
        }
    }

    /// The UTF-8 of a text, varchar, name, json or bytea value.
    package func bytes(_ row: Int, _ column: Int) throws(PostgresError) -> [UInt8] {
        let found: [UInt8]? = try unsafe value(row, column, .text, .varchar, .name, .json, .bytea) {
            unsafe Array($0)
        }
        return try present(found, row, column)
    }

    /// An integer of any width.
    package func int8(_ row: Int, _ column: Int) throws(PostgresError) -> Int64 {
        try present(int8IfPresent(row, column), row, column)
    }

    /// An integer of any width, or nil for null.
    package func int8IfPresent(_ row: Int, _ column: Int) throws(PostgresError) -> Int64? {
        try unsafe value(row, column, .int8, .int4, .int2) { bytes in
            let sign: Int64 = unsafe (bytes.first ?? 0) >= 0x80 ? -1 : 0
            return unsafe bytes.reduce(sign) { $0 << 8 | Int64($1) }
        }
    }

    /// An `int4` or `int2`.
    package func int4(_ row: Int, _ column: Int) throws(PostgresError) -> Int32 {
        let wide = try int8(row, column)
        guard let value = Int32(exactly: wide) else {
            throw mismatch(row, column, "does not fit 32 bits")
        }
        return value
    }

    /// A truth value.
    package func bool(_ row: Int, _ column: Int) throws(PostgresError) -> Bool {
        let found: Bool? = try unsafe value(row, column, .bool) { bytes in unsafe bytes.first == 1 }
        return try present(found, row, column)
    }

    /// A UUID, its first byte the most significant.
    package func uuid(_ row: Int, _ column: Int) throws(PostgresError) -> UInt128 {
        try present(uuidIfPresent(row, column), row, column)
    }

    /// A UUID, or nil for null.
    package func uuidIfPresent(_ row: Int, _ column: Int) throws(PostgresError) -> UInt128? {
        try unsafe value(row, column, .uuid) { bytes in
            unsafe bytes.reduce(0) { $0 << 8 | UInt128($1) }
        }
    }

    /// A `timestamptz` in microseconds since 1970 in UTC.
    package func timestampMicros(_ row: Int, _ column: Int) throws(PostgresError) -> Int64 {
        try present(timestampMicrosIfPresent(row, column), row, column)
    }

    /// A `timestamptz` in microseconds since 1970 in UTC, or nil for null.
    package func timestampMicrosIfPresent(
        _ row: Int, _ column: Int
    ) throws(PostgresError) -> Int64? {
        try unsafe value(row, column, .timestamptz) { bytes in
            let micros = unsafe bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return Int64(bitPattern: micros) &+ postgresEpochMicros
        }
    }

    /// A `timestamptz` in milliseconds since 1970 in UTC, rounded down.
    package func timestampMillis(_ row: Int, _ column: Int) throws(PostgresError) -> Int64 {
        let micros = try timestampMicros(row, column)
        return (micros - (micros % 1000 + 1000) % 1000) / 1000
    }

    private func value<Value>(
        _ row: Int, _ column: Int, _ types: PostgresType...,
        read: (UnsafeRawBufferPointer) -> Value
    ) throws(PostgresError) -> Value? {
        try checkPlace(row, column)
        let (row, column) = (Int32(row), Int32(column))
        let type = PostgresType(rawValue: unsafe PQftype(pointer, column))
        guard types.contains(type), unsafe PQfformat(pointer, column) == 1 else {
            throw mismatch(Int(row), Int(column), "has type \(type.rawValue)")
        }
        if unsafe PQgetisnull(pointer, row, column) != 0 { return nil }
        let length = Int(unsafe PQgetlength(pointer, row, column))
        return unsafe read(
            UnsafeRawBufferPointer(start: PQgetvalue(pointer, row, column), count: length))
    }

    private func checkPlace(_ row: Int, _ column: Int) throws(PostgresError) {
        guard 0..<rowCount ~= row, 0..<columnCount ~= column else {
            throw mismatch(row, column, "is outside \(rowCount) rows of \(columnCount) columns")
        }
    }

    private func present<Value>(
        _ value: Value?, _ row: Int, _ column: Int
    ) throws(PostgresError) -> Value {
        guard let value else { throw mismatch(row, column, "is null") }
        return value
    }

    private func mismatch(_ row: Int, _ column: Int, _ fault: String) -> PostgresError {
        PostgresError(
            kind: .decoding, sqlState: "42804", message: "row \(row), column \(column) \(fault)")
    }
}
