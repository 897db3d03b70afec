import Catalogue
import Messages

@testable import Simulation

/// Products, changes and queries that a seed decides, of few words, so that much coincides.
struct ProductSamples {
    private static let words = [
        "hammer", "Hammers", "HAM", "steel", "stål", "Ståltråd", "STÅL", "e\u{301}tui", "étui",
        "18", "180", "x", "red", "Röd", "räv", "ナイフ", "Straße", "İ", "a1b2", "longer-word",
    ]
    private static let currencies = ["SEK", "EUR", "USD"].compactMap { Currency($0) }

    var generator: SeededGenerator

    init(seed: Int) { generator = SeededGenerator(seed: UInt64(seed) &* 0x1234_5678_9ABC_DEF1) }

    /// Changes of a few products in the order of their revisions.
    mutating func history(products: Int, changes: Int) -> [ProductEvent] {
        (1...changes).compactMap { revision in
            let text = "\(pick(["P", "p", "Q-", "AB.C"]))\(number(products))"
            guard let code = ProductCode(text) else { return nil }
            if number(5) == 0 { return .removed(code, revision: revision) }
            return .changed(product(code, revision))
        }
    }

    private mutating func product(_ code: ProductCode, _ revision: Int) -> Product {
        var attributes: [String: String] = [:]
        for _ in 0..<number(3) { attributes[pick(["color", "size"])] = text(2) }
        return Product(
            code: code, name: text(3), description: number(2) == 0 ? "" : text(6),
            price: number(4) == 0
                ? nil
                : Price(
                    minorUnits: number(6) * 100, currency: pick(Self.currencies), vatRate: 2_500),
            attributes: attributes, isActive: number(5) > 0,
            kind: number(5) > 0 ? .goods : .delivery, revision: revision)
    }

    /// A query in which each part is there or not.
    mutating func query() -> ProductQuery {
        var query = ProductQuery()
        if number(2) == 0 {
            query.text = (0...number(2)).map { _ in
                let word = pick(Self.words)
                return number(2) == 0 ? word : String(word.prefix(1 + number(4)))
            }.joined(separator: pick([" ", ", ", "-"]))
        }
        if number(4) == 0 { query.codePrefix = pick(["P", "p", "Q", "AB.", "AB.C1", "-"]) }
        if number(3) == 0 { query.kind = pick([.goods, .delivery]) }
        if number(3) == 0 { query.currency = pick(Self.currencies) }
        if number(4) == 0 { query.priceFrom = number(6) * 100 }
        if number(4) == 0 { query.priceTo = number(6) * 100 }
        for _ in 0..<number(3) where number(2) == 0 {
            query.attributes[pick(["color", "size"])] = pick(Self.words)
        }
        query.isActive = pick([true, false, nil])
        query.sort = pick(ProductQuery.Sort.allCases)
        query.isDescending = number(2) == 0
        if query.sort == .code, number(3) == 0 { query.after = ProductCode("P\(number(40))") }
        query.offset = number(3) == 0 ? number(10) : 0
        query.limit = 1 + number(12)
        return query
    }

    private mutating func text(_ words: Int) -> String {
        (0...number(words)).map { _ in pick(Self.words) }.joined(separator: " ")
    }

    private mutating func number(_ below: Int) -> Int {
        Int.random(in: 0..<below, using: &generator)
    }

    private mutating func pick<Value>(_ values: [Value]) -> Value { values[number(values.count)] }
}
