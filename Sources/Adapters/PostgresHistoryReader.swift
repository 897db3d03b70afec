package import Messages
package import PostgresShim
package import RestGateway

/// Looks up in Postgres what has happened to carts.
package struct PostgresHistoryReader: HistoryReader {
    private let pool: PostgresPool

    package init(_ pool: PostgresPool) { self.pool = pool }

    package func history(
        of cartID: CartID, after version: Int, limit: Int
    ) async throws -> CartHistoryPage? {
        let found = try await pool.pipeline([
            PostgresStatement(
                """
                SELECT version, data FROM cart_event
                WHERE cart_id = $1 AND version > $2 ORDER BY version LIMIT $3
                """, [.uuid(cartID.bits), .int8(Int64(version)), .int8(Int64(limit))]),
            PostgresStatement(
                """
                SELECT greatest(
                    (SELECT max(version) FROM cart_event WHERE cart_id = $1),
                    (SELECT version FROM cart_snapshot WHERE cart_id = $1))
                """, [.uuid(cartID.bits)]),
        ])
        guard let last = try found[1].int8IfPresent(0, 0) else { return nil }
        let events = try (0..<found[0].rowCount).map { row in
            CartEventText(
                version: Int(try found[0].int8(row, 0)), json: try found[0].bytes(row, 1))
        }
        return CartHistoryPage(events: events, version: Int(last))
    }
}
