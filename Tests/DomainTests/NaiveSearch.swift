import Catalogue
import Messages

/// A search as the documentation tells it, without any index.
struct NaiveSearch {
    let query: ProductQuery
    private let words: Set<[UInt8]>

    init(_ query: ProductQuery) {
        self.query = query
        words = Set(Self.words(query.text))
    }

    func page(of products: [Product]) -> ProductPage {
        let found = products.filter(matches).sorted(by: precedes)
        return ProductPage(
            products: Array(found.dropFirst(query.offset).prefix(query.limit)), total: found.count)
    }

    private static func words(_ text: String) -> [[UInt8]] {
        text.lowercased().unicodeScalars.split { scalar in
            !scalar.properties.isAlphabetic && scalar.properties.numericType == nil
                && scalar.properties.canonicalCombiningClass == .notReordered
        }.map { Array(String(String.UnicodeScalarView($0)).utf8) }
    }

    private func matches(_ product: Product) -> Bool {
        if let isActive = query.isActive, isActive != product.isActive { return false }
        if let kind = query.kind, kind != product.kind { return false }
        if let currency = query.currency, currency != product.price?.currency { return false }
        if let from = query.priceFrom, product.price.map({ $0.minorUnits < from }) ?? true {
            return false
        }
        if let to = query.priceTo, product.price.map({ $0.minorUnits > to }) ?? true {
            return false
        }
        for (name, value) in query.attributes {
            guard let known = product.attributes[name], Array(known.utf8) == Array(value.utf8)
            else { return false }
        }
        if !Array(product.code.text.utf8).starts(with: query.codePrefix.utf8) { return false }
        if let after = query.after, sort == .code {
            if query.isDescending ? product.code >= after : product.code <= after { return false }
        }
        return words.allSatisfy { score(of: $0, product) > 0 }
    }

    private var sort: ProductQuery.Sort {
        query.sort == .relevance && words.isEmpty ? .code : query.sort
    }

    private func score(of word: [UInt8], _ product: Product) -> Int {
        let places = [
            Self.words(product.description), product.attributes.values.flatMap(Self.words),
            Self.words(product.name), Self.words(product.code.text),
        ]
        var best = 0
        for (place, words) in places.enumerated() {
            if words.contains(where: { $0.starts(with: word) }) { best = max(best, place * 2 + 1) }
            // A longer word in a better place does not make a whole word worse.
            if words.contains(word), (place + 1..<4).allSatisfy({ !places[$0].contains(word) }) {
                best = max(best, place * 2 + 2)
            }
        }
        return best
    }

    private func precedes(_ left: Product, _ right: Product) -> Bool {
        switch order(left, right) {
        case 0: left.code < right.code
        case let order: order < 0
        }
    }

    private func order(_ left: Product, _ right: Product) -> Int {
        let direction = query.isDescending ? -1 : 1
        switch sort {
        case .code: return direction * Self.compare(left.code, right.code)
        case .relevance:
            let scores = [left, right].map { product in
                words.reduce(0) { $0 + score(of: $1, product) }
            }
            return direction * Self.compare(scores[1], scores[0])
        case .name:
            let names = [left, right].map { Array($0.name.lowercased().utf8) }
            if names[0] == names[1] { return 0 }
            return direction * (names[0].lexicographicallyPrecedes(names[1]) ? -1 : 1)
        case .price:
            switch (left.price, right.price) {
            case (nil, nil): return 0
            case (nil, _): return 1
            case (_, nil): return -1
            case (let left?, let right?):
                let byCurrency = Self.compare(left.currency, right.currency)
                return direction
                    * (byCurrency != 0
                        ? byCurrency : Self.compare(left.minorUnits, right.minorUnits))
            }
        }
    }

    private static func compare<Value: Comparable>(_ left: Value, _ right: Value) -> Int {
        left < right ? -1 : right < left ? 1 : 0
    }
}
