package import Catalogue
package import Messages
package import PostgresShim
package import RestGateway
package import Telemetry

/// Changes products in Postgres, which is their record; the log follows.
package struct PostgresProductStore: ProductStore {
    private let pool: PostgresPool
    private let load: PostgresConfiguration
    private let logger: Logger
    private let onWrite: @Sendable () -> Void

    /// - Parameters:
    ///   - load: the database for loads, each of which has a connection of its own.
    ///   - onWrite: called after each commit that leaves something to be published.
    package init(
        _ pool: PostgresPool, load: PostgresConfiguration, logger: Logger,
        onWrite: @escaping @Sendable () -> Void
    ) {
        self.pool = pool
        self.load = load
        self.logger = logger
        self.onWrite = onWrite
    }

    package func change(
        _ code: ProductCode, _ change: ProductChange
    ) async throws -> ProductOutcome {
        let outcome = try await pool.withConnection { connection in
            try await Self.change(code, change, on: connection)
        }
        switch outcome {
        case .created, .changed, .removed: onWrite()
        case .unchanged, .unknownProduct: break
        }
        return outcome
    }

    package func beginLoad(format: LoadFormat) async throws -> any TableLoad {
        _ = try await SchemaMigrator(load, logger: logger).migrate()
        return PostgresTableLoad(
            loader: TableLoader<ProductTable>(load, format: format), onCommit: onWrite)
    }

    private static func change(
        _ code: ProductCode, _ change: ProductChange, on connection: PostgresConnection
    ) async throws -> ProductOutcome {
        let found = try await connection.pipeline([
            .begin, ProductRows.writerLock, ProductRows.find(code),
        ])
        let current =
            found[2].rowCount == 1 ? try ProductRows.event(found[2], 0).product : nil
        switch try change.decide(code, current) {
        case .write(var product):
            let written = try await connection.pipeline([ProductRows.write(product), .commit])
            product.revision = Int(try written[0].int8(0, 0))
            return current == nil ? .created(product) : .changed(product)
        case .remove:
            let written = try await connection.pipeline([ProductRows.remove(code), .commit])
            return .removed(revision: Int(try written[0].int8(0, 0)))
        case .unchanged:
            _ = try await connection.pipeline([.rollback])
            return current.map { .unchanged($0) } ?? .unknownProduct
        case .unknownProduct:
            _ = try await connection.pipeline([.rollback])
            return .unknownProduct
        }
    }
}
