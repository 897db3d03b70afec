import CartDomain
package import Messages
package import Telemetry

/// The heart of the cart service: takes batches of messages through the carts into the store, and
/// says what follows from them.
///
/// A cart takes part in one batch at a time; what arrives for it meanwhile waits and is taken all
/// together in the next. Thus batches that are stored concurrently never touch the same cart, and a
/// cart's versions are stored in order.
package actor CartEngine {
    /// A message that was begun.
    struct Input: Sendable {
        let origin: MessageOrigin
        /// Whether a former owner may have handled it before.
        let isReplay: Bool
        let message: CartMessage
        let raw: RawMessage
    }

    /// An obligation that is open.
    struct Owed {
        let obligation: Obligation
        var dueAt: Timestamp
        var delay: Duration
    }

    typealias Batch = Mailboxes<CartID, Input>.Batch

    let configuration: CartServiceConfiguration
    let store: any CartStore
    let outbox: any CartOutbox
    let clock: any ServiceClock
    let logger: Logger
    let metrics: CartMetrics
    let executor: any SerialExecutor
    var generator = SystemRandomNumberGenerator()

    var partitions: [Int: CartPartition] = [:]
    var incarnations = 0
    var carts: [CartID: CartActor] = [:]
    /// Carts in memory that are no longer what the store has.
    var staleCarts: Set<CartID> = []
    var owed: [CartRequestKey: Owed] = [:]
    var mailboxes = Mailboxes<CartID, Input>()

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    package init(
        configuration: CartServiceConfiguration, store: any CartStore, outbox: any CartOutbox,
        clock: any ServiceClock, executor: any SerialExecutor, logger: Logger,
        metrics: MetricsRegistry
    ) {
        self.configuration = configuration
        self.store = store
        self.outbox = outbox
        self.clock = clock
        self.executor = executor
        self.logger = logger
        self.metrics = CartMetrics(metrics)
    }

    /// Works on requests of shoppers until what they cause is stored and said.
    func process(_ messages: [LogMessage<CartRequest>]) async {
        metrics.requests.increment(by: messages.count)
        await process(messages, of: .cartRequest) { .request($0) }
    }

    /// Works on answers of the inventory until what they cause is stored and said.
    func process(_ messages: [LogMessage<InventoryResponse>]) async {
        metrics.answers.increment(by: messages.count)
        await process(messages, of: .inventoryResponse) { .answer($0) }
    }

    private func process<Value>(
        _ messages: [LogMessage<Value>], of topic: Topic,
        _ wrap: (Value) -> CartMessage
    ) async {
        await withDiscardingTaskGroup { publications in
            var inputs: [Input] = []
            inputs.reserveCapacity(messages.count)
            for message in messages {
                guard let origin = begin(message.partition, message.offset, of: topic) else {
                    continue
                }
                do {
                    let value = wrap(try message.value.get())
                    try checkPartition(value.key.cartID, origin.partition)
                    inputs.append(
                        Input(
                            origin: origin, isReplay: isReplay(origin), message: value,
                            raw: message.raw))
                } catch {
                    let output = setAside(origin, message.raw, reason: "\(error)")
                    publications.addTask { await self.publish(output, [origin]) }
                }
            }
            var batches = mailboxes.admit(inputs) { $0.message.key.cartID }
            while !batches.isEmpty {
                metrics.batchSize.observe(Double(batches.reduce(0) { $0 + $1.messages.count }))
                await settle(batches, &publications)
                batches = batches.compactMap { mailboxes.release($0.key) }
            }
        }
    }

    /// The dead letter for a message that cannot be handled.
    private func setAside(_ origin: MessageOrigin, _ raw: RawMessage, reason: String) -> CartOutput
    {
        metrics.deadLetters.increment()
        logger.error(
            "A message cannot be handled and is set aside on dead-letter.",
            [
                "reason": reason,
                "origin": "\(origin.topic.rawValue)/\(origin.partition)/\(origin.offset)",
            ])
        var output = CartOutput()
        output.deadLetters.append(
            DeadLetter(
                topic: origin.topic, partition: origin.partition, offset: origin.offset,
                reason: reason,
                raw: raw))
        return output
    }

    /// A cart whose messages came to another partition than its key's would have two owners.
    private func checkPartition(_ cartID: CartID, _ partition: Int) throws(MessageError) {
        let right = Partitioner.partition(of: cartID.utf8, count: configuration.partitionCount)
        guard partition == right else {
            throw .field("cartID", "belongs to partition \(right): use the murmur2 partitioner")
        }
    }

    /// Takes the batches' messages through their carts into the store, however long that takes; gives
    /// up only on partitions that are no longer ours.
    private func settle(
        _ batches: [Batch], _ publications: inout DiscardingTaskGroup
    ) async {
        var backoff = Backoff()
        var live = batches
        var isGivingUp = false
        while !Task.isCancelled {
            live = dropAbandoned(live, isGivingUp: isGivingUp)
            if live.isEmpty { return }
            do throws(CartStoreError) {
                try await turn(live, &publications)
                return
            } catch {
                switch error {
                case .fenced:
                    fence(live)
                    isGivingUp = true
                case .conflict:
                    metrics.conflicts.increment()
                case .unavailable(let reason):
                    metrics.unavailable.increment()
                    logger.warning(
                        "The cart store is away; its batches wait.", ["reason": reason])
                    try? await clock.sleep(for: backoff.next(using: &generator))
                    isGivingUp = true
                case .refused(let reason):
                    staleCarts.formUnion(live.map(\.key))
                    await bisect(live, reason, &publications)
                    return
                }
                staleCarts.formUnion(live.map(\.key))
            }
        }
    }

    /// Finds the message that the store refuses, by halves, and sets it aside.
    private func bisect(
        _ batches: [Batch], _ reason: String, _ publications: inout DiscardingTaskGroup
    ) async {
        let inputs = batches.flatMap(\.messages)
        if inputs.count > 1 {
            for half in [inputs.prefix(inputs.count / 2), inputs.dropFirst(inputs.count / 2)] {
                var alone = Mailboxes<CartID, Input>()
                await settle(
                    alone.admit(Array(half)) { $0.message.key.cartID }, &publications)
            }
        } else if let input = inputs.first {
            var output = setAside(input.origin, input.raw, reason: reason)
            if case .request(let request) = input.message,
                let replyPartition = request.replyPartition
            {
                output.responses.append(
                    CartResponse(
                        cartID: request.cartID,
                        content: .outcome(
                            request.requestID, .rejected, reason: .failed,
                            message: RejectionReason.failed.message(available: nil), cart: nil),
                        replyPartition: replyPartition, traceparent: request.traceparent))
            }
            let said = output
            publications.addTask { await self.publish(said, [input.origin]) }
        }
    }

    /// One try: decides the batches and stores what they cause in one transaction.
    private func turn(
        _ batches: [Batch], _ publications: inout DiscardingTaskGroup
    ) async throws(CartStoreError) {
        try await load(batches)
        let recalled = try await recall(batches)
        let now = clock.now()
        var append = CartAppend()
        var output = CartOutput()
        output.events = recalled.replayed
        for batch in batches {
            let (turn, responses) = decide(
                batch, recalled: recalled.entries[batch.key] ?? [:], now: now)
            append.events += turn.events
            for (key, obligation) in turn.owed {
                if let obligation {
                    append.obligations.append(obligation)
                } else {
                    append.discharged.append(key)
                }
            }
            append.discharged += acknowledged(by: batch, turn)
            output.responses += responses
            for input in batch.messages {
                let partition = input.origin.partition
                append.epochs[partition] = partitions[partition]?.epoch
            }
        }

        // The asks leave while the append commits. This is safe: until it has committed the requests'
        // offsets are not, so that whoever owns the cart next decides the same requests and asks
        // the same. Lowers wait: a line must not lose its hold to a removal that was not stored.
        var asks = CartOutput()
        for obligation in append.obligations {
            if case .ask = obligation.request.action {
                asks.inventoryRequests.append(obligation.request)
            } else {
                output.inventoryRequests.append(obligation.request)
            }
        }
        if !asks.isEmpty {
            let early = asks
            publications.addTask { await self.publish(early, []) }
        }

        let start = clock.now()
        try await store.append(append)
        metrics.appendSeconds.observe(Double(clock.now().millis - start.millis) / 1_000)
        metrics.events.increment(by: append.events.count)
        remember(append)
        output.events += append.events
        let said = output
        let origins = batches.flatMap { $0.messages.map(\.origin) }
        publications.addTask { await self.publish(said, origins) }
    }

    /// Sends until the log has it; then the messages that caused it are finished.
    func publish(_ output: CartOutput, _ origins: [MessageOrigin]) async {
        var backoff = Backoff()
        while !output.isEmpty {
            do {
                try await outbox.send(output)
                break
            } catch {
                logger.warning(
                    "The log does not take what the carts say; it is sent again.",
                    ["reason": "\(error)"])
                if Task.isCancelled || !origins.contains(where: isCurrent) { break }
                try? await clock.sleep(for: backoff.next(using: &generator))
            }
        }
        for origin in origins where isCurrent(origin) {
            partitions[origin.partition]?.work.finish(origin.offset, of: origin.topic)
        }
    }
}
