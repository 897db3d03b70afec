package import Messages
package import PostgresShim
package import RestGateway

/// Looks stock up in Postgres.
package struct PostgresStockReader: StockReader {
    private let pool: PostgresPool

    package init(_ pool: PostgresPool) { self.pool = pool }

    package func stock(of productCode: ProductCode) async throws -> Stock? {
        let rows = try await pool.withConnection { connection in
            try await connection.execute(
                """
                SELECT name, quantity, held, available FROM available_products
                WHERE product_code = $1
                """, [.text(productCode.text)])
        }
        guard rows.rowCount == 1 else { return nil }
        return Stock(
            code: productCode, name: try rows.text(0, 0), quantity: Int(try rows.int8(0, 1)),
            held: Int(try rows.int8(0, 2)), available: Int(try rows.int8(0, 3)))
    }
}
