import Catalogue
import Messages

/// Which field of a CSV record is which part of a product, by the header row.
struct ProductLoaderHeader: Sendable {
    private enum Column: String, CaseIterable {
        case code = "product_code"
        case name, description
        case price = "price_minor"
        case currency
        case vatRate = "vat_rate"
        /// URLs with blanks between them.
        case images
        /// `name=value` with semicolons between them.
        case attributes
        case active, kind
    }

    private let places: [Column: Int]
    private let count: Int

    /// Reads the header row, or says what is wrong with it.
    static func read(_ fields: [ArraySlice<UInt8>]) -> LoaderParsed<Self> {
        var places: [Column: Int] = [:]
        for (place, field) in fields.enumerated() {
            guard let column = Column(rawValue: String(decoding: field, as: UTF8.self)),
                places.updateValue(place, forKey: column) == nil
            else { return .fault(expected + ", each once and nothing else") }
        }
        guard places[.code] != nil, places[.name] != nil else { return .fault(expected) }
        return .value(Self(places: places, count: fields.count))
    }

    private static var expected: String {
        "the header must name product_code, name and, if wanted, "
            + Column.allCases.dropFirst(2).map(\.rawValue).joined(separator: ", ")
    }

    /// Reads a row, or says what is wrong with it.
    func row(_ fields: [ArraySlice<UInt8>]) -> LoaderParsed<Product> {
        guard fields.count == count else {
            return .fault("the row has \(fields.count) fields, the header \(count)")
        }
        do throws(ProductFault) {
            return .value(try product(fields))
        } catch {
            return .fault(error.description)
        }
    }

    private func product(_ fields: [ArraySlice<UInt8>]) throws(ProductFault) -> Product {
        let codeText = try text(.code, fields)
        guard let code = ProductCode(codeText) else {
            throw .invalidField(Column.code.rawValue, "is not a product code")
        }
        var product = Product(
            code: code, name: try text(.name, fields),
            description: try text(.description, fields), price: try price(fields),
            images: try text(.images, fields).split(separator: " ").map(String.init),
            attributes: try attributes(try text(.attributes, fields)))
        switch try text(.active, fields) {
        case "", "true": product.isActive = true
        case "false": product.isActive = false
        default: throw .invalidField(Column.active.rawValue, "is neither true nor false")
        }
        let kind = try text(.kind, fields)
        if !kind.isEmpty {
            guard let known = Product.Kind(rawValue: kind) else {
                throw .invalidField(Column.kind.rawValue, "is neither goods nor delivery")
            }
            product.kind = known
        }
        if let fault = product.fault { throw fault }
        return product
    }

    private func price(_ fields: [ArraySlice<UInt8>]) throws(ProductFault) -> Price? {
        let (amount, currency, rate) = (
            try text(.price, fields), try text(.currency, fields), try text(.vatRate, fields)
        )
        if amount.isEmpty, currency.isEmpty, rate.isEmpty { return nil }
        guard let known = Currency(currency) else {
            throw .invalidField(Column.currency.rawValue, "is not three capital letters")
        }
        guard
            let price = Price(
                minorUnits: try integer(amount, .price, Price.minorUnitsLimits), currency: known,
                vatRate: try integer(rate, .vatRate, Price.vatRateLimits))
        else { throw .invalidField(Column.price.rawValue, "is out of range") }
        return price
    }

    private func integer(
        _ text: String, _ column: Column, _ limits: ClosedRange<Int>
    ) throws(ProductFault) -> Int {
        guard text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let value = Int(text),
            limits.contains(value)
        else {
            throw .invalidField(
                column.rawValue,
                "is not a whole number from \(limits.lowerBound) to \(limits.upperBound)")
        }
        return value
    }

    private func attributes(_ text: String) throws(ProductFault) -> [String: String] {
        var attributes: [String: String] = [:]
        for pair in text.split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                throw .invalidField(Column.attributes.rawValue, "has a pair without \"=\"")
            }
            if attributes.updateValue(String(parts[1]), forKey: String(parts[0])) != nil {
                throw .invalidField(Column.attributes.rawValue, "names an attribute twice")
            }
        }
        return attributes
    }

    /// The text of a column; empty where the column is missing.
    private func text(
        _ column: Column, _ fields: [ArraySlice<UInt8>]
    ) throws(ProductFault) -> String {
        guard let place = places[column] else { return "" }
        guard let text = String(validating: fields[place], as: UTF8.self) else {
            throw .invalidField(column.rawValue, "is not valid UTF-8")
        }
        return text
    }
}
