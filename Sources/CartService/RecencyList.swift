import Messages

/// Keys in the order of their last use.
struct RecencyList<Key: Hashable & Sendable>: Sendable {
    private struct Node {
        let key: Key
        var usedAt: Timestamp
        var older: Int?
        var newer: Int?
    }

    private var nodes: [Node] = []
    private var indexes: [Key: Int] = [:]
    private var oldestIndex: Int?
    private var newestIndex: Int?

    /// The key that was not used for longest.
    var oldest: (key: Key, usedAt: Timestamp)? {
        oldestIndex.map { (nodes[$0].key, nodes[$0].usedAt) }
    }

    /// Notes that a key is used now.
    mutating func use(_ key: Key, at now: Timestamp) {
        if let index = indexes[key] {
            nodes[index].usedAt = now
            if index == newestIndex { return }
            unlink(index)
            linkAsNewest(index)
        } else {
            indexes[key] = nodes.count
            nodes.append(Node(key: key, usedAt: now))
            linkAsNewest(nodes.count - 1)
        }
    }

    mutating func remove(_ key: Key) {
        guard let index = indexes.removeValue(forKey: key) else { return }
        unlink(index)
        let last = nodes.removeLast()
        // The last node takes the free place, so that there are no gaps.
        guard index < nodes.count else { return }
        nodes[index] = last
        indexes[last.key] = index
        relink(index)
    }

    private mutating func linkAsNewest(_ index: Int) {
        nodes[index].older = newestIndex
        nodes[index].newer = nil
        newestIndex = index
        relink(index)
    }

    /// Makes the neighbours of a node name it by its index.
    private mutating func relink(_ index: Int) {
        if let older = nodes[index].older {
            nodes[older].newer = index
        } else {
            oldestIndex = index
        }
        if let newer = nodes[index].newer {
            nodes[newer].older = index
        } else {
            newestIndex = index
        }
    }

    private mutating func unlink(_ index: Int) {
        let (older, newer) = (nodes[index].older, nodes[index].newer)
        if let older { nodes[older].newer = newer } else { oldestIndex = newer }
        if let newer { nodes[newer].older = older } else { newestIndex = older }
    }
}
