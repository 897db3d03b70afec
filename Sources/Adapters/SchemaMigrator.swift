package import PostgresShim
package import Telemetry

/// Why the schema could not be brought to this binary's version.
package enum SchemaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The database was migrated by a newer binary; it is left alone.
    case newerThanBinary(database: Int, binary: Int)
    /// Postgres is away or refused.
    case postgres(PostgresError)

    package var description: String {
        switch self {
        case .newerThanBinary(let database, let binary):
            "the database has schema version \(database), this program knows \(binary): "
                + "run the newer program"
        case .postgres(let error): error.description
        }
    }
}

/// Creates the schema or brings an older one up to date.
///
/// Each step is one transaction under an advisory lock, so migrators that run at the same time wait
/// for each other and each step happens once; running again is harmless.
package struct SchemaMigrator: Sendable {
    /// The first key of the advisory lock; the second is a hash of the schema's name.
    private static let lockKey: Int32 = 0x484F_4C44

    private let configuration: PostgresConfiguration
    private let logger: Logger
    private let migrations: [Schema.Migration]

    /// A migrator for the database, or the schema that `search_path` names in it.
    package init(_ configuration: PostgresConfiguration, logger: Logger) {
        self.init(configuration, logger: logger, migrations: Schema.migrations)
    }

    init(
        _ configuration: PostgresConfiguration, logger: Logger, migrations: [Schema.Migration]
    ) {
        var patient = configuration
        patient.statementTimeout = .seconds(600)
        patient.callTimeout = .seconds(630)
        self.configuration = patient
        self.logger = logger
        self.migrations = migrations
    }

    /// Carries out the steps that are missing.
    ///
    /// - Returns: the version that was found and the version that stands now.
    package func migrate() async throws(SchemaError) -> (from: Int, to: Int) {
        do {
            let connection = try await PostgresConnection.connect(configuration)
            do {
                let found = try await migrate(on: connection)
                await connection.close()
                return found
            } catch {
                await connection.close()
                throw error
            }
        } catch let error as PostgresError {
            throw .postgres(error)
        } catch let error as SchemaError {
            throw error
        } catch {
            preconditionFailure("an error of another kind: \(error)")
        }
    }

    /// The version that the database has; 0 where there is no schema.
    package func currentVersion() async throws(SchemaError) -> Int {
        do throws(PostgresError) {
            let connection = try await PostgresConnection.connect(configuration)
            let exists = try await connection.execute(
                "SELECT to_regclass('schema_migration') IS NOT NULL"
            ).bool(0, 0)
            let version =
                exists
                ? Int(try await connection.execute(Self.versionQuery).int8(0, 0)) : 0
            await connection.close()
            return version
        } catch {
            throw .postgres(error)
        }
    }

    private static let versionQuery = "SELECT coalesce(max(version), 0) FROM schema_migration"

    private func migrate(
        on connection: PostgresConnection
    ) async throws -> (from: Int, to: Int) {
        var first: Int?
        while true {
            let found = try await connection.pipeline([
                .begin,
                PostgresStatement(
                    "SELECT pg_advisory_xact_lock($1, hashtext(current_schema()))",
                    [.int4(Self.lockKey)]),
                PostgresStatement(
                    """
                    CREATE TABLE IF NOT EXISTS schema_migration (
                        version int PRIMARY KEY,
                        name text NOT NULL,
                        applied_at timestamptz NOT NULL DEFAULT now()
                    )
                    """),
                PostgresStatement(Self.versionQuery),
            ])
            let version = Int(try found[3].int8(0, 0))
            guard version <= migrations.count else {
                _ = try await connection.pipeline([.rollback])
                throw SchemaError.newerThanBinary(database: version, binary: migrations.count)
            }
            let from = first ?? version
            first = from
            guard version < migrations.count else {
                _ = try await connection.pipeline([.commit])
                return (from, version)
            }
            let step = migrations[version]
            _ = try await connection.pipeline(
                step.statements.map { PostgresStatement($0) } + [
                    PostgresStatement(
                        "INSERT INTO schema_migration (version, name) VALUES ($1, $2)",
                        [.int4(Int32(version + 1)), .text(step.name)]),
                    .commit,
                ])
            logger.info("schema migrated", ["version": "\(version + 1)", "name": step.name])
        }
    }
}
