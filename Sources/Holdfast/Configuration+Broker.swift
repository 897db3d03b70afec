import EmbeddedBroker
import Settings

/// The settings of `holdfast broker`.
extension Configuration {
    // MARK: Where

    static let brokerHost = Setting.text(
        "host", environment: "BROKER_HOST", default: "127.0.0.1", placeholder: "HOST",
        help: "The address to listen on; 0.0.0.0 for all, which needs --advertised-host.")

    static let brokerPort = Setting.integer(
        "port", environment: "BROKER_PORT", in: 0...65_535, default: 29_092,
        help: "The port for Kafka's protocol; 0 takes a free one and logs it.")

    static let advertisedHost = Setting.text(
        "advertised-host", environment: "BROKER_ADVERTISED_HOST", placeholder: "HOST",
        help: "The name under which clients reach the broker; --host unless set."
    ).optional

    static let advertisedPort = Setting.integer(
        "advertised-port", environment: "BROKER_ADVERTISED_PORT", in: 1...65_535,
        help: "The port at which clients reach the broker; the one listened on unless set."
    ).optional

    static let brokerDataDirectory = Setting.text(
        "data-directory", environment: "BROKER_DATA_DIRECTORY", default: ".run/broker",
        placeholder: "PATH",
        help: "Where the log lies; made if it is missing, used by one process at a time.")

    static let brokerHealthPort = healthPort("BROKER_HEALTH_PORT", default: 18_081)

    // MARK: How safe

    static let fsync = Setting<BrokerConfiguration.FsyncPolicy>.choice(
        "fsync", environment: "BROKER_FSYNC", default: .interval,
        help: """
            When records are forced to the device. interval: now and then; what was acknowledged \
            survives the end of the process, not the last moments before a power failure. always: \
            before the acknowledgement, shared by all that wait.
            """)

    static let fsyncInterval = Setting.duration(
        "fsync-interval", environment: "BROKER_FSYNC_INTERVAL",
        in: .milliseconds(1)...(.seconds(60)), default: .seconds(1),
        help: "The longest time that records stay unforced under --fsync interval.")

    // MARK: How much

    static let segmentMax = Setting.byteCount(
        "segment-max", environment: "BROKER_SEGMENT_MAX", in: (1 << 20)...(1 << 30),
        default: 64 << 20,
        help: """
            A segment file is closed before it grows beyond this; records are deleted by whole \
            segments. A topic may set its own segment.bytes.
            """)

    static let retention = Setting.duration(
        "retention", environment: "BROKER_RETENTION", in: .zero...(.seconds(10 * 365 * 86_400)),
        default: .seconds(7 * 86_400),
        help: "Records older than this are deleted; 0s keeps them. A topic's retention.ms wins.")

    static let retentionMax = Setting.byteCount(
        "retention-max", environment: "BROKER_RETENTION_MAX", in: (1 << 20)...(1 << 50),
        help: """
            A partition's oldest records beyond this size are deleted; no limit unless set. A \
            topic's retention.bytes wins.
            """
    ).optional

    static let diskMax = Setting.byteCount(
        "disk-max", environment: "BROKER_DISK_MAX", in: 0...(1 << 50), default: 32 << 30,
        help: """
            When all records together are larger, the oldest of the largest partitions are \
            deleted, whatever their age. 0B: no limit; else at least two segments.
            """)

    static let offsetsRetention = Setting.duration(
        "offsets-retention", environment: "BROKER_OFFSETS_RETENTION",
        in: .zero...(.seconds(10 * 365 * 86_400)), default: .seconds(7 * 86_400),
        help: """
            What a group committed is forgotten after this time without members and commits; 0s \
            keeps it.
            """)

    // MARK: Topics

    static let defaultPartitions = Setting.integer(
        "default-partitions", environment: "BROKER_DEFAULT_PARTITIONS", in: 1...10_000,
        default: 8, help: "Partitions of a topic whose creator names no number.")

    static let autoCreateTopics = Setting.flag(
        "auto-create-topics", environment: "BROKER_AUTO_CREATE_TOPICS", default: false,
        help: """
            Whether a client that asks for an unknown topic creates it, if it allows that. Off for \
            the suite: its services create their topics, with the partitions that they need.
            """)

    // MARK: Limits

    static let brokerMessageMax = Setting.byteCount(
        "message-max", environment: "BROKER_MESSAGE_MAX", in: (1 << 10)...(1 << 30),
        default: BrokerConfiguration.messageBytesMaxDefault,
        help: "The largest batch of records. A topic may set its own max.message.bytes.")

    static let requestMax = Setting.byteCount(
        "request-max", environment: "BROKER_REQUEST_MAX", in: (64 << 10)...((2 << 30) - 8),
        default: 64 << 20,
        help: "A longer request ends its connection; more than --message-max.")

    static let requestMemoryMax = Setting.byteCount(
        "request-memory-max", environment: "BROKER_REQUEST_MEMORY_MAX",
        in: (64 << 10)...(1 << 40), default: 256 << 20,
        help: "Memory for requests that have come in part; at least --request-max.")

    static let brokerConnectionsMax = Setting.integer(
        "connections-max", environment: "BROKER_CONNECTIONS_MAX", in: 1...1_000_000,
        default: 4_096, help: "Further connections are closed at once.")

    static let broker = CommandSpecification(
        name: "broker",
        summary: "Serves the log from this machine's disk, in Kafka's protocol.",
        settings: [
            brokerHost, brokerPort, advertisedHost, advertisedPort, brokerDataDirectory,
            fsync, fsyncInterval, segmentMax, retention, retentionMax, diskMax, offsetsRetention,
            defaultPartitions, autoCreateTopics, brokerMessageMax, requestMax, requestMemoryMax,
            brokerConnectionsMax, healthHost, brokerHealthPort, logLevel,
        ])

    /// What the settings say to the broker.
    ///
    /// - Throws: ``BrokerConfigurationError`` where two of them contradict each other.
    static func brokerConfiguration(
        _ settings: Settings
    ) throws(BrokerConfigurationError) -> BrokerConfiguration {
        var configuration = BrokerConfiguration(dataDirectory: settings[brokerDataDirectory])
        configuration.host = settings[brokerHost]
        configuration.port = settings[brokerPort]
        configuration.advertisedHost = settings[advertisedHost]
        configuration.advertisedPort = settings[advertisedPort]
        configuration.fsync = settings[fsync]
        configuration.fsyncInterval = settings[fsyncInterval]
        configuration.segmentBytes = settings[segmentMax]
        configuration.retention = settings[retention] == .zero ? nil : settings[retention]
        configuration.retentionBytes = settings[retentionMax]
        configuration.diskBytesMax = settings[diskMax] == 0 ? nil : settings[diskMax]
        configuration.offsetsRetention =
            settings[offsetsRetention] == .zero ? nil : settings[offsetsRetention]
        configuration.partitionsDefault = settings[defaultPartitions]
        configuration.autoCreateTopics = settings[autoCreateTopics]
        configuration.messageBytesMax = settings[brokerMessageMax]
        configuration.requestBytesMax = settings[requestMax]
        configuration.requestMemoryMax = settings[requestMemoryMax]
        configuration.connectionsMax = settings[brokerConnectionsMax]
        try configuration.validate()
        return configuration
    }
}
