import KafkaShim
import LoadTest
import PostgresShim
import RedisLock
import Telemetry

/// What one hop through each of the shims takes, and what the broker does, on the suite's own servers.
struct ShimBench {
    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// How much is measured.
    let calls: Int
    let logger = Logger(component: "microbench", level: .error)
    private let metrics = MetricsRegistry()
    private let bytesPerMessage = 200

    // MARK: The log

    /// The shim's hop in turns with librdkafka's own, both at 1,000 messages a second; then the broker.
    func measureLog(_ brokers: String, into figures: inout Figures) async throws {
        let configuration = KafkaClientConfiguration(brokers: brokers, clientID: "microbench")
        let admin = try KafkaAdmin(
            configuration: configuration, logger: logger, metrics: MetricsRegistry())
        let topic = "microbench"
        try await admin.createTopics([KafkaTopic(name: topic, partitions: 1)])
        let partition = TopicPartition(topic: topic, partition: 0)
        let bench = KafkaBenchmark(
            configuration: configuration, topic: topic, partitions: 1,
            bytesPerMessage: bytesPerMessage, logger: logger)
        var shim: (p50: [Double], p99: [Double]) = ([], [])
        var plain: (p50: [Double], p99: [Double]) = ([], [])
        for _ in 0..<3 {
            let times = try await hops(configuration, partition, admin)
            shim.p50.append(Stopwatch.percentile(times, 0.5))
            shim.p99.append(Stopwatch.percentile(times, 0.99))
            let ends = try await admin.watermarks(of: [partition])
            let others = try await bench.hop(
                calls, perSecond: 1_000, starts: [ends[partition]?.high ?? 0]
            ) { _ in }.map { Double($0) }
            plain.p50.append(Stopwatch.percentile(others, 0.5))
            plain.p99.append(Stopwatch.percentile(others, 0.99))
        }
        figures.add(
            "Hop over the log through the shim, p50; librdkafka alone",
            micros: Stopwatch.median(shim.p50) / 1_000,
            baseline: Stopwatch.median(plain.p50) / 1_000)
        figures.add(
            "The same, p99", micros: Stopwatch.median(shim.p99) / 1_000,
            baseline: Stopwatch.median(plain.p99) / 1_000)

        let many = calls * 100
        for (name, count, batch) in [
            ("Broker: single-message batches in", many / 4, 1),
            ("Broker: batched in", many, 10_000),
        ] {
            let time = try await bench.append(count, batchMax: batch) { _ in }
            figures.add(name, perSecond: Double(count) / (time / .seconds(1)))
        }
        let time = try await bench.read(many) { _ in }
        figures.add("Broker: batched out", perSecond: Double(many) / (time / .seconds(1)))
    }

    /// Nanoseconds from handing a message to the producer to taking it from the consumer.
    private func hops(
        _ configuration: KafkaClientConfiguration, _ partition: TopicPartition, _ admin: KafkaAdmin
    ) async throws -> [Double] {
        let producer = try KafkaProducer(
            configuration: configuration, logger: logger, metrics: metrics)
        let consumer = try KafkaConsumer(
            configuration: configuration, logger: logger, metrics: metrics)
        let end = try await admin.watermarks(of: [partition])[partition]?.high ?? 0
        try await consumer.assign(adding: [partition: .offset(end)])
        let value = [UInt8](repeating: 0x2E, count: bytesPerMessage)
        let records = [
            KafkaRecord(
                topic: partition.topic, partition: partition.partition, key: nil, value: value)
        ]
        // The first one waits for connections, which is nobody's hop.
        try await producer.send(records)
        _ = try await arrivals(consumer, 1)
        let clock = ContinuousClock()
        let start = clock.now + .milliseconds(200)
        async let taken = arrivals(consumer, calls)
        var sent: [ContinuousClock.Instant] = []
        for number in 0..<calls {
            try await clock.sleep(until: start + .milliseconds(number))
            sent.append(clock.now)
            try producer.enqueue(records)
        }
        let times = zip(sent, try await taken).map { sent, taken in
            (taken - sent) / .nanoseconds(1)
        }
        await consumer.close()
        await producer.close(flushWithin: .seconds(5))
        return times
    }

    private func arrivals(
        _ consumer: KafkaConsumer, _ count: Int
    ) async throws -> [ContinuousClock.Instant] {
        var arrivals: [ContinuousClock.Instant] = []
        while arrivals.count < count, let event = try await consumer.next() {
            guard case .messages(let messages) = event else { continue }
            let now = ContinuousClock.now
            arrivals += messages.map { _ in now }
        }
        return arrivals
    }

    // MARK: Postgres and Redis

    func measurePostgres(_ url: String, into figures: inout Figures) async throws {
        let connection = try await PostgresConnection.connect(
            PostgresConfiguration(url: url, applicationName: "microbench"))
        let times = try await Stopwatch.each(calls) { try await connection.ping() }
        await connection.close()
        figures.add("Round trip to Postgres through the shim, p50", micros: p50(times))
    }

    /// Locks taken and let go, in turns with a plain round trip.
    func measureLocks(_ url: String, into figures: inout Figures) async throws {
        var configuration = try RedisConfiguration(url: url)
        // A machine that stands still for a moment ends no measurement.
        configuration.replyTimeout = .seconds(20)
        let lock = RedisLock(configuration, metrics: metrics, logger: logger)
        var times: [String: [Double]] = [:]
        for _ in 0..<5 {
            times["ping", default: []] += await Stopwatch.each(calls / 5) { _ = await lock.check() }
            for (name, count) in [("one", 1), ("many", 16)] {
                let requests = (0..<count).map { LockRequest(name: "microbench-\($0)") }
                times[name, default: []] += try await Stopwatch.each(calls / 5) {
                    let leases = await lock.acquire(
                        requests, lease: .seconds(60), waitAtMost: .zero
                    ).values.compactMap(\.lease)
                    guard leases.count == count else {
                        throw Failure(description: "a lock that nobody else wants was not given")
                    }
                    _ = await lock.release(leases)
                }
            }
        }
        await lock.close()
        figures.add("Round trip to Redis through the shim, p50", micros: p50(times["ping"] ?? []))
        figures.add("One lock taken and let go, p50", micros: p50(times["one"] ?? []))
        figures.add("16 locks taken and let go together, p50", micros: p50(times["many"] ?? []))
    }

    private func p50(_ nanoseconds: [Double]) -> Double {
        Stopwatch.percentile(nanoseconds, 0.5) / 1_000
    }
}
