package import CartDomain
package import Messages
package import Telemetry

/// The heart of the cart service: takes batches of messages through the carts into the store, and
/// says what follows from them.
///
/// A cart takes part in one batch at a time; what arrives for it meanwhile waits and is taken all
/// together in the next. Thus batches that are stored concurrently never touch the same cart, and a
/// cart's versions are stored in order.
package actor CartEngine {
    /// An obligation that is open.
    struct Owed {
        let obligation: Obligation
        var dueAt: Timestamp
        var delay: Duration
    }

    typealias Batch = Mailboxes<CartID, Input>.Batch

    /// Messages that were begun, in the order of the log, and are to be processed.
    struct Admission: Sendable {
        /// Those whose carts are free; the others wait in the mailboxes.
        var batches: [Batch] = []
        /// Those that nobody can handle, with what is said of them.
        var setAside: [(origin: MessageOrigin, output: CartOutput)] = []
        /// Whether they were decided before, with nothing stored.
        var isAgain = false

        /// Whether there is nothing to process.
        var isEmpty: Bool { batches.isEmpty && setAside.isEmpty }
    }

    /// How a batch's tries went so far.
    struct Attempt {
        /// The epochs under which the last try wrote.
        var epochs: [Int: Int] = [:]
        /// The asks that left before their requests were stored.
        var asks: [InventoryRequest] = []
        /// The carts that are let go already: what they have to store waits for its answer.
        var letGo: Set<CartID> = []
        /// Whether a former try may have asked the inventory.
        var isAgain = false
        /// Whether a try wrote something of which it is not known that it was not stored.
        var mayBeStored = false
        /// Whether the batch gives way where its partition is to leave.
        var isGivingUp = false
        /// Whether there is something to wait for before the next try.
        var hasToWait = false
    }

    let configuration: CartServiceConfiguration
    let store: any CartStore
    let outbox: any CartOutbox
    let clock: any ServiceClock
    let offers: any OfferBook
    let logger: Logger
    let metrics: CartMetrics
    let executor: any SerialExecutor
    var generator: any RandomNumberGenerator & Sendable

    var partitions: [Int: CartPartition] = [:]
    var incarnations = 0
    var carts: [CartID: CartActor] = [:]
    /// Carts in memory that are no longer what the store has.
    var staleCarts: Set<CartID> = []
    /// The carts in memory, in the order of their last use.
    var recency = RecencyList<CartID>()
    /// Where the pruning of old events goes on.
    var prunedTo = CartID(bits: 0)
    var owed: [CartRequestKey: Owed] = [:]
    /// No obligation is due before.
    var nextRepetition = Timestamp(millis: .max)
    /// How long what carts owe takes to be acknowledged.
    var answerTime: AnswerTime
    var mailboxes = Mailboxes<CartID, Input>()
    /// Adds that wait for their answers to be stored with them, in order; their carts have them.
    var unstored: [CartID: [UnstoredAdd]] = [:]
    /// Whether the store was away when it was last asked to append.
    var isStoreAway = false
    /// Readers that wait for the mailboxes to empty.
    var crowdedOut: [CheckedContinuation<Void, Never>] = []

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    /// - Parameters:
    ///   - offers: where prices come from.
    ///   - generator: where the spread of waits comes from.
    package init(
        configuration: CartServiceConfiguration, store: any CartStore, outbox: any CartOutbox,
        clock: any ServiceClock, offers: any OfferBook = NoOffers(),
        executor: any SerialExecutor, logger: Logger, metrics: MetricsRegistry,
        generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.configuration = configuration
        let (least, most) = (configuration.repeatDelay, configuration.repeatDelayMax)
        answerTime = AnswerTime(limits: least...max(least, most))
        self.store = store
        self.outbox = outbox
        self.clock = clock
        self.offers = offers
        self.executor = executor
        self.logger = logger
        self.metrics = CartMetrics(metrics)
        self.generator = generator
    }

    /// Begins requests of shoppers; to be called in the order of the log.
    func accept(_ messages: [LogMessage<CartRequest>]) -> Admission {
        metrics.requests.increment(by: messages.count)
        return accept(messages, of: .cartRequest) { request in
            var request = request
            request.replyPartition = configuration.answerable(request.replyPartition)
            return .request(request)
        }
    }

    /// Begins answers of the inventory; to be called in the order of the log.
    func accept(_ messages: [LogMessage<InventoryResponse>]) -> Admission {
        metrics.answers.increment(by: messages.count)
        return accept(messages, of: .inventoryResponse) { .answer($0) }
    }

    private func accept<Value>(
        _ messages: [LogMessage<Value>], of topic: Topic, _ wrap: (Value) -> CartMessage
    ) -> Admission {
        var admission = Admission()
        var inputs: [Input] = []
        inputs.reserveCapacity(messages.count)
        for message in messages {
            guard let origin = begin(message.partition, message.offset, of: topic) else { continue }
            switch message.value {
            case .success(let value):
                let input = Input(origin: origin, message: wrap(value), raw: message.raw)
                if let reason = misplacement(of: input) {
                    admission.setAside.append((origin, setAside(input, reason: reason)))
                } else {
                    inputs.append(input)
                }
            case .failure(let error):
                admission.setAside.append(
                    (origin, setAside(origin, message.raw, reason: "\(error)")))
            }
        }
        admission.batches = mailboxes.admit(inputs) { $0.key.cartID }
        return admission
    }

    /// Works on messages until what they cause is stored and said.
    ///
    /// Returns early for those that wait for their answers, in the mailboxes or for the end of a fence,
    /// unless too many do.
    func process(_ admission: Admission) async {
        await work(on: admission)
        while isCrowded { await withCheckedContinuation { crowdedOut.append($0) } }
    }

    /// Does the work of ``process(_:)``, however many messages wait.
    func work(on admission: Admission) async {
        await withDiscardingTaskGroup { publications in
            for (origin, output) in admission.setAside {
                publications.addTask { await self.publish(output, [origin]) }
            }
            var batches = admission.batches
            while !batches.isEmpty {
                metrics.batchSize.observe(Double(batches.reduce(0) { $0 + $1.messages.count }))
                var attempt = Attempt()
                attempt.isAgain = admission.isAgain
                await settle(batches, &attempt, &publications)
                batches = batches.compactMap {
                    attempt.letGo.contains($0.key) ? nil : mailboxes.release($0.key)
                }
                letIn()
            }
        }
    }

    /// Draws from the engine's randomness, for its service.
    func spread(_ draw: (inout any RandomNumberGenerator & Sendable) -> Duration) -> Duration {
        draw(&generator)
    }

    /// How many messages wait in memory for their turn.
    var waitingCount: Int {
        partitions.values.reduce(mailboxes.waitingCount) { $0 + $1.parked.count }
    }

    private var isCrowded: Bool { waitingCount > configuration.messagesWaitingMax }

    /// Lets readers go on, if there is room.
    func letIn() {
        if crowdedOut.isEmpty || isCrowded { return }
        for continuation in crowdedOut { continuation.resume() }
        crowdedOut = []
    }

    /// The dead letter for a message that cannot be handled.
    private func setAside(_ origin: MessageOrigin, _ raw: RawMessage, reason: String) -> CartOutput
    {
        let letter = DeadLetter(
            topic: origin.topic, partition: origin.partition, offset: origin.offset,
            reason: reason, raw: raw)
        metrics.deadLetters.increment()
        logger.error(
            "A message cannot be handled and is set aside on dead-letter.",
            [
                "reason": letter.reason,
                "origin": "\(origin.topic.rawValue)/\(origin.partition)/\(origin.offset)",
            ])
        var output = CartOutput()
        output.deadLetters.append(letter)
        return output
    }

    /// The dead letter for a message that could be read, and the answer to its asker.
    private func setAside(_ input: Input, reason: String) -> CartOutput {
        var output = setAside(input.origin, input.raw, reason: reason)
        guard case .request(let request) = input.message, let partition = request.replyPartition
        else { return output }
        output.responses.append(
            CartResponse(
                cartID: request.cartID,
                content: .outcome(
                    request.requestID, .rejected, reason: .failed,
                    message: RejectionReason.failed.message(available: nil), cart: nil),
                replyPartition: partition, traceparent: request.traceparent))
        return output
    }

    /// A cart whose messages came to another partition than its key's would have two owners.
    private func misplacement(of input: Input) -> String? {
        let right = Partitioner.partition(
            of: input.key.cartID, count: configuration.partitionCount)
        return input.origin.partition == right
            ? nil : "the cart belongs to partition \(right): use the murmur2 partitioner"
    }

    /// Takes the batches' messages through their carts into the store, however long that takes; gives
    /// up only on partitions that are no longer ours.
    private func settle(
        _ batches: [Batch], _ attempt: inout Attempt, _ publications: inout DiscardingTaskGroup
    ) async {
        var backoff = Backoff()
        var live = batches
        while true {
            takeUnstored(into: &live, &attempt)
            live = dropAbandoned(live, isGivingUp: attempt.isGivingUp)
            if live.isEmpty { return }
            if attempt.hasToWait {
                attempt.hasToWait = false
                try? await clock.sleep(for: backoff.next(using: &generator))
                continue
            }
            do throws(CartStoreError) {
                if try await turn(&live, &attempt, &publications) { return }
            } catch {
                staleCarts.formUnion(live.map(\.key).filter { carts[$0] != nil })
                switch error {
                case .fenced:
                    attempt.isGivingUp = true
                    if let parts = split(live) {
                        for part in parts {
                            var own = attempt
                            await settle(part, &own, &publications)
                        }
                        return
                    }
                    fence(under: attempt.epochs)
                    attempt.hasToWait = true
                case .conflict:
                    metrics.conflicts.increment()
                case .unavailable(let reason):
                    metrics.unavailable.increment()
                    logger.warning(
                        "The cart store is away; its batches wait.", ["reason": reason])
                    attempt.isGivingUp = true
                    attempt.hasToWait = true
                    isStoreAway = true
                    abandonDraining()
                case .refused(let reason):
                    await bisect(live, reason, attempt, &publications)
                    return
                }
            }
        }
    }

    /// The batches of each partition by themselves; `nil` if they are all of one.
    private func split(_ batches: [Batch]) -> [[Batch]]? {
        let parts = Dictionary(grouping: batches) { $0.messages[0].origin.partition }
        return parts.count > 1 ? parts.sorted { $0.key < $1.key }.map(\.value) : nil
    }

    /// Finds the message that the store refuses, by halves, and sets it aside.
    private func bisect(
        _ batches: [Batch], _ reason: String, _ attempt: Attempt,
        _ publications: inout DiscardingTaskGroup
    ) async {
        let inputs = batches.flatMap(\.messages)
        if inputs.count > 1 {
            for half in [inputs.prefix(inputs.count / 2), inputs.dropFirst(inputs.count / 2)] {
                var alone = Mailboxes<CartID, Input>()
                var own = attempt
                // Their carts stay busy until all of them are done.
                own.isAgain = true
                await settle(
                    alone.admit(Array(half)) { $0.key.cartID }, &own, &publications)
            }
        } else if let input = inputs.first {
            var output = setAside(input, reason: reason)
            // Its asks have left. What they may hold is let go, as nothing else stands for it.
            output.inventoryRequests += attempt.asks.filter { input.message.causes($0) }
                .map { ask in
                    var lower = ask
                    lower.action = .lower(to: 0)
                    return lower
                }
            let said = output
            publications.addTask { await self.publish(said, [input.origin]) }
        }
    }

    /// One try: decides the batches and stores what they cause in one transaction.
    ///
    /// - Parameter batches: those whose messages are to be stored; without what waits for its answer,
    ///   and with what has waited.
    /// - Returns: whether that was done; if not, partitions went or came while the store was asked.
    private func turn(
        _ batches: inout [Batch], _ attempt: inout Attempt,
        _ publications: inout DiscardingTaskGroup
    ) async throws(CartStoreError) -> Bool {
        let epochs = epochs(of: batches)
        try await load(batches, epochs)
        let recalled = try await recall(batches, isAgain: attempt.mayBeStored)
        // What was read counts only under the ownership that will write: another owner may have
        // written in between. From here to the append nothing is awaited.
        guard self.epochs(of: batches) == epochs else { return false }
        let now = clock.now()
        let canWait = !attempt.isAgain && !attempt.mayBeStored
        var append = CartAppend()
        var output = CartOutput()
        var early = CartOutput()
        var stored: [Batch] = []
        output.events = recalled.replayed
        for batch in batches {
            let (turn, responses, snapshot) = decide(
                batch, isAgain: attempt.isAgain,
                recalled: recalled.carts[batch.key] ?? CartRecall(), now: now)
            if canWait, turn.isOfEarlyAsks(batch.messages.count),
                partitions[batch.partition]?.phase == .active
            {
                keepUnstored(batch, turn)
                early.inventoryRequests += turn.owed.compactMap(\.obligation?.ask)
                attempt.letGo.insert(batch.key)
                if let next = mailboxes.release(batch.key) {
                    publications.addTask { await self.work(on: Admission(batches: [next])) }
                }
                continue
            }
            let waited = unstored.removeValue(forKey: batch.key) ?? []
            stored.append(
                Batch(key: batch.key, messages: waited.map(\.input) + batch.messages))
            append.epochs[batch.partition] = epochs[batch.partition]
            attempt.asks += waited.compactMap(\.obligation.ask)
            let events = (turn.replacesUnstored ? [] : waited.map(\.event)) + turn.events
            append.events += events.map {
                StoredEvent($0, of: batch.key, partition: batch.partition)
            }
            if let snapshot { append.snapshots.append(snapshot) }
            for add in waited {
                if turn.changesDebt(for: add.key) {
                    answerTime.note(from: add.event.at, to: now)
                } else {
                    append.obligations.append(add.obligation)
                }
            }
            let waitedFor = Set(waited.map(\.key))
            for (key, obligation) in turn.owed {
                guard let obligation else {
                    if !waitedFor.contains(key) { append.discharged.append(key) }
                    continue
                }
                append.obligations.append(obligation)
                // The asks of plain adds leave while the append commits: see ``UnstoredAdd``. Other asks
                // depend on what is in the cart, and wait for the append. So do lowers: a line must not
                // lose its hold to a removal that was not stored; and the asks of a further try, which
                // need not be said anew as often as the store is tried.
                if let ask = obligation.ask, turn.earlyAsks.contains(key), !attempt.mayBeStored {
                    early.inventoryRequests.append(ask)
                } else {
                    output.say(obligation.message)
                }
            }
            append.discharged += acknowledged(by: batch, turn)
            output.inventoryRequests += turn.remarks
            output.cartRequests += turn.cartRequests
            output.responses += responses
        }
        batches = stored
        if !early.isEmpty {
            let early = early
            attempt.asks += early.inventoryRequests
            publications.addTask { await self.publish(early, []) }
        }
        if batches.isEmpty { return true }
        if !attempt.asks.isEmpty { attempt.isAgain = true }

        let start = clock.now()
        attempt.epochs = append.epochs
        attempt.mayBeStored = true
        try await store.append(append)
        metrics.appendSeconds.observe(Double(clock.now().millis - start.millis) / 1_000)
        isStoreAway = false
        metrics.events.increment(by: append.events.count)
        metrics.snapshots.increment(by: append.snapshots.count)
        remember(append)
        output.events += append.events
        let said = output
        let origins = batches.flatMap { $0.messages.map(\.origin) }
        publications.addTask { await self.publish(said, origins) }
        return true
    }

    /// Sends until the log has it; then the messages that caused it are finished.
    ///
    /// Messages of partitions that leave are not waited for: their next owner says it again.
    func publish(_ output: CartOutput, _ origins: [MessageOrigin]) async {
        var backoff = Backoff()
        var open = origins
        var isSent = output.isEmpty
        while !isSent {
            do {
                try await outbox.send(output)
                isSent = true
            } catch {
                logger.warning(
                    "The log does not take what the carts say; it is sent again.",
                    ["reason": "\(error)"])
                open = stillToSay(for: open)
                if open.isEmpty { return }
                try? await clock.sleep(for: backoff.next(using: &generator))
            }
        }
        for origin in open { current(origin)?.work.finish(origin.offset, of: origin.topic) }
    }
}
