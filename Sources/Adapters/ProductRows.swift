import Catalogue
import Messages
import PostgresShim

/// How products stand in the table `product`.
enum ProductRows {
    /// The columns that ``event(_:_:)`` reads, in its order.
    static let columns = """
        product_code, name, description, price_minor, currency, vat_rate, images::text,
        attributes::text, is_active, kind, removed, revision
        """

    /// A row that is no product, because somebody wrote it by hand.
    struct Malformed: Error, CustomStringConvertible {
        let code: String
        let reason: String
        var description: String { "the row of product \(code): \(reason)" }
    }

    /// The row as the event that led to it.
    static func event(_ rows: PostgresResult, _ row: Int) throws -> ProductEvent {
        let text = try rows.text(row, 0)
        func malformed(_ reason: String) -> Malformed { Malformed(code: text, reason: reason) }
        guard let code = ProductCode(text) else { throw malformed("the code is not well formed") }
        let revision = Int(try rows.int8(row, 11))
        if try rows.bool(row, 10) { return .removed(code, revision: revision) }
        var fields = ProductPatch()
        fields.name = try rows.text(row, 1)
        fields.description = try rows.text(row, 2)
        fields.price = .some(try price(rows, row))
        fields.isActive = try rows.bool(row, 8)
        fields.kind = Product.Kind(rawValue: try rows.text(row, 9))
        let (images, attributes) = (try rows.bytes(row, 6), try rows.bytes(row, 7))
        var json = JSONWriter()
        json.object { json in
            json.key("images")
            json.raw(images)
            json.key("attributes")
            json.raw(attributes)
        }
        do throws(ProductFault) {
            let lists = try ProductPatch(json.bytes)
            fields.images = lists.images
            fields.attributes = lists.attributes
            var product = try fields.product(code)
            product.revision = revision
            return .changed(product)
        } catch {
            throw malformed("\(error)")
        }
    }

    private static func price(_ rows: PostgresResult, _ row: Int) throws -> Price? {
        guard let minorUnits = try rows.int8IfPresent(row, 3),
            let currency = Currency(try rows.text(row, 4))
        else { return nil }
        return Price(
            minorUnits: Int(minorUnits), currency: currency, vatRate: Int(try rows.int4(row, 5)))
    }

    /// Takes the lock under which revisions are given out, so that their order is that of commits.
    static let writerLock = AdvisoryLock.take("product")

    /// The product's row, which nobody changes before the transaction ends.
    static func find(_ code: ProductCode) -> PostgresStatement {
        PostgresStatement(
            "SELECT \(columns) FROM product WHERE product_code = $1", [.text(code.text)])
    }

    /// Writes the product with the next revision, which is returned.
    static func write(_ product: Product) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO product (product_code, name, description, price_minor, currency, vat_rate,
                images, attributes, is_active, kind, revision)
            VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb, $9, $10,
                nextval('product_revision'))
            \(onConflict)
            RETURNING revision
            """,
            [
                .text(product.code.text), .text(product.name), .text(product.description),
                .int8(product.price.map { Int64($0.minorUnits) }),
                .text(product.price?.currency.code),
                .int4(product.price.map { Int32($0.vatRate) }),
                .text(String(decoding: product.imagesJSON, as: UTF8.self)),
                .text(String(decoding: product.attributesJSON, as: UTF8.self)),
                .bool(product.isActive), .text(product.kind.rawValue),
            ])
    }

    /// What an insert does where the code stands already: a new revision, to be published.
    static let onConflict = """
        ON CONFLICT (product_code) DO UPDATE SET name = excluded.name,
            description = excluded.description, price_minor = excluded.price_minor,
            currency = excluded.currency, vat_rate = excluded.vat_rate, images = excluded.images,
            attributes = excluded.attributes, is_active = excluded.is_active,
            kind = excluded.kind, removed = false, revision = excluded.revision,
            published = false, updated_at = now()
        """

    /// Notes that the product is gone, with the next revision, which is returned.
    static func remove(_ code: ProductCode) -> PostgresStatement {
        PostgresStatement(
            """
            UPDATE product SET removed = true, revision = nextval('product_revision'),
                published = false, updated_at = now()
            WHERE product_code = $1
            RETURNING revision
            """, [.text(code.text)])
    }
}
