import KafkaShim
import Messages

extension Topic {
    func partitions(_ numbers: [Int]) -> [TopicPartition] {
        numbers.map { TopicPartition(topic: rawValue, partition: Int32($0)) }
    }

    func offsets(_ offsets: [Int: Int]) -> [TopicPartition: Int64] {
        var named: [TopicPartition: Int64] = [:]
        for (partition, offset) in offsets {
            named[TopicPartition(topic: rawValue, partition: Int32(partition))] = Int64(offset)
        }
        return named
    }
}

extension KafkaConsumer {
    /// The offsets that the next messages of the partitions will get.
    func ends(of topic: Topic, _ partitions: [Int]) async throws -> [Int: Int] {
        var ends: [Int: Int] = [:]
        for partition in topic.partitions(partitions) {
            ends[Int(partition.partition)] = Int(try await watermarks(partition).high)
        }
        return ends
    }
}

extension LogMessage {
    init(
        _ message: KafkaMessage,
        _ decode: (KafkaMessage) throws(MessageError) -> Value
    ) {
        self.init(
            partition: Int(message.partition), offset: Int(message.offset),
            value: Result { () throws(MessageError) in try decode(message) },
            raw: RawMessage(key: message.key ?? [], value: message.value ?? []))
    }
}
