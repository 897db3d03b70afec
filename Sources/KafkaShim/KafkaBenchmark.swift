import CRdKafka
import Glibc
package import Telemetry
import Threading

/// Drives a log as hard as librdkafka can, without making a Swift value of each message: what is
/// measured is the broker and librdkafka, not this package's ways of handing on messages.
///
/// Producers are idempotent, with `acks=all`. Each call runs on threads of its own.
package struct KafkaBenchmark: Sendable {
    private let configuration: KafkaClientConfiguration
    private let topic: String
    private let partitions: Int
    private let bytesPerMessage: Int
    private let logger: Logger

    /// - Parameter topic: exists already.
    package init(
        configuration: KafkaClientConfiguration, topic: String, partitions: Int,
        bytesPerMessage: Int, logger: Logger
    ) {
        self.configuration = configuration
        self.topic = topic
        self.partitions = partitions
        self.bytesPerMessage = bytesPerMessage
        self.logger = logger
    }

    /// Appends messages and waits until all are acknowledged.
    ///
    /// - Parameters:
    ///   - batchMax: the most messages of one batch; with 1 nothing lingers.
    ///   - progress: called with the count of those acknowledged so far.
    /// - Returns: the time from the first message to the last acknowledgement.
    package func append(
        _ count: Int, batchMax: Int, progress: @escaping @Sendable (Int) -> Void
    ) async throws -> Duration {
        try await onThread("bench-append") { () throws(KafkaError) in
            let producer = try BenchmarkProducerHandle(
                client: configuration.benchmarkClient(
                    RD_KAFKA_PRODUCER, events: RD_KAFKA_EVENT_DR,
                    [
                        ("linger.ms", batchMax == 1 ? "0" : "5"),
                        ("batch.num.messages", "\(batchMax)"),
                        ("queue.buffering.max.messages", batchMax == 1 ? "20000" : "500000"),
                    ] + Self.idempotent, logger: logger),
                topic: topic, bytesPerMessage: bytesPerMessage)
            let begin = ContinuousClock.now
            var sent = 0
            var acknowledged = 0
            var partition = 0
            while acknowledged < count {
                let wanted = min(count - sent, batchMax == 1 ? 100 : 1_000)
                let appended = wanted == 0 ? 0 : producer.append(wanted, to: partition)
                sent += appended
                partition = (partition + 1) % partitions
                var news = try producer.acknowledged(
                    waitMillis: appended < wanted || wanted == 0 ? 10 : 0)
                while news > 0 {
                    acknowledged += news
                    progress(acknowledged)
                    news = try producer.acknowledged(waitMillis: 0)
                }
            }
            return ContinuousClock.now - begin
        }
    }

    /// Reads messages from the beginning.
    ///
    /// - Returns: the time from the first message to the last.
    package func read(
        _ count: Int, progress: @escaping @Sendable (Int) -> Void
    ) async throws -> Duration {
        try await onThread("bench-read") { () throws(KafkaError) in
            let consumer = try BenchmarkConsumerHandle(
                client: configuration.benchmarkClient(
                    RD_KAFKA_CONSUMER,
                    [
                        ("group.id", "\(topic)-reader"), ("queued.min.messages", "1000000"),
                        ("fetch.message.max.bytes", "1048576"),
                    ], logger: logger),
                topic: topic,
                starts: Array(repeating: Int64(RD_KAFKA_OFFSET_BEGINNING), count: partitions))
            var begin: ContinuousClock.Instant?
            var taken = 0
            var idle = 0
            while taken < count {
                let news = try consumer.take(waitMillis: 100)
                idle = news == 0 ? idle + 1 : 0
                if idle > 300 { throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT) }
                if begin == nil, news > 0 { begin = .now }
                taken += news
                progress(taken)
            }
            return ContinuousClock.now - (begin ?? .now)
        }
    }

    /// Sends single messages at a steady pace, without linger, and reads them.
    ///
    /// - Parameter starts: the end of each partition, where reading starts.
    /// - Returns: the time from each one's sending to its reading, in nanoseconds, sorted.
    package func hop(
        _ count: Int, perSecond: Int, starts: [Int64], progress: @escaping @Sendable (Int) -> Void
    ) async throws -> [UInt64] {
        let reading = Promise<[UInt64]>()
        let consumerClient = try configuration.benchmarkClient(
            RD_KAFKA_CONSUMER,
            [
                ("group.id", "\(topic)-hop"), ("fetch.wait.max.ms", "500"),
                ("fetch.min.bytes", "1"),
            ], logger: logger)
        let ready = Promise<Void>()
        startThread(name: "bench-hop") {
            do throws(KafkaError) {
                let consumer = try BenchmarkConsumerHandle(
                    client: consumerClient, topic: topic, starts: starts)
                var nanoseconds: [UInt64] = []
                var idle = 0
                while nanoseconds.count < count {
                    guard let sent = try consumer.takeNumber(waitMillis: 100) else {
                        ready.succeed(())
                        idle += 1
                        if idle > 300 { throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT) }
                        continue
                    }
                    nanoseconds.append(EventLoop.nanoseconds - sent)
                    progress(nanoseconds.count)
                }
                reading.succeed(nanoseconds.sorted())
            } catch {
                ready.succeed(())
                reading.fail(error)
            }
        }
        try await ready.value()
        try await onThread("bench-pace") { () throws(KafkaError) in
            let producer = try BenchmarkProducerHandle(
                client: configuration.benchmarkClient(
                    RD_KAFKA_PRODUCER,
                    [("linger.ms", "0")] + Self.idempotent, logger: logger),
                topic: topic, bytesPerMessage: bytesPerMessage)
            // The first messages wait for a connection and a producer ID; nobody's latency is that.
            var next = EventLoop.nanoseconds + 500_000_000
            let step = 1_000_000_000 / UInt64(perSecond)
            for number in 0..<count {
                sleep(until: next)
                while !producer.append(number: EventLoop.nanoseconds, to: number % partitions) {
                    sleep(until: EventLoop.nanoseconds + step)
                }
                next += step
            }
            sleep(until: EventLoop.nanoseconds + 1_000_000_000)
        }
        return try await reading.value()
    }

    /// How a producer appends each message once, where it lasts.
    static let idempotent = [("enable.idempotence", "true"), ("acks", "all")]
}

extension KafkaClientConfiguration {
    /// A client of librdkafka's that nobody observes.
    func benchmarkClient(
        _ kind: rd_kafka_type_t, events: CInt = RD_KAFKA_EVENT_NONE,
        _ settings: [(String, String)], logger: Logger
    ) throws(KafkaError) -> ClientHandle {
        try ConfigurationHandle(
            self, settings: [("statistics.interval.ms", "0")] + settings
        ).makeClient(
            kind, events: events,
            context: ClientContext(
                clientID: clientID, logger: logger, metrics: MetricsRegistry()))
    }
}

/// Waits for a moment of ``EventLoop/nanoseconds``; the thread sleeps.
func sleep(until nanoseconds: UInt64) {
    var time = timespec(
        tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    while unsafe clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
}
