import CRdKafka
package import Telemetry
import Threading

/// A topic to create.
package struct KafkaTopic: Sendable {
    /// The topic's name.
    package let name: String
    /// How many partitions it gets.
    package let partitions: Int
    /// How many brokers keep a copy; -1 leaves it to the cluster.
    package let replication: Int
    /// Settings by Kafka's names, such as `retention.ms`.
    package let configuration: [(String, String)]

    package init(
        name: String, partitions: Int, replication: Int = 1,
        configuration: [(String, String)] = []
    ) {
        self.name = name
        self.partitions = partitions
        self.replication = replication
        self.configuration = configuration
    }
}

/// A broker of the cluster, as it advertises itself.
package struct KafkaBroker: Hashable, Sendable {
    /// The broker's number.
    package let id: Int32
    /// The name or address to connect to.
    package let host: String
    /// The port to connect to.
    package let port: Int

    package init(id: Int32, host: String, port: Int) {
        self.id = id
        self.host = host
        self.port = port
    }
}

/// Asks about the cluster, and creates topics.
///
/// Each call runs on a thread of its own for as long as it takes: these are for start and for health
/// checks, not for the path of a request.
package final class KafkaAdmin: Sendable {
    /// What became of a topic that was to be created.
    package enum TopicCreation: Sendable {
        /// It is new.
        case created
        /// It was there before, perhaps with other settings: check its ``partitionCounts(of:within:)``.
        case existed
    }

    let handle: AdminHandle

    /// Starts the client; it connects by itself.
    ///
    /// - Throws: ``KafkaError`` naming the setting that is wrong.
    package init(
        configuration: KafkaClientConfiguration, logger: Logger, metrics: MetricsRegistry
    ) throws(KafkaError) {
        let context = ClientContext(
            clientID: configuration.clientID, logger: logger, metrics: metrics)
        // Of events, only answers to calls are wanted, and those come without being asked for.
        // Errors would gather unread.
        let client = try ConfigurationHandle(
            configuration, settings: [("statistics.interval.ms", "0")]
        ).makeClient(RD_KAFKA_PRODUCER, events: RD_KAFKA_EVENT_NONE, context: context)
        handle = AdminHandle(client: client)
    }

    /// Creates topics, and says of each whether it was there already.
    ///
    /// - Throws: ``KafkaError`` naming the first topic that could not be created; others may have
    ///   been.
    @discardableResult
    package func createTopics(
        _ topics: [KafkaTopic], within timeout: Duration = .seconds(10)
    ) async throws -> [String: TopicCreation] {
        if topics.isEmpty { return [:] }
        return try await onThread("kafka-admin") { [handle] () throws(KafkaError) in
            try handle.createTopics(topics, within: timeout)
        }
    }

    /// How many partitions topics have; a topic that does not exist is left out.
    package func partitionCounts(
        of topics: [String], within timeout: Duration = .seconds(10)
    ) async throws -> [String: Int] {
        let all = try await onThread("kafka-admin") { [handle] () throws(KafkaError) in
            try handle.metadata(withTopics: true, within: timeout).partitionCounts
        }
        return all.filter { topics.contains($0.key) }
    }

    /// The brokers of the cluster.
    package func brokers(within timeout: Duration = .seconds(10)) async throws -> [KafkaBroker] {
        try await onThread("kafka-admin") { [handle] () throws(KafkaError) in
            try handle.metadata(withTopics: false, within: timeout).brokers
        }
    }

    /// Whether a broker answers in time.
    package func isReachable(within timeout: Duration) async -> Bool {
        do {
            return try await !brokers(within: timeout).isEmpty
        } catch {
            return false
        }
    }
}
