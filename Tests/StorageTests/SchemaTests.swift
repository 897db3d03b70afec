import PostgresShim
import Telemetry
import Testing

@testable import Adapters

@Suite struct SchemaTests {
    @Test func `the schema is created once, and again is harmless`() async throws {
        try await withSchema { configuration in
            let migrator = SchemaMigrator(configuration, logger: quiet)
            #expect(try await migrator.currentVersion() == 0)
            let first = try await migrator.migrate()
            #expect(first.from == 0 && first.to == Schema.version)
            let second = try await migrator.migrate()
            #expect(second.from == Schema.version && second.to == Schema.version)
            #expect(try await migrator.currentVersion() == Schema.version)
        }
    }

    @Test func `migrators at the same time carry out each step once`() async throws {
        try await withSchema { configuration in
            let found = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await SchemaMigrator(configuration, logger: quiet).migrate().from
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(found.filter { $0 == 0 }.count == 1)
        }
    }

    @Test func `further steps are added to an older schema`() async throws {
        try await withSchema { configuration in
            _ = try await SchemaMigrator(configuration, logger: quiet).migrate()
            let more = SchemaMigrator(
                configuration, logger: quiet,
                migrations: Schema.migrations + [
                    .init(
                        name: "colours",
                        statements: ["ALTER TABLE inventory ADD COLUMN colour text"])
                ])
            let found = try await more.migrate()
            #expect(found.from == Schema.version && found.to == Schema.version + 1)
            let error = await #expect(throws: SchemaError.self) {
                try await SchemaMigrator(configuration, logger: quiet).migrate()
            }
            #expect(
                error
                    == .newerThanBinary(database: Schema.version + 1, binary: Schema.version))
        }
    }

    @Test func `a step that fails leaves nothing behind`() async throws {
        try await withSchema { configuration in
            let broken = SchemaMigrator(
                configuration, logger: quiet,
                migrations: [
                    .init(
                        name: "broken",
                        statements: ["CREATE TABLE half (id int)", "CREATE TABLE half (id int)"])
                ])
            await #expect(throws: SchemaError.self) { try await broken.migrate() }
            #expect(try await broken.currentVersion() == 0)
            let found = try await SchemaMigrator(configuration, logger: quiet).migrate()
            #expect(found.from == 0 && found.to == Schema.version)
        }
    }

    @Test(arguments: [
        "INSERT INTO inventory (product_code, name, quantity, held) VALUES ('A', 'a', 1, 2)",
        "INSERT INTO inventory (product_code, name, quantity, held) VALUES ('A', 'a', 1, -1)",
        """
        INSERT INTO hold VALUES (gen_random_uuid(), 'r', 'A', 'u', 1, 2, 'held', NULL, NULL, now(),
            now())
        """,
        """
        INSERT INTO hold VALUES (gen_random_uuid(), 'r', 'A', 'u', 1, -1, 'held', NULL, NULL, now(),
            now())
        """,
        """
        INSERT INTO hold VALUES (gen_random_uuid(), 'r', 'A', 'u', 1, 1, 'lost', NULL, NULL, now(),
            now())
        """,
        "INSERT INTO cart_event VALUES (gen_random_uuid(), 0, 1, 'r', 't', '{}', now())",
        owed("'ask'", "'A', 'u', 1, NULL"), owed("'ask'", "'A', 'u', NULL, now()"),
        owed("'lower'", "'A', 'u', 1, now()"), owed("'lower'", "NULL, 'u', 1, NULL"),
        owed("'fetch'", "'A', 'u', NULL, NULL"), owed("'fetch'", "NULL, 'u', 1, NULL"),
        owed("'fetch'", "NULL, 'u', NULL, now()"), owed("'gift'", "'A', 'u', 1, now()"),
    ])
    func `the tables refuse what must never be`(statement: String) async throws {
        try await withSchema { configuration in
            _ = try await SchemaMigrator(configuration, logger: quiet).migrate()
            let connection = try await PostgresConnection.connect(configuration)
            let error = try await postgresError { _ = try await connection.execute(statement) }
            #expect(error.sqlState == "23514")
            await connection.close()
        }
    }

    @Test func `what is available is what is there and not held`() async throws {
        try await withSchema { configuration in
            _ = try await SchemaMigrator(configuration, logger: quiet).migrate()
            let connection = try await PostgresConnection.connect(configuration)
            _ = try await connection.execute(
                "INSERT INTO inventory (product_code, name, quantity, held) VALUES ('A', 'a', 5, 2)"
            )
            let rows = try await connection.execute("SELECT available FROM available_products")
            #expect(try rows.int8(0, 0) == 3)
            await connection.close()
        }
    }
}

/// - Parameter rest: product code, user ID, quantity and how long the ask is valid.
private func owed(_ kind: String, _ rest: String) -> String {
    "INSERT INTO cart_obligation VALUES (gen_random_uuid(), 'r', 1, \(kind), \(rest), now())"
}
