import Messages

/// Things that are due at moments, the earliest first.
///
/// A binary heap; nothing is taken out before its time, so the owner tells stale items himself.
struct DeadlineHeap<Item: Sendable>: Sendable {
    private var nodes: [(due: Timestamp, item: Item)] = []

    /// When the first item is due.
    var earliest: Timestamp? { nodes.first?.due }

    var count: Int { nodes.count }

    mutating func insert(_ item: Item, due: Timestamp) {
        nodes.append((due, item))
        var child = nodes.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard nodes[child].due < nodes[parent].due else { return }
            nodes.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the first item if it is due by `now`.
    mutating func popDue(by now: Timestamp) -> (due: Timestamp, item: Item)? {
        guard let first = nodes.first, first.due <= now else { return nil }
        let last = nodes.removeLast()
        guard !nodes.isEmpty else { return first }
        nodes[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < nodes.count {
                if nodes[child].due < nodes[least].due { least = child }
            }
            if least == parent { return first }
            nodes.swapAt(parent, least)
            parent = least
        }
    }
}
