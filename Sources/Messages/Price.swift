/// A currency by its ISO 4217 code: three capital letters.
package struct Currency: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let code: String

    /// Takes three capital letters, assigned or not; `nil` for anything else.
    package init?(_ code: String) {
        let utf8 = code.utf8
        guard utf8.count == 3, utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else { return nil }
        self.code = code
    }

    package var description: String { code }

    package static func < (left: Currency, right: Currency) -> Bool { left.code < right.code }
}

/// What one piece costs, VAT included.
package struct Price: Hashable, Sendable {
    /// In minor units: up to a thousand million, so that no total of a cart overflows.
    package static let minorUnitsLimits = 0...1_000_000_000
    /// In hundredths of a percent: from nothing to 100 %.
    package static let vatRateLimits = 0...10_000

    /// The price of one piece, VAT included, in the currency's minor unit: 1990 is 19.90 EUR.
    package let minorUnits: Int
    package let currency: Currency
    /// The VAT that the price includes, in hundredths of a percent of the price without it: 2500 is 25 %.
    package let vatRate: Int

    /// Takes a price within the limits; `nil` for anything else.
    package init?(minorUnits: Int, currency: Currency, vatRate: Int) {
        guard Self.minorUnitsLimits.contains(minorUnits), Self.vatRateLimits.contains(vatRate)
        else { return nil }
        self.minorUnits = minorUnits
        self.currency = currency
        self.vatRate = vatRate
    }
}
