import Adapters
import PostgresShim
import Settings
import Telemetry

/// `holdfast migrate`: creates or upgrades the schema.
enum MigrateCommand {
    static func run(_ settings: Settings, _ logger: Logger) async throws {
        let migrator = SchemaMigrator(
            PostgresConfiguration(
                url: settings[Configuration.databaseURL].text, applicationName: "holdfast-migrate"),
            logger: logger)
        let (from, to) = try await migrator.migrate()
        logger.info(
            from == to ? "The schema is up to date." : "The schema was brought up to date.",
            ["from": "\(from)", "to": "\(to)"])
    }
}
