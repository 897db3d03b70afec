package import Messages

/// What is searched for in the catalogue: products for which everything holds.
package struct ProductQuery: Hashable, Sendable {
    /// By what products are put in order; ties by code, ascending.
    package enum Sort: String, CaseIterable, Sendable {
        /// How well the text matches, the best first; without a text, by code.
        case relevance
        case code
        /// In lower case.
        case name
        /// By currency, then by amount; products without a price come last in either direction.
        case price
    }

    /// The most products on a page.
    package static let limitMax = 200
    /// The most products that are passed over; who wants to see all of many sorts by code and uses
    /// ``after``.
    package static let offsetMax = 10_000
    /// The most bytes of the text.
    package static let textLengthMax = 256
    /// How many different words the text may have.
    package static let wordsMax = 16
    /// How many attributes may be asked for.
    package static let attributesMax = 16

    /// Words, each of which begins a word of the code, name, description or an attribute's value.
    package var text = ""
    /// How the code begins, compared byte by byte.
    package var codePrefix = ""
    package var kind: Product.Kind?
    package var currency: Currency?
    /// The lowest and the highest price, in minor units; products without a price are left out.
    package var priceFrom: Int?
    package var priceTo: Int?
    /// Attributes with exactly these values, compared byte by byte.
    package var attributes: [String: String] = [:]
    /// Whether the product is offered; `nil` for both.
    package var isActive: Bool? = true
    package var sort = Sort.code
    /// From the last to the first; for relevance, the best match last.
    package var isDescending = false
    /// Where products are sorted by code: those after this one in that order.
    package var after: ProductCode?
    package var offset = 0
    package var limit = 50

    package init() {}

    /// The different words of the text.
    package var words: [String] {
        Words.of(text).reduce(into: []) { words, word in
            if !words.contains(where: { $0.utf8.elementsEqual(word.utf8) }) { words.append(word) }
        }
    }
}

/// A part of what a search has found.
package struct ProductPage: Hashable, Sendable {
    package var products: [Product]
    /// How many products were found in all, from the place on where the query begins.
    package var total: Int

    package init(products: [Product], total: Int) {
        self.products = products
        self.total = total
    }
}
