import InventoryDomain
package import Messages
package import Telemetry

/// The heart of the inventory service: decides batches of asks and lowers, product by product.
///
/// A product takes part in one transaction at a time; what arrives for it meanwhile waits and is
/// decided all together in the next (rule I4): a hot product costs one row update a round.
package actor InventoryEngine {
    /// A message that was begun.
    struct Input: Sendable {
        let origin: MessageOrigin
        let request: InventoryRequest
        let raw: RawMessage
    }

    typealias Batch = Mailboxes<ProductCode, Input>.Batch

    /// Messages that were begun, in the order of the log, and are to be processed.
    struct Admission: Sendable {
        /// Those whose products are free; the others wait in the mailboxes.
        var batches: [Batch] = []
        /// Those that cannot be read.
        var setAside: [(origin: MessageOrigin, letter: DeadLetter)] = []
    }

    /// One partition that this service owns, from takeover to release.
    struct Partition {
        let incarnation: Int
        var isDraining = false
        /// Whether what is not decided is left to the next owner: later messages must not overtake.
        var isAbandoned = false
        var work = PartitionWork()
    }

    let configuration: InventoryServiceConfiguration
    let store: any InventoryStore
    private let locks: any ProductLocks
    let outbox: any InventoryOutbox
    private let clock: any ServiceClock
    let logger: Logger
    let metrics: InventoryMetrics
    private let executor: any SerialExecutor
    private var generator: any RandomNumberGenerator & Sendable

    var partitions: [Int: Partition] = [:]
    var incarnations = 0
    /// Whether the store was away when it was last asked.
    var isStoreAway = false
    private var mailboxes = Mailboxes<ProductCode, Input>()
    private var sights = ProductSights()
    /// How many milliseconds the database's clock was ahead of ours when it was last read.
    private var databaseAhead: Int?
    /// Readers that wait for the mailboxes to empty.
    private var crowdedOut: [CheckedContinuation<Void, Never>] = []

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    /// - Parameter generator: where the spread of waits comes from.
    package init(
        configuration: InventoryServiceConfiguration, store: any InventoryStore,
        locks: any ProductLocks, outbox: any InventoryOutbox, clock: any ServiceClock,
        executor: any SerialExecutor, logger: Logger, metrics: MetricsRegistry,
        generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.configuration = configuration
        self.store = store
        self.locks = locks
        self.outbox = outbox
        self.clock = clock
        self.executor = executor
        self.logger = logger
        self.metrics = InventoryMetrics(metrics)
        self.generator = generator
    }

    /// Begins messages; to be called in the order of the log.
    func accept(_ messages: [LogMessage<InventoryRequest>]) -> Admission {
        metrics.requests.increment(by: messages.count)
        var admission = Admission()
        var inputs: [Input] = []
        inputs.reserveCapacity(messages.count)
        for message in messages {
            guard let origin = begin(message) else { continue }
            switch message.value {
            case .success(let request):
                inputs.append(Input(origin: origin, request: request, raw: message.raw))
            case .failure(let error):
                admission.setAside.append(
                    (origin, setAside(origin, message.raw, reason: "\(error)")))
            }
        }
        admission.batches = mailboxes.admit(inputs) { $0.request.productCode }
        return admission
    }

    /// Works on messages until they are decided, stored and answered.
    ///
    /// Returns early for those that wait in the mailboxes, unless too many do.
    func process(_ admission: Admission) async {
        await withDiscardingTaskGroup { publications in
            for (origin, letter) in admission.setAside {
                publications.addTask { await self.publish([], [letter], [origin]) }
            }
            var batches = admission.batches
            while !batches.isEmpty {
                metrics.batchSize.observe(Double(batches.reduce(0) { $0 + $1.messages.count }))
                await settle(batches, &publications)
                batches = batches.compactMap { mailboxes.release($0.key) }
                if !isCrowded { letIn() }
            }
        }
        while isCrowded { await withCheckedContinuation { crowdedOut.append($0) } }
    }

    /// How many messages wait for products that are being worked on.
    var waitingCount: Int { mailboxes.waitingCount }

    private var isCrowded: Bool { waitingCount > configuration.messagesWaitingMax }

    private func letIn() {
        for continuation in crowdedOut { continuation.resume() }
        crowdedOut = []
    }

    /// Decides the batches, however long that takes; gives up only on partitions that leave.
    private func settle(
        _ batches: [Batch], _ publications: inout DiscardingTaskGroup
    ) async {
        var backoff = Backoff()
        var plan = GuardPlan()
        var live = batches
        var isAway = false
        while true {
            live = dropAbandoned(live, isGivingUp: isAway)
            if live.isEmpty { return }
            do throws(InventoryStoreError) {
                live = try await round(live, &plan, &publications)
            } catch {
                switch error {
                case .unavailable(let reason):
                    metrics.unavailable.increment()
                    logger.warning(
                        "The inventory store is away; its batches wait.", ["reason": reason])
                    isAway = true
                    isStoreAway = true
                    abandonDraining()
                    live = dropAbandoned(live, isGivingUp: true)
                    if live.isEmpty { return }
                    try? await clock.sleep(for: backoff.next(using: &generator))
                case .refused(let reason):
                    await bisect(live, reason, &publications)
                    return
                }
            }
        }
    }

    /// One transaction over all products, those that could not be decided in it excepted.
    ///
    /// - Returns: the batches that were not decided.
    private func round(
        _ batches: [Batch], _ plan: inout GuardPlan, _ publications: inout DiscardingTaskGroup
    ) async throws(InventoryStoreError) -> [Batch] {
        let guards = await acquire(batches, &plan)
        let ready = batches.filter { guards[$0.key] != nil }
        let locked = ready.map(\.key).filter {
            if case .locked = guards[$0] { true } else { false }
        }
        metrics.lockedProducts.increment(by: locked.count)
        let rounds = ready.map {
            ProductRound(
                code: $0.key, requests: $0.messages.map(\.request),
                guard: guards[$0.key] ?? .none)
        }
        let configuration = configuration
        let start = clock.now()
        let codes = rounds.map(\.code).sorted()
        let guess = guess(codes, rounds, at: start)
        let result: Result<([(ProductRound.Verdict, Product?)], Timestamp), InventoryStoreError>
        do throws(InventoryStoreError) {
            let decided = try await store.transact(
                products: codes,
                holds: rounds.flatMap { round in
                    round.requests.flatMap(\.holdKeys)
                },
                counts: rounds.filter { $0.requests.contains { $0.action == .recount } }.map(
                    \.code),
                guess: guess
            ) { snapshot in
                var changes = InventoryChanges()
                var ledger = snapshot.holds
                let verdicts = rounds.map {
                    $0.decide(snapshot, &ledger, configuration, into: &changes)
                }
                return (changes, (verdicts, snapshot.now))
            }
            result = .success(decided)
        } catch {
            result = .failure(error)
        }
        if !locked.isEmpty { await locks.release(locked) }
        let (verdicts, now) = try result.get()
        isStoreAway = false
        if now == guess?.now {
            metrics.guessed.increment()
        } else {
            databaseAhead = now.millis - start.millis
        }
        metrics.transactionSeconds.observe(Double(clock.now().millis - start.millis) / 1_000)

        var undecided = batches.filter { guards[$0.key] == nil }
        var answers: [InventoryResponse] = []
        var origins: [MessageOrigin] = []
        for (batch, (verdict, product)) in zip(ready, verdicts) {
            sights[batch.key] = product
            switch verdict {
            case .decided(let decided):
                answers += decided
                origins += batch.messages.map(\.origin)
            case .needsLock:
                metrics.lockRounds.increment()
                plan.needsLock.insert(batch.key)
                undecided.append(batch)
            case .staleToken:
                metrics.staleTokens.increment()
                plan.staleTokens[batch.key, default: 0] += 1
                undecided.append(batch)
            }
        }
        metrics.count(answers)
        let (said, done) = (answers, origins)
        if !done.isEmpty { publications.addTask { await self.publish(said, [], done) } }
        return undecided
    }

    /// What the transaction will read, where all that is asked for are new holds.
    private func guess(
        _ codes: [ProductCode], _ rounds: [ProductRound], at now: Timestamp
    ) -> InventorySnapshot? {
        guard let databaseAhead, rounds.allSatisfy(\.onlyAsks) else { return nil }
        return sights.guess(codes, now: Timestamp(millis: now.millis + databaseAhead))
    }

    /// Takes the locks that the batches look like needing.
    ///
    /// - Returns: what guards each product; none for a product whose lock is busy.
    private func acquire(
        _ batches: [Batch], _ plan: inout GuardPlan
    ) async -> [ProductCode: ProductRound.Guard] {
        var guards: [ProductCode: ProductRound.Guard] = [:]
        var floors: [ProductCode: Int] = [:]
        for batch in batches {
            let code = batch.key
            if plan.staleTokens[code, default: 0] >= configuration.busyTriesMax {
                guards[code] = unguarded(code, "its tokens are refused")
            } else if plan.needsLock.contains(code)
                || sights.suggestLock(
                    code, batch.messages.map(\.request), configuration.lockRule)
            {
                floors[code] = sights[code]?.fence ?? 0
            } else {
                guards[code] = ProductRound.Guard.none
            }
        }
        if floors.isEmpty { return guards }
        let outcomes = await locks.acquire(floors)
        for code in floors.keys {
            switch outcomes[code] ?? .unavailable {
            case .granted(let token):
                guards[code] = .locked(token: token)
            case .busy:
                plan.busyTries[code, default: 0] += 1
                if plan.busyTries[code, default: 0] >= configuration.busyTriesMax {
                    guards[code] = unguarded(code, "its lock stays busy")
                }
            case .unavailable:
                guards[code] = unguarded(code, "the lock service is away")
            }
        }
        return guards
    }

    private func unguarded(_ code: ProductCode, _ reason: String) -> ProductRound.Guard {
        metrics.unguarded.increment()
        logger.debug(
            "A product is decided without its lock, under its row's lock alone.",
            ["product": code.text, "reason": reason])
        return .unguarded
    }

    /// Finds the message that the store refuses, by halves, sets it aside and answers its cart.
    private func bisect(
        _ batches: [Batch], _ reason: String, _ publications: inout DiscardingTaskGroup
    ) async {
        let inputs = batches.flatMap(\.messages)
        if inputs.count > 1 {
            for half in [inputs.prefix(inputs.count / 2), inputs.dropFirst(inputs.count / 2)] {
                var alone = Mailboxes<ProductCode, Input>()
                await settle(alone.admit(Array(half)) { $0.request.productCode }, &publications)
            }
        } else if let input = inputs.first {
            let letter = setAside(input.origin, input.raw, reason: reason)
            var answers: [InventoryResponse] = []
            if case .ask = input.request.action {
                answers.append(
                    InventoryResponse(
                        cartID: input.request.cartID, requestID: input.request.requestID,
                        productCode: input.request.productCode,
                        answer: .refused(.failed, available: 0),
                        traceparent: input.request.traceparent))
            }
            let said = answers
            publications.addTask { await self.publish(said, [letter], [input.origin]) }
        }
    }

    private func setAside(
        _ origin: MessageOrigin, _ raw: RawMessage, reason: String
    ) -> DeadLetter {
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
        return letter
    }

    /// Sends until the log has it; then the messages that are answered are finished.
    ///
    /// Messages of partitions that leave are not waited for: their next owner says it again.
    private func publish(
        _ answers: [InventoryResponse], _ letters: [DeadLetter], _ origins: [MessageOrigin]
    ) async {
        var backoff = Backoff()
        var open = origins
        while true {
            do {
                try await outbox.send(answers, deadLetters: letters)
                break
            } catch {
                logger.warning(
                    "The log does not take the inventory's answers; they are sent again.",
                    ["reason": "\(error)"])
                open = stillToSay(for: open)
                if open.isEmpty { return }
                try? await clock.sleep(for: backoff.next(using: &generator))
            }
        }
        for origin in open where isCurrent(origin) {
            partitions[origin.partition]?.work.finish(origin.offset, of: origin.topic)
        }
    }
}

/// What has been learned about the guards of a batch's products while it is being settled.
private struct GuardPlan {
    var needsLock: Set<ProductCode> = []
    var busyTries: [ProductCode: Int] = [:]
    var staleTokens: [ProductCode: Int] = [:]
}
