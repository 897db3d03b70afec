/// Which offsets of one partition are finished, and up to where all of them are.
///
/// Messages finish in any order, but only a contiguous run of finished ones may be committed: what
/// lies beyond the first unfinished one is read again after a crash.
package struct OffsetTracker: Sendable {
    /// The offset from which a next owner would have to read, `nil` before the first message.
    package private(set) var watermark: Int?

    /// How many messages were begun and are not finished.
    package var outstanding: Int { begun.count - finished.count }

    /// Begun offsets in order, from the first unfinished one on.
    private var begun: ArraySlice<Int> = []
    private var finished: Set<Int> = []

    package init() {}

    /// Notes that the message is being worked on; offsets come in rising order.
    package mutating func begin(_ offset: Int) {
        if watermark == nil { watermark = offset }
        begun.append(offset)
    }

    /// Notes that the message is done with, for good.
    package mutating func finish(_ offset: Int) {
        finished.insert(offset)
        while let first = begun.first, finished.remove(first) != nil {
            begun.removeFirst()
            watermark = first + 1
        }
    }
}
