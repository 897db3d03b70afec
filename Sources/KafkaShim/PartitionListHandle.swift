import CRdKafka

/// A list of partitions with offsets, as librdkafka's calls take and fill it.
@safe struct PartitionListHandle: ~Copyable {
    private let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    /// One entry of a list.
    struct Entry {
        let topicPartition: TopicPartition
        let offset: Int64
        let error: KafkaError?
    }

    init(_ partitions: some Collection<TopicPartition>) {
        unsafe pointer = rd_kafka_topic_partition_list_new(CInt(partitions.count))
        for each in partitions {
            _ = unsafe rd_kafka_topic_partition_list_add(pointer, each.topic, each.partition)
        }
    }

    init(_ offsets: [TopicPartition: Int64]) {
        unsafe pointer = rd_kafka_topic_partition_list_new(CInt(offsets.count))
        for (each, offset) in offsets {
            let entry = unsafe rd_kafka_topic_partition_list_add(
                pointer, each.topic, each.partition)
            unsafe entry?.pointee.offset = offset
        }
    }

    /// A list of whole topics, to subscribe to.
    init(topics: [String]) {
        unsafe pointer = rd_kafka_topic_partition_list_new(CInt(topics.count))
        for topic in topics {
            _ = unsafe rd_kafka_topic_partition_list_add(pointer, topic, -1)
        }
    }

    deinit { unsafe rd_kafka_topic_partition_list_destroy(pointer) }

    /// Lends the pointer for the time of a call.
    func withPointer<Result>(
        _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) -> Result
    ) -> Result {
        unsafe body(pointer)
    }

    /// What the list holds now.
    var entries: [Entry] { unsafe Self.entries(of: pointer) }

    /// The first entry's error, if any entry has one.
    var firstError: KafkaError? {
        for entry in entries {
            if let error = entry.error { return error }
        }
        return nil
    }

    /// Reads a list that belongs to somebody else, such as an event.
    static func entries(
        of list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
    ) -> [Entry] {
        guard let list = unsafe list, let elements = unsafe list.pointee.elems else { return [] }
        return (0..<Int(unsafe list.pointee.cnt)).map { index in
            let element = unsafe elements[index]
            let topicPartition = unsafe TopicPartition(
                topic: String(cString: element.topic), partition: element.partition)
            let code = unsafe element.err
            return unsafe Entry(
                topicPartition: topicPartition,
                offset: element.offset,
                error: code == RD_KAFKA_RESP_ERR_NO_ERROR
                    ? nil : KafkaError(code, "\(topicPartition): \(errorText(code))"))
        }
    }
}
