import Messages

/// One valid row of a load.
struct InventoryLoaderRow: Hashable {
    /// The most that a product may have in stock, so that no sum overflows.
    static let quantityMax: Int64 = 1_000_000_000_000
    /// The highest price, in minor units.
    static let priceMax: Int64 = 1_000_000_000_000
    /// The most bytes that a name may have.
    static let nameLengthMax = 512

    var code: ArraySlice<UInt8> = []
    var name: ArraySlice<UInt8> = []
    var quantity: Int64 = 0
    /// The price in minor units; `nil` for none.
    var price: Int64?
    /// Whether the row says anything of the price; if not, a known price stays.
    var isPriceGiven = false

    /// What is wrong with a code; `nil` for nothing.
    static func faultOfCode(_ code: ArraySlice<UInt8>) -> String? {
        if code.isEmpty { return "the product code is empty" }
        if code.count > ProductCode.lengthMax {
            return "the product code has more than \(ProductCode.lengthMax) bytes"
        }
        let isAllowed = code.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
        return isAllowed
            ? nil : "the product code has a character other than letters, digits, '.', '_' and '-'"
    }

    /// What is wrong with a name; `nil` for nothing.
    static func faultOfName(_ name: ArraySlice<UInt8>) -> String? {
        if name.isEmpty { return "the name is empty" }
        if name.count > nameLengthMax { return "the name has more than \(nameLengthMax) bytes" }
        // Nearly every name is ASCII.
        if name.allSatisfy({ (0x20...0x7E).contains($0) }) { return nil }
        guard let text = String(validating: name, as: UTF8.self) else {
            return "the name is not valid UTF-8"
        }
        let hasControl = text.unicodeScalars.contains { scalar in
            scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value || 0x2028...0x2029 ~= scalar.value
        }
        return hasControl ? "the name has a control character" : nil
    }

    /// Reads a quantity, or says what is wrong with it.
    static func quantity(_ text: ArraySlice<UInt8>) -> LoaderParsed<Int64> {
        if text.first == UInt8(ascii: "-") { return .fault("the quantity is negative") }
        guard !text.isEmpty, text.allSatisfy({ 0x30...0x39 ~= $0 }) else {
            return .fault("the quantity is no whole number")
        }
        guard let value = decimal(text), value <= quantityMax else {
            return .fault("the quantity is above \(quantityMax)")
        }
        return .value(value)
    }

    /// Reads a price with at most two decimals as minor units, or says what is wrong with it.
    static func price(_ text: ArraySlice<UInt8>) -> LoaderParsed<Int64> {
        if text.first == UInt8(ascii: "-") { return .fault("the price is negative") }
        let whole = text.prefix { $0 != UInt8(ascii: ".") }
        let decimals = text.dropFirst(whole.count + 1)
        guard !whole.isEmpty, (whole + decimals).allSatisfy({ 0x30...0x39 ~= $0 }),
            whole.count == text.count || !decimals.isEmpty
        else { return .fault("the price is no decimal number") }
        guard decimals.count <= 2 else { return .fault("the price has more than two decimals") }
        guard let major = decimal(whole), major <= priceMax / 100, let minor = decimal(decimals)
        else { return .fault("the price is above \(priceMax / 100)") }
        return .value(major * 100 + (decimals.count == 1 ? minor * 10 : minor))
    }

    /// The value of digits; 0 for none, `nil` beyond 18 of them after leading zeros.
    private static func decimal(_ digits: ArraySlice<UInt8>) -> Int64? {
        let significant = digits.drop { $0 == 0x30 }
        guard significant.count <= 18 else { return nil }
        return significant.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
}
