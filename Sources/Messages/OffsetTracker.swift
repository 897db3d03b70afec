/// Which offsets of one partition are finished, and up to where all of them are.
///
/// Messages finish in any order, but only a contiguous run of finished ones may be committed: what
/// lies beyond the first unfinished one is read again after a crash.
package struct OffsetTracker: Sendable {
    /// The offset from which a next owner would have to read, `nil` before the first message.
    package private(set) var watermark: Int?

    /// How many messages were begun and are not finished.
    package private(set) var outstanding = 0

    /// Begun offsets in order, from the first unfinished one on.
    private var begun: ArraySlice<Int> = []
    /// How often each of them was finished; an offset that was read twice is begun twice.
    private var finished: [Int: Int] = [:]

    package init() {}

    /// Notes that the message is being worked on.
    ///
    /// Offsets mostly rise; one below what was finished takes the watermark back to it.
    package mutating func begin(_ offset: Int) {
        watermark = min(watermark ?? offset, offset)
        outstanding += 1
        if let last = begun.last, offset < last {
            let after = begun.firstIndex { $0 > offset } ?? begun.endIndex
            begun.insert(offset, at: after)
        } else {
            begun.append(offset)
        }
    }

    /// Notes that the message is done with, for good.
    package mutating func finish(_ offset: Int) {
        outstanding -= 1
        finished[offset, default: 0] += 1
        while let first = begun.first, let count = finished[first] {
            begun.removeFirst()
            finished[first] = count > 1 ? count - 1 : nil
            watermark = first + 1
        }
    }
}
