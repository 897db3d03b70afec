package import Messages
package import PostgresShim
package import RestGateway

/// Looks up in Postgres what has happened to carts.
package struct PostgresHistoryReader: HistoryReader {
    private let pool: PostgresPool

    package init(_ pool: PostgresPool) { self.pool = pool }

    package func events(
        of cartID: CartID, after version: Int, limit: Int
    ) async throws -> [CartEventText] {
        let rows = try await pool.withConnection { connection in
            try await connection.execute(
                """
                SELECT version, data FROM cart_event
                WHERE cart_id = $1 AND version > $2 ORDER BY version LIMIT $3
                """, [.uuid(cartID.bits), .int8(Int64(version)), .int8(Int64(limit))])
        }
        return try (0..<rows.rowCount).map { row in
            CartEventText(version: Int(try rows.int8(row, 0)), json: try rows.bytes(row, 1))
        }
    }
}
