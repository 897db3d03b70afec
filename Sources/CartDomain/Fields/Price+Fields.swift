package import Messages

extension Price: FieldCoded {
    package static let fields = [
        CommandField(
            "price", .integer(minorUnitsLimits), "Of one piece, VAT included, in minor units."),
        CommandField("currency", .currency, "By ISO 4217."),
        CommandField(
            "vatRate", .integer(vatRateLimits), "In hundredths of a percent: 2500 is 25 %."),
    ]

    package init(_ values: FieldValues) throws(FieldProblem) {
        guard
            let price = Price(
                minorUnits: try values.required("price", \.integer),
                currency: try values.required("currency", \.currency),
                vatRate: try values.required("vatRate", \.integer))
        else { throw FieldProblem("price", .invalid("is out of its limits")) }
        self = price
    }

    package var values: FieldValues {
        var values = FieldValues()
        values["price"] = .integer(minorUnits)
        values["currency"] = .text(currency.code)
        values["vatRate"] = .integer(vatRate)
        return values
    }
}
