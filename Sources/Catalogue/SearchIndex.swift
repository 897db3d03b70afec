import Messages

/// A product as the catalogue keeps it, shared by the book and the index.
final class StoredProduct: Sendable {
    let product: Product
    /// The name as it is sorted by; empty where nothing is searched.
    let sortName: String

    init(_ product: Product, isSearchable: Bool) {
        self.product = product
        sortName = isSearchable ? product.name.lowercased() : ""
    }
}

/// What is needed to search the catalogue: each product in a slot, with what most filters and orders
/// look at close together, and the index of words.
struct SearchIndex {
    /// What filters and orders look at first.
    struct Facts {
        var isUsed = false
        var isActive = false
        var kind = Product.Kind.goods
        /// The price's place in the order of prices: currency, then amount; the top bit alone without.
        var priceRank = noPriceRank
        /// The first eight bytes of the code and of the sort name.
        var codeRank: UInt64 = 0
        var nameRank: UInt64 = 0

        static let noPriceRank: UInt64 = 1 << 63

        var hasPrice: Bool { priceRank != Self.noPriceRank }
        var minorUnits: Int { Int(priceRank & 0xFFFF_FFFF) }
        var currencyRank: UInt64 { priceRank >> 32 }
    }

    private(set) var facts: [Facts] = []
    private(set) var stored: [StoredProduct?] = []
    private(set) var tokens = TokenIndex()
    private var slots: [ProductCode: UInt32] = [:]
    private var free: [UInt32] = []

    /// How many products there are.
    var count: Int { slots.count }

    /// Keeps the product instead of what stood under its code.
    mutating func set(_ entry: StoredProduct) {
        let product = entry.product
        let slot: UInt32
        if let known = slots[product.code] {
            slot = known
            dropTokens(of: known)
        } else {
            slot = free.popLast() ?? UInt32(stored.count)
            if Int(slot) == stored.count {
                stored.append(nil)
                facts.append(Facts())
            }
            slots[product.code] = slot
        }
        stored[Int(slot)] = entry
        facts[Int(slot)] = Self.facts(entry)
        for (word, place) in Self.words(of: product) {
            tokens.insert(word, TokenIndex.Posting(slot: slot, place: place))
        }
    }

    /// Forgets the product.
    mutating func remove(_ code: ProductCode) {
        guard let slot = slots.removeValue(forKey: code) else { return }
        dropTokens(of: slot)
        stored[Int(slot)] = nil
        facts[Int(slot)] = Facts()
        free.append(slot)
    }

    private mutating func dropTokens(of slot: UInt32) {
        guard let product = stored[Int(slot)]?.product else { return }
        for (word, place) in Self.words(of: product) {
            tokens.remove(word, TokenIndex.Posting(slot: slot, place: place))
        }
    }

    /// The words of a product, each once, with the best place where it stands.
    private static func words(of product: Product) -> [(String, WordPlace)] {
        var found: [(word: String, place: WordPlace)] = []
        func add(_ text: String, _ place: WordPlace) {
            for word in Words.of(text) { found.append((word, place)) }
        }
        add(product.code.text, .code)
        add(product.name, .name)
        for value in product.attributes.values { add(value, .attribute) }
        add(product.description, .description)
        found.sort { left, right in
            if left.word.utf8.elementsEqual(right.word.utf8) {
                return left.place.rawValue > right.place.rawValue
            }
            return left.word.utf8.lexicographicallyPrecedes(right.word.utf8)
        }
        var words: [(String, WordPlace)] = []
        for (word, place) in found {
            if let last = words.last?.0, last.utf8.elementsEqual(word.utf8) { continue }
            words.append((word, place))
        }
        return words
    }

    private static func facts(_ entry: StoredProduct) -> Facts {
        let product = entry.product
        return Facts(
            isUsed: true, isActive: product.isActive, kind: product.kind,
            priceRank: product.price.map { price in
                rank(of: price.currency) << 32 | UInt64(price.minorUnits)
            } ?? Facts.noPriceRank,
            codeRank: rank(of: product.code.text), nameRank: rank(of: entry.sortName))
    }

    static func rank(of currency: Currency) -> UInt64 {
        currency.code.utf8.reduce(0) { $0 << 8 | UInt64($1) }
    }

    static func rank(of text: String) -> UInt64 {
        var rank: UInt64 = 0
        var count: UInt64 = 0
        for byte in text.utf8.prefix(8) {
            rank = rank << 8 | UInt64(byte)
            count += 1
        }
        return count == 0 ? 0 : rank << (8 * (8 - count))
    }
}
