/// A message as it was read from the log.
package struct KafkaMessage: Hashable, Sendable {
    /// The topic it stands in.
    package let topic: String
    /// The partition it stands in.
    package let partition: Int32
    /// Its place in the partition; to continue after it, commit `offset + 1`.
    package let offset: Int64
    /// When its producer made it, or the broker appended it, in milliseconds since 1970; -1 where
    /// the log does not say.
    package let timestampMillis: Int64
    /// The key; `nil` and empty are different keys.
    package let key: [UInt8]?
    /// The value; `nil` is a tombstone.
    package let value: [UInt8]?
    /// The headers, in order.
    package let headers: [KafkaHeader]

    package init(
        topic: String, partition: Int32, offset: Int64, timestampMillis: Int64, key: [UInt8]?,
        value: [UInt8]?, headers: [KafkaHeader]
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestampMillis = timestampMillis
        self.key = key
        self.value = value
        self.headers = headers
    }

    /// The partition it stands in, with its topic.
    package var topicPartition: TopicPartition {
        TopicPartition(topic: topic, partition: partition)
    }

    /// The value of the last header of a name, as the Kafka clients read a repeated one.
    package func header(_ name: String) -> [UInt8]? {
        headers.last { $0.name == name }?.value
    }
}
