package import KafkaShim
package import Messages

/// `inventory-request-response`, of which a cart service assigns itself partitions by hand.
package struct KafkaAnswerLog: AssignedLog {
    private let consumer: KafkaConsumer
    private let topic = Topic.inventoryResponse

    /// - Parameter consumer: one without a subscription, with a group to keep its offsets in.
    package init(_ consumer: KafkaConsumer) { self.consumer = consumer }

    package func next() async throws -> [LogMessage<InventoryResponse>]? {
        while let event = try await consumer.next() {
            // Assigned by hand, there is nothing to be told but messages.
            guard case .messages(let messages) = event else { continue }
            return messages.map { message in
                LogMessage(message) { message throws(MessageError) in
                    try InventoryResponse(message)
                }
            }
        }
        return nil
    }

    package func assign(_ partitions: [Int]) async throws {
        var starts: [TopicPartition: StartOffset] = [:]
        for partition in topic.partitions(partitions) { starts[partition] = .committed }
        try await consumer.assign(adding: starts)
    }

    package func unassign(_ partitions: [Int]) async throws {
        try await consumer.unassign(topic.partitions(partitions))
    }

    package func ends(of partitions: [Int]) async throws -> [Int: Int] {
        try await consumer.ends(of: topic, partitions)
    }

    package func commit(_ offsets: [Int: Int]) async throws {
        try await consumer.commit(topic.offsets(offsets))
    }

    package func close() async { await consumer.close() }
}
