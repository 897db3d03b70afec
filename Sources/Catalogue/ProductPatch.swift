package import Messages

/// The fields of a product that somebody sends: all of them for a whole product, some for a change.
///
/// A field that is missing says nothing; null takes a value away where one may be missing (RFC 7396).
package struct ProductPatch: Hashable, Sendable {
    /// Who has written the text.
    package enum Source: Sendable {
        /// A client, who is told of every field that is not known and may not set the revision.
        case client
        /// A service, a newer one perhaps: what is not known is passed over.
        case message
    }

    /// What becomes of the attributes.
    package enum Attributes: Hashable, Sendable {
        case cleared
        /// Those with a value are set, those without are taken away, others stay.
        case merged([String: String?])
    }

    package var code: ProductCode?
    package var name: String?
    package var description: String?
    /// `.some(nil)` takes the price away.
    package var price: Price??
    package var images: [String]?
    package var attributes: Attributes?
    package var isActive: Bool?
    package var kind: Product.Kind?
    package var revision: Int?

    package init() {}

    /// Reads the whole text of a client.
    package init(_ bytes: [UInt8]) throws(ProductFault) {
        var reader = JSONReader(bytes)
        try self.init(from: &reader, .client)
        do { try reader.end() } catch { throw .json(error) }
    }

    /// Reads one object.
    package init(from reader: inout JSONReader, _ source: Source) throws(ProductFault) {
        var fields = ProductPatchReader(source: source)
        do { try fields.read(&reader) } catch { throw .json(error) }
        if let fault = fields.fault { throw fault }
        self = fields.patch
    }

    /// The product that the fields tell by themselves.
    package func product(_ code: ProductCode) throws(ProductFault) -> Product {
        guard let name else { throw .missingField("name") }
        return try applied(to: Product(code: code, name: name))
    }

    /// The product with what the fields change, within the limits.
    package func applied(to product: Product) throws(ProductFault) -> Product {
        if let code, code != product.code {
            throw .invalidField("productCode", "is not the product's \(product.code)")
        }
        var changed = product
        if let name { changed.name = name }
        if let description { changed.description = description }
        if let price { changed.price = price }
        if let images { changed.images = images }
        switch attributes {
        case .cleared: changed.attributes = [:]
        case .merged(let named):
            for (name, value) in named { changed.attributes[name] = value }
        case nil: break
        }
        if let isActive { changed.isActive = isActive }
        if let kind { changed.kind = kind }
        if let fault = changed.fault { throw fault }
        return changed
    }
}
