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

    package func beginLoad(format: InventoryFormat) async throws -> any InventoryLoad {
        let configuration = PostgresConfiguration(
            url: databaseURL, applicationName: "holdfast-load")
        _ = try await SchemaMigrator(configuration, logger: logger).migrate()
        return PostgresInventoryLoad(
            loader: InventoryLoader(configuration, format: format == .csv ? .csv : .json))
    }
}

private struct PostgresInventoryLoad: InventoryLoad {
    let loader: InventoryLoader

    func feed(_ bytes: [UInt8]) async throws {
        do throws(InventoryLoadError) {
            try await loader.feed(bytes)
        } catch {
            throw refusal(error)
        }
    }

    func finish() async throws -> LoadReport {
        do throws(InventoryLoadError) {
            return try await loader.finish()
        } catch {
            throw refusal(error)
        }
    }

    func cancel() async { await loader.abort() }

    private func refusal(_ error: InventoryLoadError) -> any Error {
        guard case .malformed(let faults, _) = error else { return error }
        return LoadRefusal(
            errors: faults.map { LoadRefusal.LineError(line: $0.line, reason: $0.reason) })
    }
}
