import PostgresShim
import RestGateway

/// What follows the COPY of a load, in the transaction that it began.
struct LoaderMerge {
    /// How a merge ended.
    enum Outcome {
        case merged(LoadReport)
        /// A code stands more than once; nothing was changed.
        case duplicates([LoadFault], isComplete: Bool)
    }

    let connection: PostgresConnection
    let rowCount: Int

    /// Merges and commits, unless a code stands twice.
    func run(
        _ table: (some LoadedTable).Type, faultsMax: Int
    ) async throws(PostgresError) -> Outcome {
        // Writers that would come between what is compared and what is written wait here.
        _ = try await connection.pipeline([PostgresStatement("ANALYZE staging"), table.lock])
        let duplicates = try await findDuplicates(faultsMax: faultsMax)
        if !duplicates.isEmpty {
            return .duplicates(
                Array(duplicates.prefix(faultsMax)), isComplete: duplicates.count <= faultsMax)
        }
        let report = try await table.merge(on: connection, rowCount: rowCount)
        _ = try await connection.pipeline([.commit])
        return .merged(report)
    }

    /// One fault for each repetition of a code, and one more than asked for if there are more.
    private func findDuplicates(faultsMax: Int) async throws(PostgresError) -> [LoadFault] {
        let codes = """
            SELECT product_code, min(line) AS first_line FROM staging
            GROUP BY product_code HAVING count(*) > 1
            """
        // Nearly always there are none, and counting is much cheaper than listing.
        let any = try await connection.execute("SELECT 1 FROM (\(codes)) AS twice LIMIT 1")
        if any.rowCount == 0 { return [] }
        let rows = try await connection.execute(
            """
            SELECT line, product_code, first_line FROM (
                SELECT staging.line, product_code, twice.first_line,
                    row_number() OVER (PARTITION BY product_code ORDER BY staging.line) AS place
                FROM staging JOIN (\(codes)) AS twice USING (product_code)
            ) AS repeated
            WHERE place > 1 ORDER BY line LIMIT $1
            """, [.int8(Int64(faultsMax) + 1)])
        var faults: [LoadFault] = []
        for row in 0..<rows.rowCount {
            let code = try rows.text(row, 1)
            let first = try rows.int8(row, 2)
            faults.append(
                LoadFault(
                    line: Int(try rows.int8(row, 0)),
                    reason: "the product code \(code) stands on line \(first) already"))
        }
        return faults
    }
}
