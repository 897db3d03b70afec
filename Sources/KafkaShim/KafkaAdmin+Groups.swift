import CRdKafka

/// A consumer group as the cluster knows it.
package struct KafkaGroup: Hashable, Sendable {
    /// The group's name.
    package let name: String
    /// The state in Kafka's words: `Stable`, `Empty`, `PreparingRebalance` and so on.
    package let state: String
    /// How many members it has.
    package let members: Int

    package init(name: String, state: String, members: Int) {
        self.name = name
        self.state = state
        self.members = members
    }
}

extension KafkaAdmin {
    /// Every topic with the number of its partitions.
    package func partitionCounts(
        within timeout: Duration = .seconds(10)
    ) async throws -> [String: Int] {
        try await onThread("kafka-admin") { [handle] () throws(KafkaError) in
            try handle.metadata(withTopics: true, within: timeout).partitionCounts
        }
    }

    /// Of each partition the offset of its oldest message, and the one that its next will get.
    ///
    /// Two requests per broker, however many partitions there are.
    ///
    /// - Throws: ``KafkaError``, also where a single partition has no answer.
    package func watermarks(
        of partitions: [TopicPartition], within timeout: Duration = .seconds(10)
    ) async throws -> [TopicPartition: (low: Int64, high: Int64)] {
        if partitions.isEmpty { return [:] }
        return try await onThread("kafka-admin") { [handle] () throws(KafkaError) in
            let low = try handle.offsets(
                of: partitions, at: RD_KAFKA_OFFSET_BEGINNING, within: timeout)
            let high = try handle.offsets(of: partitions, at: RD_KAFKA_OFFSET_END, within: timeout)
            return low.reduce(into: [:]) { all, entry in
                all[entry.key] = high[entry.key].map { (entry.value, $0) }
            }
        }
    }

    /// Every consumer group of the cluster.
    package func groups(within timeout: Duration = .seconds(10)) async throws -> [KafkaGroup] {
        try await onThread("kafka-admin") { [handle] () throws(KafkaError) in
            try handle.groups(within: timeout)
        }
    }

    /// Where a group continues; partitions without a committed offset are left out.
    package func committed(
        by group: String, of partitions: [TopicPartition], within timeout: Duration = .seconds(10)
    ) async throws -> [TopicPartition: Int64] {
        if partitions.isEmpty { return [:] }
        return try await onThread("kafka-admin") { [handle] () throws(KafkaError) in
            try handle.committed(by: group, of: partitions, within: timeout)
        }
    }
}
