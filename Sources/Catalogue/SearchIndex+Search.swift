import Messages

extension SearchIndex {
    /// A product that was found, with its place in the order as far as one number tells it.
    private struct Found {
        let rank: UInt64
        let slot: Int
    }

    /// What the ranks of codes with one prefix have in common.
    private struct RankPrefix {
        let rank: UInt64
        let mask: UInt64

        init(_ prefix: String) {
            rank = SearchIndex.rank(of: prefix)
            mask = ~UInt64(0) << UInt64(8 * (8 - min(prefix.utf8.count, 8)))
        }
    }

    /// More words than these would cost more than they spare.
    private static let narrowingWordsMax = 4

    /// Finds what the query asks for.
    ///
    /// It costs one pass over the products that have the words, or over all where no word is given;
    /// only the best ones are ever sorted.
    func search(_ query: ProductQuery) -> ProductPage {
        let words = query.words
        let isRanked = !words.isEmpty
        let sort = query.sort == .relevance && !isRanked ? .code : query.sort
        // No product has a text without a word, such as "!".
        if !isRanked, !query.text.allSatisfy(\.isWhitespace) {
            return ProductPage(products: [], total: 0)
        }
        let scores = isRanked ? self.scores(of: words) : []
        let narrowed = narrowing(query.attributes)
        let prefix = query.codePrefix.isEmpty ? nil : RankPrefix(query.codePrefix)
        let wanted = max(query.offset + query.limit, 1)
        var best: [Found] = []
        best.reserveCapacity(min(2 * wanted, facts.count))
        var total = 0
        var limit: Found?
        for slot in facts.indices {
            if isRanked, scores[slot] == 0 { continue }
            if let narrowed, narrowed[slot] == 0 { continue }
            guard let product = matching(query, sort, prefix, slot) else { continue }
            total += 1
            let score = isRanked ? UInt64(scores[slot]) : 0
            let found = Found(rank: rank(product, score, sort, query.isDescending), slot: slot)
            if let limit, !precedes(found, limit, sort, query.isDescending) { continue }
            best.append(found)
            if best.count == 2 * wanted {
                best.sort { precedes($0, $1, sort, query.isDescending) }
                best.removeLast(wanted)
                limit = best[wanted - 1]
            }
        }
        best.sort { precedes($0, $1, sort, query.isDescending) }
        let page = best.dropFirst(query.offset).prefix(query.limit)
        return ProductPage(products: page.compactMap { stored[$0.slot]?.product }, total: total)
    }

    /// Each slot's score: 0 unless it has all words.
    ///
    /// For each word the best of its matches counts: the place in which it stands, then whether it is
    /// the whole word there.
    private func scores(of words: [String]) -> [UInt16] {
        var totals = [UInt16](repeating: 0, count: facts.count)
        for (index, word) in words.enumerated() {
            let scores = scores(of: word)
            for slot in totals.indices {
                let isMissing = scores[slot] == 0 || index > 0 && totals[slot] == 0
                totals[slot] = isMissing ? 0 : totals[slot] + UInt16(scores[slot])
            }
        }
        return totals
    }

    private func scores(of word: String) -> [UInt8] {
        var scores = [UInt8](repeating: 0, count: facts.count)
        tokens.forEachPosting(ofWordsWithPrefix: word) { posting, isWhole in
            let score = UInt8(truncatingIfNeeded: posting.place * 2 + (isWhole ? 2 : 1))
            if scores[posting.slot] < score { scores[posting.slot] = score }
        }
        return scores
    }

    /// Slots that may have the attributes: those with all their values' words; `nil` for all.
    private func narrowing(_ attributes: [String: String]) -> [UInt16]? {
        let words = attributes.values.flatMap { Words.of($0) }.prefix(Self.narrowingWordsMax)
        return words.isEmpty ? nil : scores(of: Array(words))
    }

    private func matching(
        _ query: ProductQuery, _ sort: ProductQuery.Sort, _ prefix: RankPrefix?, _ slot: Int
    ) -> Facts? {
        let product = facts[slot]
        guard product.isUsed, query.isActive.map({ $0 == product.isActive }) ?? true,
            query.kind.map({ $0 == product.kind }) ?? true
        else { return nil }
        if let currency = query.currency {
            guard product.hasPrice, product.currencyRank == Self.rank(of: currency) else {
                return nil
            }
        }
        if query.priceFrom != nil || query.priceTo != nil {
            guard product.hasPrice, query.priceFrom.map({ $0 <= product.minorUnits }) ?? true,
                query.priceTo.map({ product.minorUnits <= $0 }) ?? true
            else { return nil }
        }
        if let prefix, product.codeRank & prefix.mask != prefix.rank { return nil }
        guard !query.codePrefix.isEmpty || !query.attributes.isEmpty || query.after != nil else {
            return product
        }
        guard let whole = stored[slot]?.product,
            query.codePrefix.isEmpty || whole.code.text.utf8.starts(with: query.codePrefix.utf8),
            query.attributes.allSatisfy({ name, value in
                whole.attributes[name]?.utf8.elementsEqual(value.utf8) == true
            })
        else { return nil }
        if let after = query.after, sort == .code {
            guard query.isDescending ? whole.code < after : after < whole.code else { return nil }
        }
        return product
    }

    /// A number that is lower for what comes first, and equal where more has to be compared.
    private func rank(
        _ product: Facts, _ score: UInt64, _ sort: ProductQuery.Sort, _ isDescending: Bool
    ) -> UInt64 {
        switch sort {
        case .relevance: isDescending ? score : ~score
        case .code: isDescending ? ~product.codeRank : product.codeRank
        case .name: isDescending ? ~product.nameRank : product.nameRank
        case .price:
            isDescending && product.hasPrice
                ? ~product.priceRank & (Facts.noPriceRank - 1) : product.priceRank
        }
    }

    private func precedes(
        _ left: Found, _ right: Found, _ sort: ProductQuery.Sort, _ isDescending: Bool
    ) -> Bool {
        if left.rank != right.rank { return left.rank < right.rank }
        guard let left = stored[left.slot], let right = stored[right.slot] else { return false }
        if sort == .name, !left.sortName.utf8.elementsEqual(right.sortName.utf8) {
            let isFirst = left.sortName.utf8.lexicographicallyPrecedes(right.sortName.utf8)
            return isFirst != isDescending
        }
        let isFirst = left.product.code < right.product.code
        let isReversed = sort == .code && isDescending
        return isReversed ? right.product.code < left.product.code : isFirst
    }
}
