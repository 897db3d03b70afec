import Glibc
import KafkaShim
import LoadTest
import Settings
import Telemetry

/// `holdfast bench-broker`: what a log can do.
enum BenchBrokerCommand {
    static func run(_ settings: Settings, _ logger: Logger) async throws {
        let bench = try BrokerBench(settings, logger)
        let report = try await bench.run()
        print(report.text)
        guard let path = settings[Configuration.benchReport] else { return }
        let stem = path.hasSuffix(".md") ? String(path.dropLast(3)) : path
        let name = stem.split(separator: "/").last.map(String.init) ?? stem
        try write(report.markdown(plot: "\(name).svg"), to: "\(stem).md")
        try write(report.svg, to: "\(stem).svg")
        print("\nWritten: \(stem).md, \(stem).svg")
    }

    private static func write(_ text: String, to path: String) throws {
        guard let file = unsafe fopen(path, "w") else { throw CannotWrite(path: path) }
        defer { unsafe fclose(file) }
        if unsafe fputs(text, file) < 0 { throw CannotWrite(path: path) }
    }

    private struct CannotWrite: Error, CustomStringConvertible {
        let path: String
        var description: String { "\(path) cannot be written" }
    }
}

/// The measurements, one after another.
private final class BrokerBench: Sendable {
    private let settings: Settings
    private let logger: Logger
    private let configuration: KafkaClientConfiguration
    private let admin: KafkaAdmin
    private let progress = ProgressLine()
    private let partitions: Int
    private let messageBytes: Int
    private let pid: Int

    private struct Figures {
        var rows: [(name: String, text: String)] = []
        var hop: [UInt64] = []
    }

    init(_ settings: Settings, _ logger: Logger) throws {
        self.settings = settings
        self.logger = logger
        configuration = KafkaClientConfiguration(
            brokers: settings[Configuration.kafkaBrokers].map(\.text).joined(separator: ","),
            clientID: "holdfast-bench")
        admin = try KafkaAdmin(
            configuration: configuration, logger: logger, metrics: MetricsRegistry())
        partitions = settings[Configuration.benchPartitions]
        messageBytes = settings[Configuration.benchBytes]
        pid = settings[Configuration.benchBrokerPID]
    }

    func run() async throws -> BenchReport {
        let fresh = try await measure(await makeTopic("fresh"), "fresh")
        let large = try await makeTopic("large")
        let count = settings[Configuration.benchLarge] / messageBytes
        _ = try await benchmark(large).append(count, batchMax: 10_000) { [progress] in
            progress.show(
                "filling the large topic: \(groupedText($0))/\(groupedText(count))", isLast: false)
        }
        let old = try await measure(large, "large")
        let rows = zip(fresh.rows, old.rows).map { first, second in
            BenchReport.Row(name: first.name, fresh: first.text, large: second.text)
        }
        let hops = [0.5, 0.9, 0.99, 0.999].map { share in
            (share, millis(fresh.hop, share), millis(old.hop, share))
        }
        return BenchReport(
            title: """
                \(messageBytes)-byte messages, \(partitions) partitions, acks=all, idempotent, one \
                librdkafka client; the large topic held \
                \(settings[Configuration.benchLarge] >> 20) MiB before. \
                \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors for client and broker.
                """,
            rows: rows, hops: hops)
    }

    private func makeTopic(_ kind: String) async throws -> String {
        let name = "bench-\(kind)-\(getpid())"
        try await admin.createTopics([
            KafkaTopic(
                name: name, partitions: partitions, replication: -1,
                configuration: [("retention.ms", "3600000")])
        ])
        return name
    }

    private func benchmark(_ topic: String) -> KafkaBenchmark {
        KafkaBenchmark(
            configuration: configuration, topic: topic, partitions: partitions,
            bytesPerMessage: messageBytes, logger: logger)
    }

    private func measure(_ topic: String, _ kind: String) async throws -> Figures {
        var figures = Figures()
        let bench = benchmark(topic)
        let hops = settings[Configuration.benchHops]
        let many = settings[Configuration.benchMessages]
        let parts = (0..<Int32(partitions)).map { TopicPartition(topic: topic, partition: $0) }
        let ends = try await admin.watermarks(of: parts)
        let before = BrokerUsage(pid: pid)
        figures.hop = try await bench.hop(
            hops, perSecond: 1_000, starts: parts.map { ends[$0]?.high ?? 0 },
            progress: shower("one hop, \(kind)", of: hops))
        for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
            figures.rows.append(
                (
                    "One hop, 1,000/s, \(name)",
                    "\(numberText(millis(figures.hop, share), places: 3)) ms"
                ))
        }
        figures.rows.append(("Broker's CPU per message of it", cpu(since: before, per: hops)))
        try await measureRate("Single-message batches in", many / 10, into: &figures) {
            try await bench.append(
                many / 10, batchMax: 1, progress: self.shower("singles, \(kind)", of: many / 10))
        }
        try await measureRate("Batched in", many, into: &figures) {
            try await bench.append(
                many, batchMax: 10_000, progress: self.shower("batched in, \(kind)", of: many))
        }
        try await measureRate("Batched out", many, into: &figures) {
            try await bench.read(many, progress: self.shower("batched out, \(kind)", of: many))
        }
        let resident = BrokerUsage(pid: pid).map { "\($0.residentBytes >> 20) MiB" }
        figures.rows.append(("Broker's resident memory", resident ?? "-"))
        return figures
    }

    private func measureRate(
        _ name: String, _ count: Int, into figures: inout Figures,
        _ body: () async throws -> Duration
    ) async throws {
        let before = BrokerUsage(pid: pid)
        let duration = try await body()
        let perSecond = Double(count) / max(duration / .seconds(1), 1e-9)
        figures.rows.append((name, "\(groupedText(Int(perSecond)))/s"))
        figures.rows.append(("Broker's CPU per message of it", cpu(since: before, per: count)))
    }

    private func cpu(since before: BrokerUsage?, per count: Int) -> String {
        guard let before, let after = BrokerUsage(pid: pid) else { return "-" }
        let micros = Double(after.cpuMicros - before.cpuMicros) / Double(count)
        return "\(numberText(micros, places: 2)) us"
    }

    private func millis(_ sorted: [UInt64], _ share: Double) -> Double {
        guard !sorted.isEmpty else { return 0 }
        let index = min(sorted.count - 1, Int(Double(sorted.count) * share))
        return Double(sorted[index]) / 1_000_000
    }

    private func shower(_ name: String, of count: Int) -> @Sendable (Int) -> Void {
        { [progress] done in
            progress.show(
                "\(name): \(groupedText(done))/\(groupedText(count))", isLast: done >= count)
        }
    }
}
