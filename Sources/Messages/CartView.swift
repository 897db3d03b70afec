/// A cart as its shopper sees it.
package struct CartView: Hashable, Sendable {
    /// Pieces of one product that are held for the cart.
    package struct Line: Hashable, Sendable {
        package var productCode: ProductCode
        package var name: String
        package var quantity: Int

        package init(productCode: ProductCode, name: String, quantity: Int) {
            self.productCode = productCode
            self.name = name
            self.quantity = quantity
        }
    }

    /// A request that the inventory has not answered yet.
    package struct Pending: Hashable, Sendable {
        package var requestID: RequestID
        package var productCode: ProductCode
        package var quantity: Int

        package init(requestID: RequestID, productCode: ProductCode, quantity: Int) {
            self.requestID = requestID
            self.productCode = productCode
            self.quantity = quantity
        }
    }

    package var cartID: CartID
    /// How many events the cart has had; clients order what they see by it.
    package var version: Int
    package var lines: [Line]
    package var pending: [Pending]

    package init(cartID: CartID, version: Int, lines: [Line], pending: [Pending]) {
        self.cartID = cartID
        self.version = version
        self.lines = lines
        self.pending = pending
    }
}

extension CartView {
    /// Writes the cart as an object.
    package func encode(to json: inout JSONWriter) {
        json.object { json in
            json.field("cartID", cartID)
            json.field("version", version)
            json.key("lines")
            json.beginArray()
            for line in lines {
                json.object { json in
                    json.field("productCode", line.productCode.text)
                    json.field("name", line.name)
                    json.field("quantity", line.quantity)
                }
            }
            json.endArray()
            json.key("pending")
            json.beginArray()
            for request in pending {
                json.object { json in
                    json.field("requestID", request.requestID.text)
                    json.field("action", "add")
                    json.field("productCode", request.productCode.text)
                    json.field("quantity", request.quantity)
                }
            }
            json.endArray()
        }
    }

    /// Reads the object that ``encode(to:)`` writes.
    package init(from reader: inout JSONReader) throws(JSONError) {
        var cartID: CartID?
        var version: Int?
        var lines: [Line] = []
        var pending: [Pending] = []
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "cartID": cartID = CartID(try reader.string())
            case "version": version = try reader.integer()
            case "lines":
                try reader.beginArray()
                while try reader.nextElement() { lines.append(try Line(from: &reader)) }
            case "pending":
                try reader.beginArray()
                while try reader.nextElement() { pending.append(try Pending(from: &reader)) }
            default: try reader.skipValue()
            }
        }
        guard let cartID, let version else {
            throw reader.failure("a cart needs cartID and version")
        }
        self.init(cartID: cartID, version: version, lines: lines, pending: pending)
    }
}

extension CartView.Line {
    init(from reader: inout JSONReader) throws(JSONError) {
        var productCode: ProductCode?
        var name: String?
        var quantity: Int?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "productCode": productCode = ProductCode(try reader.string())
            case "name": name = try reader.string()
            case "quantity": quantity = try reader.integer()
            default: try reader.skipValue()
            }
        }
        guard let productCode, let name, let quantity else {
            throw reader.failure("a line needs productCode, name and quantity")
        }
        self.init(productCode: productCode, name: name, quantity: quantity)
    }
}

extension CartView.Pending {
    init(from reader: inout JSONReader) throws(JSONError) {
        var requestID: RequestID?
        var productCode: ProductCode?
        var quantity: Int?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "requestID": requestID = RequestID(try reader.string())
            case "productCode": productCode = ProductCode(try reader.string())
            case "quantity": quantity = try reader.integer()
            default: try reader.skipValue()
            }
        }
        guard let requestID, let productCode, let quantity else {
            throw reader.failure("a pending request needs requestID, productCode and quantity")
        }
        self.init(requestID: requestID, productCode: productCode, quantity: quantity)
    }
}
