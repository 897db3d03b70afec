import Glibc

/// Names a timer of an ``EventLoop`` for ``EventLoop/cancel(_:)``.
package struct TimerID: Hashable, Sendable {
    let value: UInt64
}

/// Nanoseconds of the monotonic clock.
func monotonicNanoseconds() -> UInt64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

/// The pending timers of one loop: a binary heap by due time.
///
/// A cancelled timer leaves its heap entry behind; when such entries are the majority, the heap is
/// built anew, so that timers which are mostly cancelled cost no lasting memory.
struct EventLoopTimers {
    private struct Entry {
        let due: UInt64
        let id: UInt64
        /// Timers of one due time run in the order in which they were scheduled.
        func isBefore(_ other: Entry) -> Bool {
            due != other.due ? due < other.due : id < other.id
        }
    }

    private var heap: [Entry] = []
    private var actions: [UInt64: () -> Void] = [:]
    private var nextID: UInt64 = 0

    /// When the next timer is due; may be that of a cancelled one.
    var nextDue: UInt64? { heap.first?.due }

    mutating func schedule(due: UInt64, _ action: @escaping () -> Void) -> TimerID {
        let id = nextID
        nextID += 1
        actions[id] = action
        heap.append(Entry(due: due, id: id))
        siftUp(heap.count - 1)
        return TimerID(value: id)
    }

    mutating func cancel(_ timer: TimerID) {
        guard actions.removeValue(forKey: timer.value) != nil else { return }
        if heap.count > 64, actions.count < heap.count / 2 {
            heap.removeAll { actions[$0.id] == nil }
            heap.sort { $0.isBefore($1) }
        }
    }

    /// Takes the action of the first timer that is due.
    mutating func popDue(now: UInt64) -> (() -> Void)? {
        while let first = heap.first, first.due <= now {
            removeFirst()
            if let action = actions.removeValue(forKey: first.id) { return action }
        }
        return nil
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { return }
            if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(parent, child)
            parent = child
        }
    }

    private mutating func siftUp(_ index: Int) {
        var child = index
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].isBefore(heap[parent]) else { return }
            heap.swapAt(parent, child)
            child = parent
        }
    }
}
