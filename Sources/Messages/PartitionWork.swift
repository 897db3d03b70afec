/// The messages of one partition that a service is working on, from takeover to release.
///
/// Covers the partition's number in one topic, or in several that are keyed alike.
package struct PartitionWork: Sendable {
    private struct Progress {
        var tracker = OffsetTracker()
        var committed: Int?
    }

    private var progress: [Topic: Progress] = [:]
    /// How many messages were begun and neither finished nor abandoned.
    package private(set) var inFlight = 0
    private var drained: [CheckedContinuation<Void, Never>] = []

    package init() {}

    /// Notes that a message is being worked on.
    package mutating func begin(_ offset: Int, of topic: Topic) {
        progress[topic, default: Progress()].tracker.begin(offset)
        inFlight += 1
    }

    /// Notes that a message is done with: what it caused is stored and said.
    package mutating func finish(_ offset: Int, of topic: Topic) {
        progress[topic]?.tracker.finish(offset)
        abandon()
    }

    /// Notes that a message is not worked on any more; the next owner reads it again.
    package mutating func abandon() {
        inFlight -= 1
        precondition(inFlight >= 0, "a message ends once")
        if inFlight == 0 { resumeDrained() }
    }

    /// Resumes the continuation once every message that was begun has ended, or the work as such has.
    package mutating func whenDrained(_ continuation: CheckedContinuation<Void, Never>) {
        drained.append(continuation)
        if inFlight == 0 { resumeDrained() }
    }

    /// Ends the work, whatever is in flight; nobody waits for it any more.
    package mutating func end() { resumeDrained() }

    /// The offset to commit for a topic, if it moved since it was last taken.
    package mutating func takeWatermark(of topic: Topic) -> Int? {
        guard let watermark = progress[topic]?.tracker.watermark,
            watermark != progress[topic]?.committed
        else { return nil }
        progress[topic]?.committed = watermark
        return watermark
    }

    /// Notes that the offset which was taken last could not be committed.
    package mutating func returnWatermark(of topic: Topic) { progress[topic]?.committed = nil }

    private mutating func resumeDrained() {
        for continuation in drained { continuation.resume() }
        drained = []
    }
}

/// Where a message that was begun stands in the log, and under which ownership.
package struct MessageOrigin: Hashable, Sendable {
    package let topic: Topic
    package let partition: Int
    package let offset: Int
    /// Tells one ownership of the partition from the next.
    package let incarnation: Int

    package init(topic: Topic, partition: Int, offset: Int, incarnation: Int) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.incarnation = incarnation
    }
}
