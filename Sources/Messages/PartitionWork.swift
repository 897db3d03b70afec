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
    private var inFlight = 0
    private var drained: CheckedContinuation<Void, Never>?

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
        if inFlight == 0 {
            drained?.resume()
            drained = nil
        }
    }

    /// Resumes the continuation once every message that was begun has ended.
    package mutating func whenDrained(_ continuation: CheckedContinuation<Void, Never>) {
        if inFlight == 0 {
            continuation.resume()
        } else {
            drained = continuation
        }
    }

    /// The offset to commit for a topic, if it moved since it was last taken.
    package mutating func takeWatermark(of topic: Topic) -> Int? {
        guard let watermark = progress[topic]?.tracker.watermark,
            watermark != progress[topic]?.committed
        else { return nil }
        progress[topic]?.committed = watermark
        return watermark
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
