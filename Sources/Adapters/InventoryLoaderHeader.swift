/// Which field of a record is which, by the header row.
struct InventoryLoaderHeader {
    private static let names = ["product_code", "name", "quantity", "price"]

    private let count: Int
    private let code: Int
    private let name: Int
    private let quantity: Int
    private let price: Int?

    /// Reads the header row, or says what is wrong with it.
    static func read(_ fields: [ArraySlice<UInt8>]) -> LoaderParsed<Self> {
        let expected = "the header must name product_code, name, quantity and, if wanted, price"
        var places: [String: Int] = [:]
        for (place, field) in fields.enumerated() {
            let column = String(decoding: field, as: UTF8.self)
            guard names.contains(column), places.updateValue(place, forKey: column) == nil else {
                return .fault(expected + ", each once and nothing else")
            }
        }
        guard let code = places["product_code"], let name = places["name"],
            let quantity = places["quantity"]
        else { return .fault(expected) }
        return .value(
            Self(
                count: fields.count, code: code, name: name, quantity: quantity,
                price: places["price"]))
    }

    /// Reads a row, or says what is wrong with it.
    func row(_ fields: [ArraySlice<UInt8>]) -> LoaderParsed<InventoryLoaderRow> {
        guard fields.count == count else {
            return .fault("the row has \(fields.count) fields, the header \(count)")
        }
        var row = InventoryLoaderRow()
        row.code = fields[code]
        row.name = fields[name]
        if let fault = InventoryLoaderRow.faultOfCode(row.code) { return .fault(fault) }
        if let fault = InventoryLoaderRow.faultOfName(row.name) { return .fault(fault) }
        switch InventoryLoaderRow.quantity(fields[quantity]) {
        case .value(let value): row.quantity = value
        case .fault(let fault): return .fault(fault)
        }
        guard let price else { return .value(row) }
        row.isPriceGiven = true
        if fields[price].isEmpty { return .value(row) }
        switch InventoryLoaderRow.price(fields[price]) {
        case .value(let value): row.price = value
        case .fault(let fault): return .fault(fault)
        }
        return .value(row)
    }
}
