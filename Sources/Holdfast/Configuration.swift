import RestGateway
import Settings
import Telemetry

/// The commands of the executable.
enum Command: String, CaseIterable {
    case gateway, cart, inventory, migrate, broker, race, load, simulate, topics, audit
    case benchBroker = "bench-broker"
    case benchReport = "bench-report"

    /// What the command does and which settings it takes.
    var specification: CommandSpecification {
        switch self {
        case .gateway: Configuration.gateway
        case .cart: Configuration.cart
        case .inventory: Configuration.inventory
        case .migrate: Configuration.migrate
        case .broker: Configuration.broker
        case .race: Configuration.race
        case .load: Configuration.load
        case .simulate: Configuration.simulate
        case .topics: Configuration.topics
        case .audit: Configuration.audit
        case .benchBroker: Configuration.benchBroker
        case .benchReport: Configuration.benchReporting
        }
    }
}

/// Every setting of every command, declared once.
///
/// A command's own settings stand in the extension of its name. The constants are also the keys
/// under which ``Settings`` gives the values.
enum Configuration {
    /// The version of the suite, as `CHANGELOG.md` counts them.
    static let version = DocumentInfo.version

    static let logLevel = Setting<Logger.Level>.choice(
        "log-level", default: .info,
        help: "Log lines below this level are dropped. Lines are JSON, on standard error.")

    static let kafkaBrokers = Setting.hostPorts(
        "kafka-brokers", default: [HostPort(host: "127.0.0.1", port: 29_092)],
        help: "Where the log is: some brokers of one cluster, Kafka's or holdfast's own.")

    static let databaseURL = Setting.url(
        "database-url", schemes: ["postgres", "postgresql"],
        help: "The Postgres database, with user and password: postgres://user:password@host/name.")

    static let redisURL = Setting.url(
        "redis-url", schemes: ["redis"],
        default: ServiceURL("redis://127.0.0.1:26379", schemes: ["redis"]),
        help: "The Redis server that lends locks for products in low stock.")

    static let adminToken = Setting.text(
        "admin-token", placeholder: "TOKEN",
        help: "The bearer token of those who may seed, and change products."
    ).secret.optional

    static let cartPartitions = Setting.integer(
        "cart-partitions", in: 1...1_000, default: 8,
        help: """
            Partitions of cart-request, inventory-request-response and cart-event when they are \
            created; how many cart services can share the work. Later, a count that differs from \
            the topics' stops the start.
            """)

    static let inventoryPartitions = Setting.integer(
        "inventory-partitions", in: 1...1_000, default: 8,
        help: "Partitions of inventory-request when it is created.")

    static let replyPartitions = Setting.integer(
        "reply-partitions", in: 1...1_000, default: 16,
        help: "Partitions of cart-request-response when it is created. Gateways may share one.")

    static let replicationFactor = Setting.integer(
        "replication-factor", in: 1...10, default: 1,
        help: "Replicas of each topic when it is created.")

    /// What every command that reads or writes the log takes.
    static let log: [any SettingDeclaration] = [
        kafkaBrokers, cartPartitions, inventoryPartitions, replyPartitions, replicationFactor,
    ]

    /// The address on which a service without shoppers answers health checks and metrics.
    static let healthHost = Setting.text(
        "health-host", default: "127.0.0.1", placeholder: "HOST",
        help: "The address on which /health/live, /health/ready and /metrics are answered.")

    static func healthPort(_ environment: String, default port: Int) -> Setting<Int> {
        Setting.integer(
            "health-port", environment: environment, in: 0...65_535, default: port,
            help: "The port for health and metrics; 0 takes a free one and logs it.")
    }

    /// How long a process that was told to stop may finish what it has begun.
    static let stopDeadline = Setting.duration(
        "stop-deadline", in: .milliseconds(100)...(.seconds(300)), default: .seconds(10),
        help: "How long work in flight may go on after SIGTERM or SIGINT.")
}
