package import Messages

/// How a product changed: a message on `product-event`, keyed by product code.
///
/// Messages may come twice and in any order; of one product the highest revision is true.
package enum ProductEvent: Hashable, Sendable {
    /// The product is now this.
    case changed(Product)
    /// The product is gone.
    case removed(ProductCode, revision: Int)

    package var code: ProductCode {
        switch self {
        case .changed(let product): product.code
        case .removed(let code, _): code
        }
    }

    package var revision: Int {
        switch self {
        case .changed(let product): product.revision
        case .removed(_, let revision): revision
        }
    }

    /// The product, unless it is gone.
    package var product: Product? {
        if case .changed(let product) = self { product } else { nil }
    }
}

extension ProductEvent {
    /// The message's value.
    package func encoded() -> [UInt8] {
        var json = JSONWriter(capacity: 512)
        json.object { json in
            switch self {
            case .changed(let product):
                json.field("type", "product-changed")
                json.key("product")
                product.encode(to: &json)
            case .removed(let code, let revision):
                json.field("type", "product-removed")
                json.field("productCode", code.text)
                json.field("revision", revision)
            }
        }
        return json.bytes
    }

    /// Reads a message's value.
    ///
    /// - Throws: `MessageError` naming the field that is wrong.
    package init(decoding bytes: [UInt8]) throws(MessageError) {
        var fields = Fields()
        do { try fields.read(bytes) } catch { throw .json(error) }
        if let fault = fields.fault { throw fault.messageError }
        switch fields.type {
        case "product-changed":
            guard let product = fields.product else { throw .field("product", "is missing") }
            self = .changed(product)
        case "product-removed":
            guard let code = fields.code.flatMap({ ProductCode($0) }) else {
                throw .field("productCode", "is missing or not well formed")
            }
            guard let revision = fields.revision, ProductLimits.revision.contains(revision) else {
                throw .field("revision", "is missing or out of range")
            }
            self = .removed(code, revision: revision)
        case let type?: throw .unknownType(type)
        case nil: throw .field("type", "is missing")
        }
    }

    private struct Fields {
        var type: String?
        var code: String?
        var revision: Int?
        var product: Product?
        var fault: ProductFault?

        mutating func read(_ bytes: [UInt8]) throws(JSONError) {
            var reader = JSONReader(bytes)
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "type": type = try reader.string()
                case "productCode": code = try reader.string()
                case "revision": revision = try reader.integer()
                case "product":
                    do throws(ProductFault) {
                        product = try Product(from: &reader)
                    } catch {
                        if case .json(let error) = error { throw error }
                        fault = error
                    }
                default: try reader.skipValue()
                }
            }
            try reader.end()
        }
    }
}

extension ProductFault {
    fileprivate var messageError: MessageError {
        switch self {
        case .json(let error): .json(error)
        case .unknownField(let name): .field(name, "is unknown")
        case .missingField(let name): .field(name, "is missing")
        case .invalidField(let name, let reason): .field(name, reason)
        }
    }
}
