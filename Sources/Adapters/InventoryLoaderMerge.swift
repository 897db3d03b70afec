import PostgresShim

/// What follows the COPY of a load, in the transaction that it began.
struct InventoryLoaderMerge {
    /// How a merge ended.
    enum Outcome {
        case merged(LoadReport)
        /// A code stands more than once; nothing was changed.
        case duplicates([LoadFault], isComplete: Bool)
    }

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

    /// Rows that say something new of a product that is known, `known` and `staging` joined.
    private static let isChanged = """
        (known.name <> staging.name OR known.quantity <> staging.quantity
            OR staging.is_price_given AND known.price_minor IS DISTINCT FROM staging.price_minor)
        """

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
            lockStatement, skippedCountStatement, skippedStatement, writeStatement,
        ])
        var skipped: [LoadReport.Skipped] = []
        for row in 0..<results[2].rowCount {
            let held = try results[2].int8(row, 2)
            let quantity = try results[2].int8(row, 3)
            skipped.append(
                LoadReport.Skipped(
                    line: Int(try results[2].int8(row, 0)),
                    productCode: try results[2].text(row, 1),
                    reason: "the quantity \(quantity) is below the \(held) that are held"))
        }
        let skippedCount = Int(try results[1].int8(0, 0))
        let inserted = Int(try results[3].int8(0, 0))
        let updated = Int(try results[3].int8(0, 1))
        _ = try await connection.pipeline([.commit])
        return .merged(
            LoadReport(
                rowCount: rowCount, insertedCount: inserted, updatedCount: updated,
                unchangedCount: rowCount - inserted - updated - skippedCount,
                skippedCount: skippedCount, skipped: skipped))
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

    /// Locks the rows that will be compared with what is held, in the order of all writers.
    private var lockStatement: PostgresStatement {
        PostgresStatement(
            """
            SELECT count(*) FROM (
                SELECT 1 FROM inventory AS known JOIN staging USING (product_code)
                WHERE \(Self.isChanged)
                ORDER BY known.product_code FOR UPDATE OF known
            ) AS locked
            """)
    }

    private static let skippedRows = """
        FROM inventory AS known JOIN staging USING (product_code)
        WHERE \(isChanged) AND staging.quantity < known.held
        """

    private var skippedCountStatement: PostgresStatement {
        PostgresStatement("SELECT count(*) \(Self.skippedRows)")
    }

    private var skippedStatement: PostgresStatement {
        PostgresStatement(
            """
            SELECT line, product_code, known.held, staging.quantity \(Self.skippedRows)
            ORDER BY line LIMIT $1
            """, [.int8(Int64(LoadReport.skippedListedMax))])
    }

    private var writeStatement: PostgresStatement {
        PostgresStatement(
            """
            WITH written AS (
                INSERT INTO inventory AS target (product_code, name, quantity, price_minor)
                SELECT product_code, staging.name, staging.quantity,
                    CASE WHEN staging.is_price_given THEN staging.price_minor
                    ELSE known.price_minor END
                FROM staging LEFT JOIN inventory AS known USING (product_code)
                WHERE known.product_code IS NULL
                    OR \(Self.isChanged) AND staging.quantity >= known.held
                ORDER BY product_code
                ON CONFLICT (product_code) DO UPDATE SET name = excluded.name,
                    quantity = excluded.quantity, price_minor = excluded.price_minor,
                    updated_at = now()
                WHERE excluded.quantity >= target.held
                RETURNING created_at = now() AS is_new
            )
            SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
            """)
    }
}
