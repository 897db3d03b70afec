import Adapters
import KafkaShim
import PostgresShim
import RestGateway
import Settings
import Telemetry
import Threading

/// What every service process has: its metrics, the log's settings, Postgres, and a health port.
struct ServiceHost {
    let logger: Logger
    let metrics = MetricsRegistry()
    let log: LogSettings
    let postgres: PostgresPool
    let admin: KafkaAdmin
    let topics: KafkaTopics
    let clock = SystemClock()

    init(_ settings: Settings, _ logger: Logger, role: String, connections: Int) throws {
        self.logger = logger
        log = LogSettings(settings, role: role)
        postgres = PostgresPool(
            .service(
                url: settings[Configuration.databaseURL].text, applicationName: "holdfast-\(role)"),
            size: connections, metrics: metrics, logger: logger.named("postgres"))
        admin = try KafkaAdmin(
            configuration: log.client("admin"), logger: logger.named("kafka"), metrics: metrics)
        topics = log.topics(admin, logger: logger)
    }

    /// Runs a service while it sees to the topics, which are there when it begins.
    ///
    /// - Throws: `TopicMismatch` if the partition counts differ from the settings; what `body` throws.
    func withTopics(_ body: () async throws -> Void) async throws {
        try await topics.prepare()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await topics.keep() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    /// A producer for all that the service says.
    func makeProducer() throws -> KafkaProducer {
        try KafkaProducer(
            configuration: log.client("producer"), logger: logger.named("kafka"),
            metrics: metrics)
    }

    /// A member of a consumer group for one topic.
    func makeMember(
        of group: String, topic: String, batchMax: Int
    ) throws -> KafkaConsumer {
        try KafkaConsumer(
            configuration: log.client("member"), group: group, topics: [topic],
            batchMessagesMax: batchMax, logger: logger.named("kafka"), metrics: metrics)
    }

    /// A consumer whose partitions are assigned by hand.
    ///
    /// - Parameter group: the name under which offsets are kept; `nil` for none.
    func makeReader(offsetsIn group: String?, batchMax: Int) throws -> KafkaConsumer {
        try KafkaConsumer(
            configuration: log.client("reader"), offsetsGroup: group, batchMessagesMax: batchMax,
            logger: logger.named("kafka"), metrics: metrics)
    }

    /// Answers health checks and metrics on a port of its own.
    func startHealth(
        _ settings: Settings, port: Setting<Int>, probes: [any DependencyProbe]
    ) async throws -> HealthServer {
        try await HealthServer.start(
            host: settings[Configuration.healthHost], port: settings[port], probes: probes,
            loop: EventLoop(name: "health"), logger: logger, metrics: metrics)
    }
}
