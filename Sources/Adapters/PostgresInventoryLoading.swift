import PostgresShim
package import RestGateway
package import Telemetry

/// Loads inventories into Postgres, whose schema it brings up to date first.
package struct PostgresInventoryLoading: InventoryLoading {
    private let databaseURL: String
    private let logger: Logger

    package init(databaseURL: String, logger: Logger) {
        self.databaseURL = databaseURL
        self.logger = logger
    }

    package func beginLoad(format: LoadFormat) async throws -> any TableLoad {
        let configuration = PostgresConfiguration(
            url: databaseURL, applicationName: "holdfast-load")
        _ = try await SchemaMigrator(configuration, logger: logger).migrate()
        return PostgresTableLoad(loader: InventoryLoader(configuration, format: format))
    }
}
