/// What something costs, in minor units.
package struct Amount: Hashable, Sendable {
    /// VAT included.
    package var total: Int
    /// The VAT that the total includes.
    package var vat: Int

    package init(total: Int, vat: Int) {
        self.total = total
        self.vat = vat
    }

    package static let zero = Amount(total: 0, vat: 0)

    /// So many pieces at a price; the VAT is rounded once, half a unit up.
    ///
    /// A price of 100 at 25 % holds 20 of VAT: the total times the rate over the rate and one whole.
    package init(of quantity: Int, at price: Price) {
        let whole = Int128(10_000)
        let rate = Int128(price.vatRate)
        let total = Int128(price.minorUnits) * Int128(quantity)
        let vat = (2 * total * rate + whole + rate) / (2 * (whole + rate))
        self.init(total: Int(clamping: total), vat: Int(clamping: vat))
    }

    package static func + (left: Amount, right: Amount) -> Amount {
        Amount(total: left.total + right.total, vat: left.vat + right.vat)
    }
}

/// What a cart costs: each sum is exactly the sum of what it is made of.
package struct Totals: Hashable, Sendable {
    /// What of the cart's total is taxed at one rate.
    package struct Rate: Hashable, Sendable {
        /// In hundredths of a percent.
        package var vatRate: Int
        package var amount: Amount

        package init(vatRate: Int, amount: Amount) {
            self.vatRate = vatRate
            self.amount = amount
        }
    }

    package var currency: Currency
    /// The lines that have a price.
    package var items: Amount
    /// The deliveries, and whatever else is charged.
    package var delivery: Amount
    /// By VAT rate, the lowest first.
    package var rates: [Rate]
    /// Whether every line has a price; if not, the total lacks those that have none.
    package var isComplete: Bool

    package init(
        currency: Currency, items: Amount, delivery: Amount, rates: [Rate], isComplete: Bool
    ) {
        self.currency = currency
        self.items = items
        self.delivery = delivery
        self.rates = rates
        self.isComplete = isComplete
    }

    /// All together.
    package var cart: Amount { items + delivery }
}

extension Totals {
    func encode(to json: inout JSONWriter) {
        json.object { json in
            json.field("currency", currency.code)
            json.key("items")
            items.encode(to: &json)
            json.key("delivery")
            delivery.encode(to: &json)
            json.field("total", cart.total)
            json.field("vat", cart.vat)
            json.key("vatRates")
            json.beginArray()
            for rate in rates {
                json.object { json in
                    json.field("vatRate", rate.vatRate)
                    json.field("total", rate.amount.total)
                    json.field("vat", rate.amount.vat)
                }
            }
            json.endArray()
            json.key("isComplete")
            json.boolean(isComplete)
        }
    }

    init(from reader: inout JSONReader) throws(JSONError) {
        var currency: Currency?
        var items: Amount?
        var delivery: Amount?
        var rates: [Rate] = []
        var isComplete: Bool?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "currency": currency = Currency(try reader.string())
            case "items": items = try Rate(from: &reader).amount
            case "delivery": delivery = try Rate(from: &reader).amount
            case "vatRates":
                try reader.beginArray()
                while try reader.nextElement() { rates.append(try Rate(from: &reader)) }
            case "isComplete": isComplete = try reader.boolean()
            default: try reader.skipValue()
            }
        }
        guard let currency, let items, let delivery, let isComplete else {
            throw reader.failure("totals need currency, items, delivery and isComplete")
        }
        self.init(
            currency: currency, items: items, delivery: delivery, rates: rates,
            isComplete: isComplete)
    }
}

extension Amount {
    fileprivate func encode(to json: inout JSONWriter) {
        json.object { json in
            json.field("total", total)
            json.field("vat", vat)
        }
    }
}

extension Totals.Rate {
    fileprivate init(from reader: inout JSONReader) throws(JSONError) {
        var vatRate = 0
        var amount = Amount.zero
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "vatRate": vatRate = try reader.integer()
            case "total": amount.total = try reader.integer()
            case "vat": amount.vat = try reader.integer()
            default: try reader.skipValue()
            }
        }
        self.init(vatRate: vatRate, amount: amount)
    }
}
