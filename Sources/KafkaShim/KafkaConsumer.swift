import CRdKafka
package import Telemetry
import Threading

/// Reads messages from the log, as a member of a group or from partitions that are assigned by hand.
///
/// One task calls ``next()`` in a loop until it gives `nil`. The other calls may come from anywhere.
///
/// Messages wait inside librdkafka, within `queued.max.messages.kbytes` (64 MiB unless overridden),
/// until ``next()`` takes them: a slow application bounds memory, and stays in its group, because a
/// thread of its own answers the group meanwhile. When idle, a message wakes the caller of
/// ``next()`` at once; under load, batches grow by themselves.
///
/// Delivery is at least once: nothing is committed but by ``commit(_:)``.
package final class KafkaConsumer: Sendable {
    /// The most messages that ``next()`` gives at once.
    package static let batchMessagesMax = 1_000
    /// The bytes of keys and values after which a batch is full.
    package static let batchBytesMax = 4 * 1024 * 1024

    let core: ConsumerCore
    private let group: String?
    private let batchMessagesMax: Int

    /// Joins a group that shares the partitions of topics among its members.
    ///
    /// Reading starts where the group committed, at the beginning where it never did. A member that
    /// vanishes is missed after `session.timeout.ms` (6 s unless overridden).
    ///
    /// - Parameters:
    ///   - assignmentStrategy: `cooperative-sticky`, or for a group with others of the eager
    ///     protocol `range` or `roundrobin`; all members must agree.
    ///   - batchMessagesMax: the most messages that ``next()`` gives at once.
    /// - Throws: ``KafkaError`` naming the setting that is wrong.
    package convenience init(
        configuration: KafkaClientConfiguration, group: String, topics: [String],
        assignmentStrategy: String = "cooperative-sticky",
        batchMessagesMax: Int = KafkaConsumer.batchMessagesMax,
        logger: Logger, metrics: MetricsRegistry
    ) throws(KafkaError) {
        let isCooperative = assignmentStrategy == "cooperative-sticky"
        if !isCooperative && assignmentStrategy.contains("cooperative") {
            throw KafkaError.invalid(
                "assignment strategies of both protocols: \(assignmentStrategy)")
        }
        try self.init(
            configuration, group: group,
            settings: [
                ("group.id", group), ("partition.assignment.strategy", assignmentStrategy),
                ("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "1000"),
            ],
            topics: topics, isEager: !isCooperative, batchMessagesMax: batchMessagesMax,
            logger: logger, metrics: metrics)
    }

    /// Reads only partitions that ``assign(adding:)`` names.
    ///
    /// - Parameters:
    ///   - offsetsGroup: the group under whose name ``commit(_:)`` and ``StartOffset/committed``
    ///     keep offsets; no membership is taken, and none may exist when committing.
    ///   - batchMessagesMax: the most messages that ``next()`` gives at once.
    /// - Throws: ``KafkaError`` naming the setting that is wrong.
    package convenience init(
        configuration: KafkaClientConfiguration, offsetsGroup: String? = nil,
        batchMessagesMax: Int = KafkaConsumer.batchMessagesMax,
        logger: Logger, metrics: MetricsRegistry
    ) throws(KafkaError) {
        try self.init(
            configuration, group: offsetsGroup,
            // librdkafka assigns only where there is a group's name; without topics it never joins.
            settings: [("group.id", offsetsGroup ?? configuration.clientID + "-by-hand")],
            topics: [], isEager: false, batchMessagesMax: batchMessagesMax,
            logger: logger, metrics: metrics)
    }

    private init(
        _ configuration: KafkaClientConfiguration, group: String?,
        settings: [(String, String)], topics: [String], isEager: Bool, batchMessagesMax: Int,
        logger: Logger, metrics: MetricsRegistry
    ) throws(KafkaError) {
        let common = [
            ("enable.auto.commit", "false"), ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "earliest"), ("fetch.error.backoff.ms", "100"),
            // librdkafka has one fetch under way per broker, and a partition that is added joins the
            // next one: this is how long that may take when idle.
            ("fetch.wait.max.ms", "100"),
        ]
        let context = ClientContext(
            clientID: configuration.clientID, logger: logger, metrics: metrics)
        let client = try ConfigurationHandle(configuration, settings: common + settings)
            .makeClient(
                RD_KAFKA_CONSUMER,
                events: RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT
                    | RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS,
                context: context)
        let signal = ConsumerSignal()
        let handle = try ConsumerHandle(client: client, signal: signal)
        if !topics.isEmpty { try handle.subscribe(topics) }
        self.group = group
        self.batchMessagesMax = max(1, batchMessagesMax)
        core = ConsumerCore(
            handle: handle, signal: signal, isEager: isEager,
            consumed: metrics.counter(
                "holdfast_kafka_consumed_total", help: "Messages that were read from the log.",
                labels: ["client": configuration.clientID]))
        startThread(name: "kafka-consumer") { [core] in core.run() }
    }

    deinit { core.tell(.close(.now)) }

    /// Waits for what is next; `nil` once the consumer is closed.
    ///
    /// A message that waits is given at once, with all others that do, up to the limits of a batch.
    ///
    /// - Throws: ``KafkaError`` with ``KafkaError/isFatal`` once the client is beyond use, again at
    ///   each call; `CancellationError`, after which the next call continues without a gap.
    package func next() async throws -> KafkaConsumerEvent? {
        while true {
            switch core.signal.update({ $0.next() }) {
            case .give(let event):
                return event
            case .take(let wanted):
                let event = core.take(
                    messagesMax: batchMessagesMax, bytesMax: Self.batchBytesMax, wanted: wanted)
                if let event { return event }
            case .wait(let promise):
                try await promise.value()
            case .fail(let error):
                throw error
            case .finish:
                return nil
            }
        }
    }

    /// Whether ``next()`` gives no messages now: a change of what is assigned waits, or the end.
    package var hasChange: Bool { core.signal.update { $0.hasChange } }

    // MARK: Assignment by hand

    /// Adds partitions to those that are read; of a consumer without group membership.
    ///
    /// - Throws: ``KafkaError``, where a partition is assigned already.
    package func assign(adding partitions: [TopicPartition: StartOffset]) async throws {
        try await ask { .assign(partitions, $0) }
    }

    /// Stops reading partitions; no message of them is given after this returns.
    ///
    /// - Throws: ``KafkaError``, where a partition is not assigned.
    package func unassign(_ partitions: [TopicPartition]) async throws {
        try await ask { .unassign(partitions, $0) }
    }

    // MARK: Offsets

    /// Keeps, in the group's name, where to continue: for each partition the offset of the first
    /// message that is not finished, one more than that of the last one that is.
    ///
    /// Returns when the broker has them on disk. While the broker is away it waits, up to
    /// `socket.timeout.ms` (60 s unless overridden).
    ///
    /// - Throws: ``KafkaError``, such as `ILLEGAL_GENERATION` or `UNKNOWN_MEMBER_ID` where the
    ///   partitions have been lost.
    package func commit(_ offsets: [TopicPartition: Int64]) async throws {
        if offsets.isEmpty { return }
        try requireGroup()
        let promise = Promise<Void>()
        core.commit(offsets, promise)
        try await promise.value()
    }

    /// Where the group continues; partitions without a committed offset are left out.
    package func committed(
        _ partitions: [TopicPartition], within timeout: Duration = .seconds(10)
    ) async throws -> [TopicPartition: Int64] {
        try requireGroup()
        let handle = try core.handle()
        return try await onThread("kafka-query") { () throws(KafkaError) in
            try handle.committed(partitions, within: timeout)
        }
    }

    /// The offset of the oldest message of a partition, and the one that the next message will get.
    ///
    /// To read exactly what comes from now on, assign at `.offset(high)`: ``StartOffset/end`` is
    /// looked up some time after the assignment returned.
    package func watermarks(
        _ partition: TopicPartition, within timeout: Duration = .seconds(10)
    ) async throws -> (low: Int64, high: Int64) {
        let handle = try core.handle()
        return try await onThread("kafka-query") { () throws(KafkaError) in
            try handle.watermarks(partition, within: timeout)
        }
    }

    // MARK: Closing

    /// Leaves the group, once the application has completed the last revocation, and ends.
    ///
    /// ``next()`` gives no more messages; it gives that revocation, then `nil`: keep calling it.
    ///
    /// - Parameter deadline: when to leave though the revocation has not been completed.
    package func close(within deadline: Duration = .seconds(10)) async {
        core.tell(.close(.now + deadline))
        await core.ended.value()
    }

    private func requireGroup() throws(KafkaError) {
        if group == nil {
            throw KafkaError.invalid("offsets need a group: give this consumer an offsetsGroup")
        }
    }

    private func ask(_ command: (Promise<Void>) -> ConsumerCore.Command) async throws {
        let promise = Promise<Void>()
        guard core.tell(command(promise)) else { throw KafkaError.closed() }
        try await promise.value()
    }
}

/// Runs a call that blocks on a thread of its own.
func onThread<Value: Sendable>(
    _ name: String, _ body: @escaping @Sendable () throws(KafkaError) -> Value
) async throws -> Value {
    let promise = Promise<Value>()
    startThread(name: name) {
        do throws(KafkaError) {
            promise.succeed(try body())
        } catch {
            promise.fail(error)
        }
    }
    return try await promise.value()
}
