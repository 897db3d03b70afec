import Glibc
import Telemetry
import Testing
import Threading

@testable import PostgresShim

@Suite struct PostgresConnectionTests {
    @Test func `every type survives the way to the server and back`() async throws {
        try await withConnection { connection in
            let big = UInt128(0x8F3C_1A52_6E0B_4D7C) << 64 | 0x9A41_5B2E_70D3_C6F8
            let rows = try await connection.execute(
                """
                SELECT $1::text, $2::int8, $3::int4, $4::bool, $5::uuid, $6::timestamptz,
                    $7::json, $8::bytea, $9::text, $3::int2
                """,
                [
                    .text("Schraubenschlüssel \u{1F527}"), .int8(.min), .int4(-7), .bool(true),
                    .uuid(big), .timestamp(epochMicros: 1_700_000_000_123_456),
                    .json(#"{"a":1}"#), .bytes([0, 255]), .text(""),
                ])
            #expect(try rows.text(0, 0) == "Schraubenschlüssel \u{1F527}")
            #expect(try rows.int8(0, 1) == .min)
            #expect(try rows.int4(0, 2) == -7)
            #expect(try rows.bool(0, 3))
            #expect(try rows.uuid(0, 4) == big)
            #expect(try rows.timestampMicros(0, 5) == 1_700_000_000_123_456)
            #expect(try rows.timestampMillis(0, 5) == 1_700_000_000_123)
            #expect(try rows.bytes(0, 6) == Array(#"{"a":1}"#.utf8))
            #expect(try rows.bytes(0, 7) == [0, 255])
            #expect(try rows.text(0, 8) == "")
            #expect(try rows.int8(0, 9) == -7)
        }
    }

    @Test func `the server reads a uuid and a timestamp as they were meant`() async throws {
        try await withConnection { connection in
            let rows = try await connection.execute(
                "SELECT $1::uuid::text, extract(epoch FROM $2::timestamptz)::int8",
                [.uuid(0x0102), .timestamp(epochMillis: -1_000)])
            #expect(try rows.text(0, 0) == "00000000-0000-0000-0000-000000000102")
            #expect(try rows.int8(0, 1) == -1)
        }
    }

    @Test func `nulls of every type stay null`() async throws {
        try await withConnection { connection in
            let rows = try await connection.execute(
                "SELECT $1::text, $2::int8, $3::uuid, $4::timestamptz",
                [.text(nil), .int8(nil), .uuid(nil), .null(.timestamptz)])
            #expect(try rows.isNull(0, 0))
            #expect(try rows.textIfPresent(0, 0) == nil)
            #expect(try rows.int8IfPresent(0, 1) == nil)
            #expect(try rows.uuidIfPresent(0, 2) == nil)
            #expect(try rows.timestampMicrosIfPresent(0, 3) == nil)
            let error = try await postgresError { _ = try rows.text(0, 0) }
            #expect(error.kind == .decoding)
        }
    }

    @Test func `arrays with nulls are rows of unnest`() async throws {
        try await withConnection { connection in
            let rows = try await connection.execute(
                """
                SELECT * FROM unnest($1::text[], $2::int8[], $3::int4[], $4::uuid[], $5::bool[],
                    $6::timestamptz[])
                """,
                [
                    .textArray(["a", nil, "{\"c\"}"]), .int8Array([1, nil, -3]),
                    .int4Array([nil, 2, 3]), .uuidArray([1, 2, nil]),
                    .boolArray([true, false, nil]), .timestampArray(epochMillis: [5, nil, 7]),
                ])
            #expect(rows.rowCount == 3)
            #expect(try rows.text(2, 0) == "{\"c\"}")
            #expect(try rows.textIfPresent(1, 0) == nil)
            #expect(try rows.int8(2, 1) == -3)
            #expect(try rows.int8IfPresent(0, 2) == nil)
            #expect(try rows.uuid(1, 3) == 2)
            #expect(try rows.bool(0, 4))
            #expect(try rows.timestampMillis(2, 5) == 7)
        }
    }

    @Test func `an empty array has no rows`() async throws {
        try await withConnection { connection in
            let rows = try await connection.execute(
                "SELECT * FROM unnest($1::text[])", [.textArray([])])
            #expect(rows.rowCount == 0)
        }
    }

    @Test func `a wrong type or place is a decoding error`() async throws {
        try await withConnection { connection in
            let rows = try await connection.execute("SELECT 1::int8, 5000000000::int8")
            for read in [
                { _ = try rows.text(0, 0) }, { _ = try rows.int8(1, 0) },
                { _ = try rows.int8(0, 2) }, { _ = try rows.int4(0, 1) },
            ] as [() throws -> Void] {
                let error = try await postgresError { try read() }
                #expect(error.kind == .decoding)
            }
        }
    }

    @Test func `a pipeline returns one result for each statement`() async throws {
        try await withConnection { connection in
            let results = try await connection.pipeline([
                PostgresStatement("CREATE TABLE item (id int8 PRIMARY KEY)"),
                .begin,
                PostgresStatement(
                    "INSERT INTO item SELECT * FROM unnest($1::int8[])", [.int8Array([1, 2, 3])]),
                PostgresStatement("SELECT count(*) FROM item"),
                .commit,
            ])
            #expect(results.count == 5)
            #expect(results[2].affectedCount == 3)
            #expect(try results[3].int8(0, 0) == 3)
            #expect(connection.state == .idle)
        }
    }

    @Test func `a flight's results decide what the next one does`() async throws {
        try await withConnection { connection in
            _ = try await connection.execute("CREATE TABLE item (id int8 PRIMARY KEY)")
            let count = PostgresStatement("SELECT count(*) FROM item")
            for expected in 0...2 as ClosedRange<Int64> {
                let found = try await connection.pipeline([.begin, count]) { read in
                    let found = try read[1].int8(0, 0)
                    let insert = PostgresStatement("INSERT INTO item VALUES ($1)", [.int8(found)])
                    return ([insert, .commit], found)
                }
                #expect(found == expected)
                #expect(connection.state == .idle)
            }
            let error = try await postgresError {
                _ = try await connection.pipeline([.begin, count]) { read in
                    ([PostgresStatement]([.commit]), try read[1].text(0, 0))
                }
            }
            #expect(error.kind == .decoding)
            #expect(connection.state == .inTransaction)
        }
    }

    @Test func `the first error of a pipeline aborts the rest and rolls back`() async throws {
        try await withConnection { connection in
            _ = try await connection.execute("CREATE TABLE item (id int8 PRIMARY KEY)")
            let insert = PostgresStatement("INSERT INTO item VALUES ($1)", [.int8(1)])
            let error = try await postgresError {
                _ = try await connection.pipeline([.begin, insert, insert, insert, .commit])
            }
            #expect(error.isUniqueViolation)
            #expect(error.statementIndex == 2)
            #expect(error.constraint == "item_pkey")
            #expect(error.detail?.contains("(id)=(1)") == true)
            #expect(!error.isRetriable && !error.isCommitUnknown && !error.isConnectionLost)
            #expect(connection.state == .idle)
            let count = try await connection.execute("SELECT count(*) FROM item").int8(0, 0)
            #expect(count == 0)
        }
    }

    @Test func `a failed statement inside an open transaction rolls it back`() async throws {
        try await withConnection { connection in
            _ = try await connection.pipeline([.begin])
            #expect(connection.state == .inTransaction)
            let error = try await postgresError { _ = try await connection.execute("SELECT 1 / 0") }
            #expect(error.sqlState == "22012")
            #expect(connection.state == .idle)
        }
    }

    @Test func `a syntax error names its statement and leaves the connection usable`() async throws
    {
        try await withConnection { connection in
            let error = try await postgresError {
                _ = try await connection.pipeline([
                    PostgresStatement("SELECT 1"), PostgresStatement("SELEKT 2"),
                ])
            }
            #expect(error.sqlState == "42601")
            #expect(error.statementIndex == 1)
            try await connection.ping()
        }
    }

    @Test func `a statement is prepared once`() async throws {
        try await withConnection { connection in
            for number in Int64(0)..<5 {
                _ = try await connection.execute("SELECT $1::int8 + 1000", [.int8(number)])
            }
            let count = try await connection.execute(
                "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%+ 1000'"
            ).int8(0, 0)
            #expect(count == 1)
        }
    }

    @Test func `the same text with other types is another statement`() async throws {
        try await withConnection { connection in
            let first = try await connection.execute("SELECT pg_typeof($1)::text", [.int8(1)])
            let second = try await connection.execute("SELECT pg_typeof($1)::text", [.text("1")])
            #expect(try first.text(0, 0) == "bigint")
            #expect(try second.text(0, 0) == "text")
        }
    }

    @Test func `a table that changed shape is prepared anew`() async throws {
        try await withConnection { connection in
            _ = try await connection.execute("CREATE TABLE item (id int8)")
            _ = try await connection.execute("SELECT * FROM item")
            _ = try await connection.execute("ALTER TABLE item ADD COLUMN name text")
            let error = try await postgresError {
                _ = try await connection.execute("SELECT * FROM item")
            }
            #expect(error.sqlState == "0A000")
            #expect(try await connection.execute("SELECT * FROM item").columnCount == 2)
        }
    }

    @Test func `more texts than the cache holds still run`() async throws {
        try await withConnection { connection in
            for number in 0..<(PostgresHandle.preparedCountMax + 3) {
                let rows = try await connection.execute("SELECT $1::int8 + \(number)", [.int8(1)])
                #expect(try rows.int8(0, 0) == Int64(number + 1))
            }
        }
    }

    @Test func `more data than the socket buffers hold flows both ways`() async throws {
        try await withConnection { connection in
            let text = String(repeating: "x", count: 1_000_000)
            let results = try await connection.pipeline(
                (0..<16).map { _ in PostgresStatement("SELECT $1::text", [.text(text)]) })
            #expect(try results.allSatisfy { try $0.text(0, 0) == text })
        }
    }

    @Test func `a statement time-out is retriable and costs no connection`() async throws {
        try await withConnection {
            $0.statementTimeout = .milliseconds(50)
        } _: { connection in
            let error = try await postgresError {
                _ = try await connection.execute("SELECT pg_sleep(30)")
            }
            #expect(error.sqlState == "57014")
            #expect(error.isRetriable && !error.isConnectionLost)
            try await connection.ping()
        }
    }

    @Test func `a deadlock is retriable`() {
        for state in ["40001", "40P01", "57P01", "57P03", "08006", "53300"] {
            #expect(PostgresError(kind: .server, sqlState: state, message: "").isRetriable)
        }
        for state in ["23505", "23514", "42601", "22012"] {
            #expect(!PostgresError(kind: .server, sqlState: state, message: "").isRetriable)
        }
    }
}
