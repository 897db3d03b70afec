import PostgresShim
import RestGateway

/// The table `inventory`, as it is loaded.
///
/// A row that would fall below what is held is skipped and reported.
enum InventoryTable: LoadedTable {
    /// How many of the skipped rows are listed.
    private static let skippedListedMax = 100

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

    /// Loads exclude each other, so that no other adds a product between lock and insert.
    static let lock = AdvisoryLock.take("load")

    static func header(_ fields: [ArraySlice<UInt8>]) -> LoaderParsed<InventoryLoaderHeader> {
        InventoryLoaderHeader.read(fields)
    }

    static func row(
        _ fields: [ArraySlice<UInt8>], _ header: InventoryLoaderHeader
    ) -> LoaderParsed<InventoryLoaderRow> {
        header.row(fields)
    }

    static func row(json: [UInt8]) -> LoaderParsed<InventoryLoaderRow> {
        InventoryLoaderRow.json(json)
    }

    static func append(_ row: InventoryLoaderRow, line: Int, to output: inout LoaderOutput) {
        output.beginRow(fieldCount: 6)
        output.append(Int64(line))
        output.append(text: row.code)
        output.append(text: row.name)
        output.append(row.quantity)
        output.append(row.price)
        output.append(row.isPriceGiven)
    }

    static func merge(
        on connection: PostgresConnection, rowCount: Int
    ) async throws(PostgresError) -> LoadReport {
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
        return LoadReport(
            rows: rowCount, inserted: inserted, updated: updated,
            unchanged: rowCount - inserted - updated - skippedCount, skipped: skipped)
    }

    /// Sets apart the rows that say something new; nobody but a load changes what is compared.
    private static var changedStatement: PostgresStatement {
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
    private static var lockStatement: PostgresStatement {
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

    private static var skippedCountStatement: PostgresStatement {
        PostgresStatement("SELECT count(*) \(skippedRows)")
    }

    private static var skippedStatement: PostgresStatement {
        PostgresStatement(
            """
            SELECT line, product_code, known.held, changed.quantity \(skippedRows)
            ORDER BY line LIMIT $1
            """, [.int8(Int64(skippedListedMax))])
    }

    private static var updateStatement: PostgresStatement {
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

    private static var insertStatement: PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO inventory (product_code, name, quantity, price_minor)
            SELECT product_code, name, quantity, price_minor FROM changed WHERE is_new
            ORDER BY product_code
            """)
    }
}
