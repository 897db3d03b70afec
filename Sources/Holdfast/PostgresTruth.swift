import Audit
import LoadTest
import PostgresShim

/// What Postgres has of the products of a load test.
struct PostgresTruth: TruthSource {
    private let configuration: PostgresConfiguration

    init(url: String) {
        configuration = PostgresConfiguration(url: url, applicationName: "holdfast-load")
    }

    func read(
        prefix: String, hold: (_ requestID: String, _ productCode: String, _ pieces: Int) -> Void
    ) async throws -> [StockRow] {
        try await snapshot { connection in
            var products: [StockRow] = []
            var stock = try await RowCursor(
                "load_stock",
                of: """
                    SELECT product_code, quantity, held FROM inventory
                    WHERE starts_with(product_code, $1)
                    """, [.text(prefix)], on: connection)
            while let (page, row) = stock.current {
                products.append(
                    StockRow(
                        productCode: try page.text(row, 0), quantity: Int(try page.int8(row, 1)),
                        held: Int(try page.int8(row, 2))))
                try await stock.advance()
            }
            var holds = try await RowCursor(
                "load_holds",
                of: """
                    SELECT request_id, product_code, hold_quantity FROM hold
                    WHERE starts_with(product_code, $1) AND hold_quantity > 0
                    """, [.text(prefix)], on: connection)
            while let (page, row) = holds.current {
                hold(
                    try page.text(row, 0), try page.text(row, 1), Int(try page.int8(row, 2)))
                try await holds.advance()
            }
            return products
        }
    }

    func expired(prefix: String) async throws -> Set<String> {
        try await snapshot { connection in
            var requests: Set<String> = []
            var holds = try await RowCursor(
                "load_expired",
                of: """
                    SELECT request_id FROM hold
                    WHERE starts_with(product_code, $1) AND hold_quantity = 0
                        AND expires_at <= clock_timestamp()
                    """, [.text(prefix)], on: connection)
            while let (page, row) = holds.current {
                requests.insert(try page.text(row, 0))
                try await holds.advance()
            }
            return requests
        }
    }

    private func snapshot<Value>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let connection = try await PostgresConnection.connect(configuration)
        do {
            _ = try await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            let value = try await body(connection)
            await connection.close()
            return value
        } catch {
            await connection.close()
            throw error
        }
    }
}
