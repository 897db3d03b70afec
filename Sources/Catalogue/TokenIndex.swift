/// Which products have which words, in the order of the words.
///
/// The words stand in sorted leaves of bounded length, so that a change moves few of them, and all
/// words with one prefix stand together.
struct TokenIndex {
    /// A product that has a word: its slot, and the best place in it where the word stands.
    struct Posting {
        /// The slot above two bits of the place, so that postings sort by slot.
        let bits: UInt32

        init(slot: UInt32, place: WordPlace) { bits = slot << 2 | place.rawValue }

        fileprivate init(bits: UInt32) { self.bits = bits }

        var slot: Int { Int(bits >> 2) }
        /// The rank of a ``WordPlace``.
        var place: UInt32 { bits & 3 }
    }

    private struct Entry {
        let word: String
        /// The only posting, where ``many`` is empty: most words belong to one product.
        var one: UInt32
        var many: [UInt32] = []
    }

    private static let leafMax = 256

    private var leaves: [[Entry]] = []

    /// How many words there are.
    var wordCount: Int { leaves.reduce(0) { $0 + $1.count } }

    mutating func insert(_ word: String, _ posting: Posting) {
        let bits = posting.bits
        guard let leaf = leafIndex(for: word) else {
            leaves.append([Entry(word: word, one: bits)])
            return
        }
        let place = Self.lowerBound(of: word, in: leaves[leaf])
        if place < leaves[leaf].count, Self.isSame(leaves[leaf][place].word, word) {
            if leaves[leaf][place].many.isEmpty {
                leaves[leaf][place].many = [leaves[leaf][place].one]
            }
            let position = Self.lowerBound(of: bits, in: leaves[leaf][place].many)
            leaves[leaf][place].many.insert(bits, at: position)
            return
        }
        leaves[leaf].insert(Entry(word: word, one: bits), at: place)
        if leaves[leaf].count > Self.leafMax {
            let half = Array(leaves[leaf][(Self.leafMax / 2)...])
            leaves[leaf].removeLast(half.count)
            leaves.insert(half, at: leaf + 1)
        }
    }

    mutating func remove(_ word: String, _ posting: Posting) {
        guard let leaf = leafIndex(for: word) else { return }
        let place = Self.lowerBound(of: word, in: leaves[leaf])
        guard place < leaves[leaf].count, Self.isSame(leaves[leaf][place].word, word) else {
            return
        }
        if !leaves[leaf][place].many.isEmpty {
            let position = Self.lowerBound(of: posting.bits, in: leaves[leaf][place].many)
            leaves[leaf][place].many.remove(at: position)
            if leaves[leaf][place].many.count == 1 {
                leaves[leaf][place].one = leaves[leaf][place].many[0]
                leaves[leaf][place].many = []
            }
            return
        }
        leaves[leaf].remove(at: place)
        if leaves[leaf].isEmpty { leaves.remove(at: leaf) }
    }

    /// Hands over the postings of every word that begins so, and whether it is the whole word.
    func forEachPosting(ofWordsWithPrefix prefix: String, _ body: (Posting, Bool) -> Void) {
        guard var leaf = leafIndex(for: prefix) else { return }
        var place = Self.lowerBound(of: prefix, in: leaves[leaf])
        while leaf < leaves.count {
            let entries = leaves[leaf]
            while place < entries.count {
                let entry = entries[place]
                guard entry.word.utf8.starts(with: prefix.utf8) else { return }
                let isWhole = entry.word.utf8.count == prefix.utf8.count
                if entry.many.isEmpty { body(Posting(bits: entry.one), isWhole) }
                for bits in entry.many { body(Posting(bits: bits), isWhole) }
                place += 1
            }
            leaf += 1
            place = 0
        }
    }

    /// The last leaf whose first word is not behind the word, or else the first leaf.
    private func leafIndex(for word: String) -> Int? {
        if leaves.isEmpty { return nil }
        var low = 0
        var high = leaves.count
        while low < high {
            let middle = (low + high) / 2
            if Self.precedes(word, leaves[middle][0].word) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return max(low - 1, 0)
    }

    private static func lowerBound(of word: String, in leaf: [Entry]) -> Int {
        var low = 0
        var high = leaf.count
        while low < high {
            let middle = (low + high) / 2
            if precedes(leaf[middle].word, word) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func lowerBound(of bits: UInt32, in postings: [UInt32]) -> Int {
        // Slots are mostly given out in ascending order.
        if let last = postings.last, last < bits { return postings.count }
        var low = 0
        var high = postings.count
        while low < high {
            let middle = (low + high) / 2
            if postings[middle] < bits { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // By their bytes: words that begin alike then stand together, which Unicode's order of strings,
    // where a letter may be written in two ways, does not promise.
    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }

    private static func isSame(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8)
    }
}
