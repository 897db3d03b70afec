/// A message to append.
package struct KafkaRecord: Hashable, Sendable {
    /// The topic to append to.
    package let topic: String
    /// The partition to append to; where `nil`, the key's murmur2 hash decides, as Java's does, and
    /// chance where there is no key.
    package let partition: Int32?
    /// The key; `nil` and empty are different keys.
    package let key: [UInt8]?
    /// The value; `nil` is a tombstone.
    package let value: [UInt8]?
    /// The headers, in order.
    package let headers: [KafkaHeader]

    package init(
        topic: String, partition: Int32? = nil, key: [UInt8]?, value: [UInt8]?,
        headers: [KafkaHeader] = []
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
    }

    /// The bytes that count against the producer's queue: key and value.
    var byteCount: Int { (key?.count ?? 0) + (value?.count ?? 0) }
}

/// A named value beside a message's own; names may repeat.
package struct KafkaHeader: Hashable, Sendable {
    /// The header's name.
    package let name: String
    /// The header's value; the protocol's null value reads as empty.
    package let value: [UInt8]

    package init(name: String, value: [UInt8]) {
        self.name = name
        self.value = value
    }
}
