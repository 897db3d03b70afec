import CRdKafka
import Synchronization
package import Telemetry
import Threading

/// Appends messages to the log: idempotent, each acknowledged once it is durable (`acks=all`).
///
/// Keys choose partitions by murmur2 as Java's clients do. Messages of one call keep their order in
/// their partition; so do calls that do not overlap. While the broker is away the producer keeps
/// the messages and tries again, until `message.timeout.ms` (5 minutes unless overridden) fails them.
///
/// Acknowledgements are taken on librdkafka's own threads: nobody is woken but who waits for them.
/// Call ``close(flushWithin:)`` at the end; a producer that is let go without it fails what has not
/// been acknowledged.
package final class KafkaProducer: Sendable {
    let core: ProducerCore

    /// Starts the producer; it connects by itself.
    ///
    /// - Parameters:
    ///   - linger: how long a message may wait for company in its partition; zero sends at once, and
    ///     still batches what gathers while requests are under way.
    ///   - queuedMessagesMax: the most messages that wait for their acknowledgement.
    ///   - queuedBytesMax: the most bytes of keys and values that do, rounded up to whole KiB.
    /// - Throws: ``KafkaError`` naming the setting that is wrong.
    package init(
        configuration: KafkaClientConfiguration, linger: Duration = .zero,
        queuedMessagesMax: Int = 100_000, queuedBytesMax: Int = 64 * 1024 * 1024,
        logger: Logger, metrics: MetricsRegistry
    ) throws(KafkaError) {
        let kibibytes = max(1, (queuedBytesMax + 1023) / 1024)
        let settings = try ConfigurationHandle(
            configuration,
            settings: [
                ("enable.idempotence", "true"), ("acks", "all"),
                ("partitioner", "murmur2_random"),
                ("linger.ms", "\(linger.milliseconds)"),
                ("queue.buffering.max.messages", "\(queuedMessagesMax)"),
                ("queue.buffering.max.kbytes", "\(kibibytes)"),
            ])
        let messagesMax = settings.integer("queue.buffering.max.messages") ?? queuedMessagesMax
        let bytesMax = (settings.integer("queue.buffering.max.kbytes") ?? kibibytes) * 1024
        // The bounds are kept here alone: librdkafka takes a message off its count only after its
        // batch was told, which may make room for the next.
        try settings.set("queue.buffering.max.messages", "0")
        try settings.set("queue.buffering.max.kbytes", "\(Int32.max)")
        try settings.tellBatches()
        let context = ClientContext(
            clientID: configuration.clientID, logger: logger, metrics: metrics)
        let client = try settings.makeClient(
            RD_KAFKA_PRODUCER, events: RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS,
            context: context)
        core = ProducerCore(
            handle: ProducerHandle(client: client),
            accounts: ProducerAccounts(
                room: ProducerRoom(messagesMax: messagesMax, bytesMax: bytesMax),
                context: context, clientID: configuration.clientID, metrics: metrics))
        startThread(name: "kafka-producer") { [core] in core.run() }
    }

    deinit { core.close(flushWithin: .zero) }

    /// Appends messages and returns when the broker has acknowledged all of them.
    ///
    /// Waits while the queue is full. A cancelled caller stops waiting; its messages may be appended
    /// all the same.
    ///
    /// - Throws: the first ``KafkaError`` of any of the messages, once the fate of all is known;
    ///   others of them may have been appended. `CancellationError`.
    package func send(_ records: [KafkaRecord]) async throws {
        var start = 0
        var sent: [Promise<Void>] = []
        while start < records.count {
            let (end, bytes) = try core.room.fitting(records, from: start)
            let part = start == 0 && end == records.count ? records : Array(records[start..<end])
            start = end
            try await core.reserve(messages: part.count, bytes: bytes)
            let promise = Promise<Void>()
            core.produce(part, bytes: bytes) { result in
                promise.complete(result.mapError { $0 as any Error })
            }
            sent.append(promise)
        }
        var firstFailure: (any Error)?
        for promise in sent {
            do {
                try await promise.value()
            } catch {
                firstFailure = firstFailure ?? error
            }
        }
        if let firstFailure { throw firstFailure }
    }

    /// Appends messages without a task, without waiting.
    ///
    /// - Parameter onCompletion: called once, from a thread of librdkafka's, when the fate of all is
    ///   known: success once the broker has acknowledged all of them, else the first failure. It
    ///   must neither block nor call this producer. Where no message gets that far, as in an empty
    ///   batch, it is called at once, on the caller's thread.
    /// - Throws: `_QUEUE_FULL` (``KafkaError/isQueueFull``) where there is no room for all of them,
    ///   having enqueued none, and `_DESTROY` once closed; the completion is then not called.
    package func enqueue(
        _ records: [KafkaRecord],
        onCompletion: (@Sendable (Result<Void, KafkaError>) -> Void)? = nil
    ) throws(KafkaError) {
        guard !records.isEmpty else {
            onCompletion?(.success(()))
            return
        }
        let bytes = records.reduce(0) { $0 + $1.byteCount }
        do throws(KafkaError) {
            try core.room.tryReserve(messages: records.count, bytes: bytes)
        } catch {
            if error.isQueueFull { core.accounts.countRefusal() }
            throw error
        }
        core.produce(records, bytes: bytes, onCompletion: onCompletion ?? { _ in })
    }

    /// The messages that wait for their acknowledgement.
    package var messagesInFlight: Int { core.room.messagesInFlight }

    /// Refuses new messages, waits for the acknowledgement of the others, and ends the thread.
    ///
    /// - Parameter flushWithin: what has not been acknowledged by then fails with `_PURGE_QUEUE` or
    ///   `_PURGE_INFLIGHT`.
    package func close(flushWithin deadline: Duration) async {
        core.close(flushWithin: deadline)
        await core.ended.value()
    }
}

/// What the producer and its thread share.
final class ProducerCore: Sendable {
    let handle: ProducerHandle
    let accounts: ProducerAccounts
    let ended = Broadcast()
    private let flushDeadline = Mutex<ContinuousClock.Instant?>(nil)

    /// How long purged messages may take to be reported before the thread ends regardless.
    private static let purgePatience: Duration = .seconds(5)
    /// How often the thread looks, once closed, whether all messages are acknowledged.
    private static let flushTick: Duration = .milliseconds(10)

    init(handle: ProducerHandle, accounts: ProducerAccounts) {
        self.handle = handle
        self.accounts = accounts
    }

    var room: ProducerRoom { accounts.room }

    func reserve(messages: Int, bytes: Int) async throws {
        do throws(KafkaError) {
            try room.tryReserve(messages: messages, bytes: bytes)
        } catch {
            guard error.isQueueFull else { throw error }
            accounts.countRefusal()
            try await room.reserve(messages: messages, bytes: bytes)
        }
    }

    func produce(
        _ records: [KafkaRecord], bytes: Int,
        onCompletion: @escaping @Sendable (Result<Void, KafkaError>) -> Void
    ) {
        handle.produce(
            records,
            batch: DeliveryBatch(
                messages: records.count, bytes: bytes, accounts: accounts,
                onCompletion: onCompletion))
    }

    func close(flushWithin duration: Duration) {
        let first = flushDeadline.withLock { deadline in
            if deadline != nil { return false }
            deadline = ContinuousClock.now + duration
            return true
        }
        guard first else { return }
        room.close()
        handle.wake()
    }

    /// The thread: waits for news of the client until it is told to close and nothing is in flight.
    func run() {
        while true {
            var timeout: Duration?
            if let deadline = flushDeadline.withLock({ $0 }) {
                if room.messagesInFlight == 0 { break }
                let now = ContinuousClock.now
                if now >= deadline + Self.purgePatience { break }
                if now >= deadline {
                    // Again and again: a caller that had reserved room may only now hand over.
                    handle.purge()
                }
                // The last acknowledgement cannot wake this thread: see ``ProducerHandle``.
                timeout = Self.flushTick
            }
            take(handle.poll(timeout: timeout))
        }
        ended.complete()
    }

    private func take(_ event: ProducerHandle.Event) {
        let context = handle.client.context
        switch event {
        case .error(let error):
            if error.isFatal { context.reportFatal(error) } else { context.report(error) }
        case .statistics(let brokerIsUp):
            context.connection.observe(brokerIsUp: brokerIsUp)
        case .none:
            break
        }
    }
}
