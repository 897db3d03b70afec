import PostgresShim
import RestGateway

/// What follows the COPY of a load, in the transaction that it began.
struct InventoryLoaderMerge {
    /// How a merge ended.
    enum Outcome {
        case merged(LoadReport)
        /// A code stands more than once; nothing was changed.
        case duplicates([LoadFault], isComplete: Bool)
    }

    /// How many of the skipped rows are listed.
    private static let skippedListedMax = 100

    /// Opens the transaction and makes the staging table.
    static let staging: [PostgresStatement] = [
        .begin,
        PostgresStatement(
            """
            CREATE TEMPORARY TABLE staging (
                line bigint NOT NULL,
                product_code text COLLATE "C" NOT NULL,
                name text NOT NULL,
                quantity bigint NOT NULL,
                price_minor bigint NULL,
                is_price_given boolean NOT NULL
            ) ON COMMIT DROP
            """),
    ]

    /// Fills the staging table.
    static let copy = "COPY staging FROM STDIN (FORMAT binary)"

    /// The first key of the advisory lock, as the migrator's; the second sets them apart.
    private static let lockKey: Int32 = 0x484F_4C44

    let connection: PostgresConnection

    /// Merges and commits, unless a code stands twice.
    func run(rowCount: Int, faultsMax: Int) async throws(PostgresError) -> Outcome {
        _ = try await connection.pipeline([
            PostgresStatement("ANALYZE staging"),
            // Loads exclude each other, so that no other adds a product between lock and insert.
            PostgresStatement(
                "SELECT pg_advisory_xact_lock($1, hashtext('load ' || current_schema()))",
                [.int4(Self.lockKey)]),
        ])
        let duplicates = try await findDuplicates(faultsMax: faultsMax)
        if !duplicates.isEmpty {
            return .duplicates(
                Array(duplicates.prefix(faultsMax)), isComplete: duplicates.count <= faultsMax)
        }
        let results = try await connection.pipeline([
            changedStatement, PostgresStatement("ANALYZE changed"), lockStatement,
            skippedCountStatement, skippedStatement, updateStatement, insertStatement,
        ])
        var skipped: [LoadReport.Skipped] = []
        for row in 0..<results[4].rowCount {
            let held = try results[4].int8(row, 2)
            let quantity = try results[4].int8(row, 3)
            skipped.append(
                LoadReport.Skipped(
                    line: Int(try results[4].int8(row, 0)),
                    code: try results[4].text(row, 1),
                    reason: "the quantity \(quantity) is below the \(held) that are held"))
        }
        let skippedCount = Int(try results[3].int8(0, 0))
        let updated = results[5].affectedCount
        let inserted = results[6].affectedCount
        _ = try await connection.pipeline([.commit])
        return .merged(
            LoadReport(
                rows: rowCount, inserted: inserted, updated: updated,
                unchanged: rowCount - inserted - updated - skippedCount, skipped: skipped))
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

    /// Sets apart the rows that say something new; nobody but a load changes what is compared.
    private var changedStatement: PostgresStatement {
        PostgresStatement(
            """
            CREATE TEMPORARY TABLE changed ON COMMIT DROP AS
            SELECT staging.*, known.product_code IS NULL AS is_new
            FROM staging LEFT JOIN inventory AS known USING (product_code)
            WHERE known.product_code IS NULL OR known.name <> staging.name
                OR known.quantity <> staging.quantity
                OR staging.is_price_given AND known.price_minor IS DISTINCT FROM staging.price_minor
            """)
    }

    /// Locks the rows that will be compared with what is held, in the order of all writers.
    private var lockStatement: PostgresStatement {
        PostgresStatement(
            """
            SELECT count(*) FROM (
                SELECT 1 FROM inventory AS known JOIN changed USING (product_code)
                ORDER BY known.product_code FOR UPDATE OF known
            ) AS locked
            """)
    }

    private static let skippedRows = """
        FROM inventory AS known JOIN changed USING (product_code)
        WHERE changed.quantity < known.held
        """

    private var skippedCountStatement: PostgresStatement {
        PostgresStatement("SELECT count(*) \(Self.skippedRows)")
    }

    private var skippedStatement: PostgresStatement {
        PostgresStatement(
            """
            SELECT line, product_code, known.held, changed.quantity \(Self.skippedRows)
            ORDER BY line LIMIT $1
            """, [.int8(Int64(Self.skippedListedMax))])
    }

    private var updateStatement: PostgresStatement {
        PostgresStatement(
            """
            UPDATE inventory AS known SET name = changed.name, quantity = changed.quantity,
                price_minor = CASE WHEN changed.is_price_given THEN changed.price_minor
                    ELSE known.price_minor END,
                updated_at = now()
            FROM changed
            WHERE known.product_code = changed.product_code AND changed.quantity >= known.held
            """)
    }

    private var insertStatement: PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO inventory (product_code, name, quantity, price_minor)
            SELECT product_code, name, quantity, price_minor FROM changed WHERE is_new
            ORDER BY product_code
            """)
    }
}
