import Settings
import Telemetry

extension Configuration {
    /// For tools whose output people read: only what is wrong is logged unless asked for.
    static let toolLogLevel = Setting<Logger.Level>.choice(
        "log-level", default: .warning,
        help: "Log lines below this level are dropped. Lines are JSON, on standard error.")

    // MARK: Topics

    static let topicsJSON = Setting.flag("json", help: "Print JSON instead of tables.")

    static let topicsTimeout = Setting.duration(
        "timeout", environment: "TOPICS_TIMEOUT", in: .milliseconds(100)...(.seconds(300)),
        default: .seconds(10), help: "How long each question to the log may take.")

    static let topics = CommandSpecification(
        name: "topics",
        summary: "Lists the log's topics, partitions and offsets, and its groups with their lag.",
        settings: [kafkaBrokers, topicsJSON, topicsTimeout, toolLogLevel])
}

extension Configuration {
    // MARK: Bench

    static let benchMessages = Setting.integer(
        "messages", environment: "BENCH_MESSAGES", in: 10_000...1_000_000_000, default: 2_000_000,
        help: "How many messages are written and read in batches; a tenth as many singly.")

    static let benchBytes = Setting.integer(
        "message-bytes", environment: "BENCH_MESSAGE_BYTES", in: 8...1_000_000, default: 200,
        help: "The size of a message.")

    static let benchPartitions = Setting.integer(
        "partitions", environment: "BENCH_PARTITIONS", in: 1...1_000, default: 8,
        help: "Partitions of each topic.")

    static let benchHops = Setting.integer(
        "hops", environment: "BENCH_HOPS", in: 100...10_000_000, default: 5_000,
        help: "How many messages are timed from producer to consumer, at 1,000 a second.")

    static let benchLarge = Setting.byteCount(
        "large", environment: "BENCH_LARGE", in: (1 << 20)...(1 << 40), default: 2 << 30,
        help: "How large the large topic is made, before everything is measured on it again.")

    static let benchBrokerPID = Setting.integer(
        "broker-pid", environment: "BENCH_BROKER_PID", in: 0...4_194_304, default: 0,
        help: "The broker's process, whose CPU time and memory are read; 0 where it is elsewhere.")

    static let benchReport = Setting.text(
        "report", environment: "REPORT", placeholder: "PATH",
        help: "A Markdown file to write; its plots are written beside it as SVG."
    ).optional

    static let benchBroker = CommandSpecification(
        name: "bench-broker",
        summary: """
            Measures a log: latency, throughput, the broker's CPU time and memory. Its topics \
            remain; they begin with bench- and expire after an hour.
            """,
        settings: [
            kafkaBrokers, benchMessages, benchBytes, benchPartitions, benchHops, benchLarge,
            benchBrokerPID, benchReport, toolLogLevel,
        ])

    static let benchResults = Setting.text(
        "results", environment: "BENCH_RESULTS", default: ".run/bench/results",
        placeholder: "DIRECTORY", help: "Where the files of the measurements lie.")

    static let benchReporting = CommandSpecification(
        name: "bench-report",
        summary: """
            Judges what make bench has measured: ratios to pgbench beside their goals. 1 if one is under \
            its floor.
            """,
        settings: [benchResults, benchReport, toolLogLevel])
}
