import Messages

extension InventoryLoaderRow {
    /// Reads one object, or says what is wrong with it.
    static func json(_ bytes: [UInt8]) -> LoaderParsed<InventoryLoaderRow> {
        var row = InventoryLoaderRow()
        var reader = JSONReader(bytes)
        var hasCode = false
        var hasName = false
        var hasQuantity = false
        do throws(JSONError) {
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "product_code":
                    hasCode = true
                    row.code = try Array(reader.string().utf8)[...]
                case "name":
                    hasName = true
                    row.name = try Array(reader.string().utf8)[...]
                case "quantity":
                    hasQuantity = true
                    let text = try reader.numberText()
                    switch quantity(Array(text.utf8)[...]) {
                    case .value(let value): row.quantity = value
                    case .fault(let fault): return .fault(fault)
                    }
                case "price":
                    row.isPriceGiven = true
                    if reader.null() { break }
                    let isText = try reader.peek() == .string
                    let text = isText ? try reader.string() : try reader.numberText()
                    switch price(Array(text.utf8)[...]) {
                    case .value(let value): row.price = value
                    case .fault(let fault): return .fault(fault)
                    }
                default: return .fault("the key \"\(key.prefix(64))\" is unknown")
                }
            }
            try reader.end()
        } catch {
            return .fault(error.description)
        }
        guard hasCode, hasName, hasQuantity else {
            return .fault("product_code, name and quantity must all be there")
        }
        if let fault = faultOfCode(row.code) { return .fault(fault) }
        if let fault = faultOfName(row.name) { return .fault(fault) }
        return .value(row)
    }
}
