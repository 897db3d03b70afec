import KafkaShim
import Telemetry

/// Reads a topic of an installation's log.
enum LogTopic {
    /// All messages that a topic has now.
    static func messages(of topic: String, in installation: Installation) async throws
        -> [KafkaMessage]
    {
        let configuration = KafkaClientConfiguration(
            brokers: "127.0.0.1:\(installation.port("broker"))", clientID: "end-to-end-tests")
        let logger = Logger(component: "test", level: .error)
        let admin = try KafkaAdmin(
            configuration: configuration, logger: logger, metrics: MetricsRegistry())
        let count = try await admin.partitionCounts(of: [topic])[topic] ?? 0
        let consumer = try KafkaConsumer(
            configuration: configuration, offsetsGroup: nil, logger: logger,
            metrics: MetricsRegistry())
        do {
            let messages = try await read(
                (0..<Int32(count)).map { TopicPartition(topic: topic, partition: $0) }, consumer)
            await consumer.close()
            return messages
        } catch {
            await consumer.close()
            throw error
        }
    }

    private static func read(
        _ partitions: [TopicPartition], _ consumer: KafkaConsumer
    ) async throws -> [KafkaMessage] {
        var missing: [TopicPartition: Int64] = [:]
        for partition in partitions {
            let (low, high) = try await consumer.watermarks(partition)
            if high > low { missing[partition] = high }
        }
        try await consumer.assign(adding: missing.mapValues { _ in .beginning })
        var messages: [KafkaMessage] = []
        while !missing.isEmpty, let event = try await consumer.next() {
            guard case .messages(let batch) = event else { continue }
            for message in batch {
                messages.append(message)
                if message.offset + 1 >= missing[message.topicPartition] ?? 0 {
                    missing[message.topicPartition] = nil
                }
            }
        }
        return messages
    }
}
