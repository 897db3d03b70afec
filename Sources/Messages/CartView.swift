/// A cart as its shopper sees it.
package struct CartView: Hashable, Sendable {
    /// Pieces of one product, from one store, that are held for the cart.
    package struct Line: Hashable, Sendable {
        package var id: LineID
        package var name: String
        package var quantity: Int
        package var country: Country?
        /// Of one piece; `nil` where the catalogue had none.
        package var price: Price?
        /// What all pieces cost.
        package var amount: Amount?

        package init(
            id: LineID, name: String, quantity: Int, country: Country? = nil, price: Price? = nil,
            amount: Amount? = nil
        ) {
            self.id = id
            self.name = name
            self.quantity = quantity
            self.country = country
            self.price = price
            self.amount = amount
        }
    }

    /// A request that the inventory has not answered yet.
    package struct Pending: Hashable, Sendable {
        package var requestID: RequestID
        package var line: LineID
        package var quantity: Int

        package init(requestID: RequestID, line: LineID, quantity: Int) {
            self.requestID = requestID
            self.line = line
            self.quantity = quantity
        }
    }

    /// What only some commands keep: its name and its JSON.
    package struct Part: Hashable, Sendable {
        package var name: String
        package var json: [UInt8]

        package init(name: String, json: [UInt8]) {
            self.name = name
            self.json = json
        }
    }

    package var cartID: CartID
    /// How many events the cart has had; clients order what they see by it.
    package var version: Int
    package var lines: [Line]
    package var pending: [Pending]
    package var parts: [Part]
    /// `nil` while nothing in the cart has a price.
    package var totals: Totals?

    package init(
        cartID: CartID, version: Int, lines: [Line], pending: [Pending], parts: [Part] = [],
        totals: Totals? = nil
    ) {
        self.cartID = cartID
        self.version = version
        self.lines = lines
        self.pending = pending
        self.parts = parts
        self.totals = totals
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
            // By index: a copy of a line would retain its texts.
            for index in lines.indices {
                json.beginObject()
                lines[index].encodeFields(to: &json)
                json.endObject()
            }
            json.endArray()
            json.key("pending")
            json.beginArray()
            for request in pending {
                json.object { json in
                    json.field("requestID", request.requestID.text)
                    json.field("action", "add")
                    json.field("id", request.line.description)
                    json.field("productCode", request.line.productCode.text)
                    json.field("quantity", request.quantity)
                }
            }
            json.endArray()
            for part in parts {
                json.key(name: part.name)
                json.raw(part.json)
            }
            if let totals {
                json.key("totals")
                totals.encode(to: &json)
            }
        }
    }

    /// Reads the object that ``encode(to:)`` writes, without its parts.
    package init(from reader: inout JSONReader) throws(JSONError) {
        var cartID: CartID?
        var version: Int?
        var lines: [Line] = []
        var pending: [Pending] = []
        var totals: Totals?
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
            case "totals": totals = try Totals(from: &reader)
            default: try reader.skipValue()
            }
        }
        guard let cartID, let version else {
            throw reader.failure("a cart needs cartID and version")
        }
        self.init(
            cartID: cartID, version: version, lines: lines, pending: pending, totals: totals)
    }
}

extension CartView.Line {
    fileprivate func encodeFields(to json: inout JSONWriter) {
        json.field("id", id.description)
        json.field("productCode", id.productCode.text)
        if let storeID = id.storeID { json.field("storeId", storeID.text) }
        json.field("name", name)
        json.field("quantity", quantity)
        if let country { json.field("country", country.code) }
        if let price {
            json.field("price", price.minorUnits)
            json.field("currency", price.currency.code)
            json.field("vatRate", price.vatRate)
        }
        if let amount {
            json.field("total", amount.total)
            json.field("vat", amount.vat)
        }
    }

    init(from reader: inout JSONReader) throws(JSONError) {
        var id: LineID?
        var name: String?
        var quantity: Int?
        var country: Country?
        var minorUnits: Int?
        var currency: Currency?
        var vatRate: Int?
        var total: Int?
        var vat: Int?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "id": id = LineID(try reader.string())
            case "name": name = try reader.string()
            case "quantity": quantity = try reader.integer()
            case "country": country = Country(try reader.string())
            case "price": minorUnits = try reader.integer()
            case "currency": currency = Currency(try reader.string())
            case "vatRate": vatRate = try reader.integer()
            case "total": total = try reader.integer()
            case "vat": vat = try reader.integer()
            default: try reader.skipValue()
            }
        }
        guard let id, let name, let quantity else {
            throw reader.failure("a line needs id, name and quantity")
        }
        var price: Price?
        if let minorUnits, let currency, let vatRate {
            price = Price(minorUnits: minorUnits, currency: currency, vatRate: vatRate)
        }
        var amount: Amount?
        if let total, let vat { amount = Amount(total: total, vat: vat) }
        self.init(
            id: id, name: name, quantity: quantity, country: country, price: price, amount: amount)
    }
}

extension CartView.Pending {
    init(from reader: inout JSONReader) throws(JSONError) {
        var requestID: RequestID?
        var line: LineID?
        var quantity: Int?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "requestID": requestID = RequestID(ofPart: try reader.string())
            case "id": line = LineID(try reader.string())
            case "quantity": quantity = try reader.integer()
            default: try reader.skipValue()
            }
        }
        guard let requestID, let line, let quantity else {
            throw reader.failure("a pending request needs requestID, id and quantity")
        }
        self.init(requestID: requestID, line: line, quantity: quantity)
    }
}
