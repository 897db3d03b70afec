package import Messages

extension Product {
    /// Writes the product as an object, its attributes in the order of their names.
    package func encode(to json: inout JSONWriter) {
        json.object { json in encodeFields(to: &json) }
    }

    /// Writes the product's fields into an object that the caller has opened.
    package func encodeFields(to json: inout JSONWriter) {
        json.field("productCode", code.text)
        json.field("name", name)
        json.field("description", description)
        if let price {
            json.key("price")
            json.object { json in
                json.field("minorUnits", price.minorUnits)
                json.field("currency", price.currency.code)
                json.field("vatRate", price.vatRate)
            }
        }
        json.key("images")
        json.raw(imagesJSON)
        json.key("attributes")
        json.raw(attributesJSON)
        json.key("active")
        json.boolean(isActive)
        json.field("kind", kind.rawValue)
        json.field("revision", revision)
    }

    /// The images as a JSON array.
    package var imagesJSON: [UInt8] {
        var json = JSONWriter(capacity: 64)
        json.beginArray()
        for image in images { json.string(image) }
        json.endArray()
        return json.bytes
    }

    /// The attributes as a JSON object, in the order of their names.
    package var attributesJSON: [UInt8] {
        var json = JSONWriter(capacity: 64)
        json.object { json in
            for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
                json.key(name: name)
                json.string(value)
            }
        }
        return json.bytes
    }

    /// Reads a product as a message on the log tells it: complete, with its revision.
    ///
    /// Unknown fields are passed over, so that a newer writer may add some.
    package init(from reader: inout JSONReader) throws(ProductFault) {
        let fields = try ProductPatch(from: &reader, .message)
        guard let code = fields.code else { throw .missingField("productCode") }
        guard let revision = fields.revision else { throw .missingField("revision") }
        self = try fields.product(code)
        self.revision = revision
        if let fault { throw fault }
    }
}
