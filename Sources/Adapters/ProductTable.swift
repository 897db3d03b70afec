import Catalogue
import Messages
import PostgresShim
import RestGateway

/// The table `product`, as it is loaded: each row is a whole product.
enum ProductTable: LoadedTable {
    static let staging: [PostgresStatement] = [
        .begin,
        PostgresStatement(
            """
            CREATE TEMPORARY TABLE staging (
                line bigint NOT NULL,
                product_code text COLLATE "C" NOT NULL,
                name text NOT NULL,
                description text NOT NULL,
                price_minor bigint NULL,
                currency text COLLATE "C" NULL,
                vat_rate int NULL,
                images text NOT NULL,
                attributes text NOT NULL,
                is_active boolean NOT NULL,
                kind text NOT NULL
            ) ON COMMIT DROP
            """),
    ]

    static let lock = ProductRows.writerLock

    static func header(_ fields: [ArraySlice<UInt8>]) -> LoaderParsed<ProductLoaderHeader> {
        ProductLoaderHeader.read(fields)
    }

    static func row(
        _ fields: [ArraySlice<UInt8>], _ header: ProductLoaderHeader
    ) -> LoaderParsed<Product> {
        header.row(fields)
    }

    static func row(json: [UInt8]) -> LoaderParsed<Product> {
        do throws(ProductFault) {
            let fields = try ProductPatch(json)
            guard let code = fields.code else { throw .missingField("productCode") }
            return .value(try fields.product(code))
        } catch {
            return .fault(error.description)
        }
    }

    static func append(_ product: Product, line: Int, to output: inout LoaderOutput) {
        output.beginRow(fieldCount: 11)
        output.append(Int64(line))
        output.append(text: product.code.text.utf8)
        output.append(text: product.name.utf8)
        output.append(text: product.description.utf8)
        output.append(product.price.map { Int64($0.minorUnits) })
        if let price = product.price {
            output.append(text: price.currency.code.utf8)
        } else {
            output.appendNull()
        }
        output.append(product.price.map { Int32($0.vatRate) })
        output.append(text: product.imagesJSON)
        output.append(text: product.attributesJSON)
        output.append(product.isActive)
        output.append(text: product.kind.rawValue.utf8)
    }

    static func merge(
        on connection: PostgresConnection, rowCount: Int
    ) async throws(PostgresError) -> LoadReport {
        let results = try await connection.pipeline([
            PostgresStatement(changed),
            PostgresStatement("SELECT count(*) FILTER (WHERE is_new), count(*) FROM changed"),
            PostgresStatement(insert),
        ])
        let inserted = Int(try results[1].int8(0, 0))
        let changed = Int(try results[1].int8(0, 1))
        return LoadReport(
            rows: rowCount, inserted: inserted, updated: changed - inserted,
            unchanged: rowCount - changed, skipped: [])
    }

    /// Sets apart the rows that say something new.
    private static let changed = """
        CREATE TEMPORARY TABLE changed ON COMMIT DROP AS
        SELECT staging.*, known.product_code IS NULL OR known.removed AS is_new
        FROM staging LEFT JOIN product AS known USING (product_code)
        WHERE known.product_code IS NULL OR known.removed
            OR (known.name, known.description, known.price_minor, known.currency, known.vat_rate,
                known.images, known.attributes, known.is_active, known.kind)
            IS DISTINCT FROM (staging.name, staging.description, staging.price_minor,
                staging.currency, staging.vat_rate, staging.images::jsonb,
                staging.attributes::jsonb, staging.is_active, staging.kind)
        """

    private static let insert = """
        INSERT INTO product (product_code, name, description, price_minor, currency, vat_rate,
            images, attributes, is_active, kind, revision)
        SELECT product_code, name, description, price_minor, currency, vat_rate,
            images::jsonb, attributes::jsonb, is_active, kind, nextval('product_revision')
        FROM (SELECT * FROM changed ORDER BY product_code) AS ordered
        \(ProductRows.onConflict)
        """
}
