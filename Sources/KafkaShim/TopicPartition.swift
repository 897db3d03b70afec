/// One partition of one topic.
package struct TopicPartition: Hashable, Sendable, CustomStringConvertible {
    /// The topic's name.
    package let topic: String
    /// The partition's number, from 0.
    package let partition: Int32

    package init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    package var description: String { "\(topic)[\(partition)]" }
}

extension TopicPartition: Comparable {
    package static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }
}

/// Where reading of a partition that is assigned by hand starts.
package enum StartOffset: Hashable, Sendable {
    /// With the oldest message that the log still has.
    case beginning
    /// With the first message that is appended after the client asked for the end.
    case end
    /// With the message of this offset.
    case offset(Int64)
    /// Where the consumer's group committed; at the beginning where it never did.
    case committed
}
