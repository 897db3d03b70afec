import CRdKafka
import Glibc
import Synchronization
package import Telemetry
import Threading

/// Hops over the log with work between them, and nothing else: what a flow costs at least.
///
/// Link i takes what topic `PREFIX-i` holds as one batch, works on it, and passes it on to the next
/// topic. A message is the time at which its flow was due, and padding. The last topic has one
/// partition, which is where times are taken. The topics exist already, and are empty.
package struct BenchmarkChain: Sendable {
    /// What happens between two hops.
    package struct Link: Sendable {
        let producer: Int
        let asides: Int
        let work: @Sendable () throws -> (Int) throws -> Void

        /// - Parameters:
        ///   - producer: links of one number share one, as in one process.
        ///   - asides: how many messages go to `PREFIX-aside` for each that is passed on.
        ///   - work: called on the link's thread, makes what is done for each batch, by its number of
        ///     messages; it may block.
        package init(
            producer: Int, asides: Int = 0,
            work: @escaping @Sendable () throws -> (Int) throws -> Void
        ) {
            self.producer = producer
            self.asides = asides
            self.work = work
        }
    }

    /// What was measured.
    package struct Times: Sendable {
        /// Flows that ended in each second.
        package let perSecond: Double
        /// From when each was due to its end, in nanoseconds, sorted.
        package let nanoseconds: [UInt64]
    }

    /// How many seconds a flow may take.
    private static let patience = 30

    private let configuration: KafkaClientConfiguration
    private let prefix: String
    private let partitions: Int
    private let bytesPerMessage: Int
    private let links: [Link]
    private let logger: Logger

    /// - Parameter partitions: of each topic but the last.
    package init(
        configuration: KafkaClientConfiguration, prefix: String, partitions: Int,
        bytesPerMessage: Int, links: [Link], logger: Logger
    ) {
        self.configuration = configuration
        self.prefix = prefix
        self.partitions = partitions
        self.bytesPerMessage = bytesPerMessage
        self.links = links
        self.logger = logger
    }

    /// The topics, with their partitions.
    package var topics: [KafkaTopic] {
        (0...links.count).map {
            KafkaTopic(name: topic($0), partitions: partitionCount(of: $0))
        } + [KafkaTopic(name: aside, partitions: partitions)]
    }

    /// Starts flows for so long, and awaits their ends.
    ///
    /// - Parameters:
    ///   - perSecond: how many, in an open loop; `nil` for as many as end.
    ///   - inFlight: how many may be under way.
    ///   - warmUp: for how long before what is measured.
    ///   - whenMeasured: called when what is measured begins.
    package func run(
        for duration: Duration, perSecond: Int?, inFlight: Int, warmUp: Duration,
        whenMeasured: @escaping @Sendable () -> Void
    ) async throws -> Times {
        let run = Run(inFlight: inFlight)
        var producers: [Int: ClientHandle] = [:]
        for link in links where producers[link.producer] == nil {
            producers[link.producer] = try producer()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, link) in links.enumerated() {
                guard let producer = producers[link.producer] else { continue }
                group.addTask {
                    try await onThread("chain-\(index)") { () throws(KafkaError) in
                        try run.ending { () throws(KafkaError) in
                            try serve(index, link, producer, run)
                        }
                    }
                }
            }
            group.addTask {
                try await onThread("chain-end") { () throws(KafkaError) in
                    let ends = try run.ending { () throws(KafkaError) in try take(run) }
                    run.results.withLock { $0.ends = ends }
                }
            }
            group.addTask {
                try await onThread("chain-start") { () throws(KafkaError) in
                    let span = try run.ending { () throws(KafkaError) in
                        try start(run, duration, perSecond, warmUp, whenMeasured)
                    }
                    run.results.withLock { $0.span = span }
                }
            }
            try await group.waitForAll()
        }
        let results = run.results.withLock { $0 }
        let wanted = results.ends.filter { results.span.contains($0.due) }.map(\.took)
        return Times(
            perSecond: Double(wanted.count) * 1e9 / Double(max(results.span.count, 1)),
            nanoseconds: wanted.sorted())
    }

    private func start(
        _ run: Run, _ duration: Duration, _ perSecond: Int?, _ warmUp: Duration,
        _ whenMeasured: () -> Void
    ) throws(KafkaError) -> Range<UInt64> {
        let producer = try BenchmarkProducerHandle(
            client: producer(), topic: topic(0), bytesPerMessage: bytesPerMessage)
        let count = partitionCount(of: 0)
        let step = perSecond.map { 1_000_000_000 / UInt64($0) }
        // The first one waits for connections, which is nobody's time.
        try run.enter(within: Self.patience)
        try append(EventLoop.nanoseconds, to: 0, producer)
        try run.settle(within: Self.patience)
        let warm = EventLoop.nanoseconds + UInt64(warmUp.nanoseconds)
        // However late the warm-up ends: what is measured lasts as long as it shall.
        var begin: UInt64?
        var due = EventLoop.nanoseconds
        var number = 0
        while begin.map({ due < $0 + UInt64(duration.nanoseconds) }) ?? true {
            if begin == nil, due >= warm {
                begin = due
                whenMeasured()
            }
            try run.enter(within: Self.patience)
            if let step {
                sleep(until: due)
                try append(due, to: number % count, producer)
                due += step
            } else {
                due = EventLoop.nanoseconds
                try append(due, to: number % count, producer)
            }
            number += 1
        }
        try run.settle(within: Self.patience)
        let end = EventLoop.nanoseconds
        return (begin ?? end)..<end
    }

    private func serve(
        _ index: Int, _ link: Link, _ producer: ClientHandle, _ run: Run
    ) throws(KafkaError) {
        let consumer = try consumer(of: index)
        let next = try BenchmarkProducerHandle(
            client: producer, topic: topic(index + 1), bytesPerMessage: bytesPerMessage)
        let aside = try BenchmarkProducerHandle(
            client: producer, topic: aside, bytesPerMessage: bytesPerMessage)
        let work = try working { try link.work() }
        let count = partitionCount(of: index + 1)
        var batch: [UInt64] = []
        while !run.isOver {
            try consumer.takeNumbers(waitMillis: 100, into: &batch)
            if batch.isEmpty { continue }
            try working { try work(batch.count) }
            for (position, due) in batch.enumerated() {
                // Neighbours go to different partitions, as keys have it.
                let partition = Int(truncatingIfNeeded: due / 1_000) + position
                try append(due, to: partition % count, next)
                for _ in 0..<link.asides { try append(due, to: partition % partitions, aside) }
            }
        }
    }

    private func take(_ run: Run) throws(KafkaError) -> [Run.End] {
        let consumer = try consumer(of: links.count)
        var ends: [Run.End] = []
        var batch: [UInt64] = []
        while !run.isOver {
            try consumer.takeNumbers(waitMillis: 100, into: &batch)
            let now = EventLoop.nanoseconds
            for due in batch {
                ends.append(Run.End(due: due, took: now - due))
                run.leave()
            }
        }
        return ends
    }

    private func working<Value>(_ body: () throws -> Value) throws(KafkaError) -> Value {
        do {
            return try body()
        } catch {
            throw KafkaError(RD_KAFKA_RESP_ERR__APPLICATION, "\(error)")
        }
    }

    private func append(
        _ due: UInt64, to partition: Int, _ producer: borrowing BenchmarkProducerHandle
    ) throws(KafkaError) {
        guard producer.append(number: due, to: partition) else {
            throw KafkaError(rd_kafka_last_error())
        }
    }

    private func topic(_ index: Int) -> String { "\(prefix)-\(index)" }

    private var aside: String { "\(prefix)-aside" }

    private func partitionCount(of index: Int) -> Int { index == links.count ? 1 : partitions }

    private func producer() throws(KafkaError) -> ClientHandle {
        try configuration.benchmarkClient(
            RD_KAFKA_PRODUCER,
            [("linger.ms", "0")] + KafkaBenchmark.idempotent, logger: logger)
    }

    private func consumer(of index: Int) throws(KafkaError) -> BenchmarkConsumerHandle {
        try BenchmarkConsumerHandle(
            client: configuration.benchmarkClient(
                RD_KAFKA_CONSUMER,
                [
                    ("group.id", "\(prefix)-\(index)"), ("fetch.wait.max.ms", "500"),
                    ("fetch.min.bytes", "1"),
                ], logger: logger),
            topic: topic(index),
            starts: Array(
                repeating: Int64(RD_KAFKA_OFFSET_BEGINNING), count: partitionCount(of: index)))
    }
}

/// What the threads of one run share: how many flows may start, and whether it is over.
@safe private final class Run: @unchecked Sendable {
    // `@unchecked`: a semaphore is made for use by several threads (sem_overview(7)).

    /// When a flow was due, and how long it took.
    struct End: Sendable {
        let due: UInt64
        let took: UInt64
    }

    /// What the threads found: the time in which was measured, and what ended.
    struct Results: Sendable {
        var span: Range<UInt64> = 0..<0
        var ends: [End] = []
        /// The first error of any thread, which ends the others.
        var failure: KafkaError?
    }

    let results = Mutex(Results())
    private let room = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    private let inFlight: Int
    private let over = Atomic(false)

    init(inFlight: Int) {
        self.inFlight = inFlight
        unsafe sem_init(room, 0, UInt32(inFlight))
    }

    deinit {
        unsafe sem_destroy(room)
        unsafe room.deallocate()
    }

    var isOver: Bool { over.load(ordering: .relaxed) }

    /// Runs one thread's part; when it ends, or fails, the others end too.
    func ending<Value>(
        _ body: () throws(KafkaError) -> Value
    ) throws(KafkaError) -> Value {
        defer {
            over.store(true, ordering: .relaxed)
            leave()
        }
        do throws(KafkaError) {
            return try body()
        } catch {
            throw results.withLock { results in
                results.failure = results.failure ?? error
                return results.failure ?? error
            }
        }
    }

    /// Waits until a flow may start.
    ///
    /// - Throws: `_TIMED_OUT` where none ends; what another thread has failed for.
    func enter(within seconds: Int) throws(KafkaError) {
        var deadline = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += seconds
        while unsafe sem_timedwait(room, &deadline) != 0 {
            if errno != EINTR { throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT) }
        }
        if let failure = results.withLock({ $0.failure }) { throw failure }
    }

    /// Notes that a flow has ended.
    func leave() { unsafe sem_post(room) }

    /// Waits until all flows have ended.
    func settle(within seconds: Int) throws(KafkaError) {
        for _ in 0..<inFlight { try enter(within: seconds) }
        for _ in 0..<inFlight { leave() }
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
