package import CartDomain
package import Messages
package import Telemetry

/// Keeps carts: reads `cart-request` and the inventory's answers, and drives the engine.
///
/// `cart-request` is shared out by a consumer group; whoever owns a partition of it reads the same
/// partition of `inventory-request-response` (rule L1). The service has no task of its own beyond
/// ``run()``, and no clock but the one it is given.
package final class CartService: Sendable {
    private let engine: CartEngine
    private let requests: any GroupLog<CartRequest>
    private let answers: any AssignedLog<InventoryResponse>
    private let configuration: CartServiceConfiguration
    private let clock: any ServiceClock
    private let logger: Logger

    package init(
        engine: CartEngine, requests: any GroupLog<CartRequest>,
        answers: any AssignedLog<InventoryResponse>, configuration: CartServiceConfiguration,
        clock: any ServiceClock, logger: Logger
    ) {
        self.engine = engine
        self.requests = requests
        self.answers = answers
        self.configuration = configuration
        self.clock = clock
        self.logger = logger
    }

    /// Serves until ``stop()`` is called, or the log fails for good.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await self.readRequests(self.engine)
                await self.answers.close()
            }
            group.addTask { try await self.readAnswers(self.engine) }
            try await withThrowingTaskGroup(of: Void.self) { timers in
                timers.addTask { try await self.keepTime() }
                timers.addTask {
                    try await self.clock.every(self.configuration.repeatDelayMax) {
                        await self.engine.checkEpochs()
                    }
                }
                timers.addTask {
                    try await self.clock.every(self.configuration.pruneEvery) {
                        await self.engine.prune()
                    }
                }
                defer { timers.cancelAll() }
                for try await _ in group {}
            }
        }
    }

    /// Begins to stop: what was begun is finished and committed, then ``run()`` returns.
    package func stop() async { await requests.close() }

    /// Runs on the engine, so that messages are begun in the order of the log, before any change of
    /// ownership that follows them.
    private func readRequests(_ engine: isolated CartEngine) async throws {
        try await withThrowingTaskGroup(of: BatchSlots.Release.self) { batches in
            var slots = BatchSlots(configuration.batchesInFlightMax)
            // Ours, but not taken over yet, while the store or the log does not let us.
            var untaken: Set<Int> = []
            while let event = try await requests.next() {
                switch event {
                case .assigned(let partitions):
                    untaken.formUnion(partitions)
                case .revoked(let partitions):
                    await letGo(partitions.filter { !untaken.contains($0) })
                    engine.release(partitions)
                    untaken.subtract(partitions)
                    await requests.completeRevocation()
                case .lost(let partitions):
                    engine.release(partitions)
                    await unassignAnswers(partitions.filter { !untaken.contains($0) })
                    untaken.subtract(partitions)
                case .messages(let messages):
                    try await slots.take(from: &batches, unless: requests, clock)
                    let admission = engine.accept(messages)
                    batches.addTask {
                        await self.engine.process(admission)
                        return .batch
                    }
                }
                if try await takeOver(untaken.sorted()) { untaken = [] }
            }
        }
    }

    private func readAnswers(_ engine: isolated CartEngine) async throws {
        try await withThrowingTaskGroup(of: Void.self) { batches in
            var inFlight = 0
            while let messages = try await answers.next() {
                if inFlight == configuration.batchesInFlightMax {
                    try await batches.next()
                    inFlight -= 1
                }
                inFlight += 1
                let admission = engine.accept(messages)
                batches.addTask { await self.engine.process(admission) }
            }
        }
    }

    /// Takes partitions over, trying until the store and the log let it, or something goes first: those
    /// that could not be taken may have to be given back.
    ///
    /// - Returns: whether they are taken over.
    private func takeOver(_ partitions: [Int]) async throws -> Bool {
        if partitions.isEmpty { return true }
        var backoff = Backoff()
        while true {
            do {
                try await engine.takeOver(partitions) { try await self.replayEnds(of: $0) }
                // What may be lost already begins nothing.
                if requests.hasChange { return false }
                try await answers.assign(partitions)
                return true
            } catch {
                if requests.hasChange { return false }
                logger.warning(
                    "Partitions cannot be taken over yet; it is tried again.",
                    ["reason": "\(error)"])
                let wait = await engine.spread { backoff.next(using: &$0) }
                try await clock.sleep(for: wait)
                if requests.hasChange { return false }
            }
        }
    }

    private func replayEnds(of partitions: [Int]) async throws -> [Topic: [Int: Int]] {
        [
            .cartRequest: try await requests.ends(of: partitions),
            .inventoryResponse: try await answers.ends(of: partitions),
        ]
    }

    /// Finishes and commits what was begun on the partitions, and gives them up.
    private func letGo(_ partitions: [Int]) async {
        await engine.drain(partitions)
        await commitOffsets(leaving: partitions)
        await engine.release(partitions)
        await unassignAnswers(partitions)
    }

    private func unassignAnswers(_ partitions: [Int]) async {
        do {
            try await answers.unassign(partitions)
        } catch {
            logger.warning("Answers cannot be let go.", ["reason": "\(error)"])
        }
    }

    private func keepTime() async throws {
        try await withThrowingDiscardingTaskGroup { late in
            while !Task.isCancelled {
                try await clock.sleep(for: configuration.tick)
                let overdue = await engine.overdueAdds()
                if !overdue.isEmpty { late.addTask { await self.engine.process(overdue) } }
                await engine.repeatObligations()
                await commitOffsets(leaving: nil)
                await engine.passivate()
                do {
                    let parked = try await engine.retakeFenced(
                        ifOwned: { try await self.requests.owns($0) },
                        replayEnds: { try await self.replayEnds(of: $0) })
                    if !parked.isEmpty {
                        late.addTask { await self.engine.process(parked) }
                    }
                } catch {
                    logger.warning(
                        "Fenced partitions are not back yet.", ["reason": "\(error)"])
                }
            }
        }
    }

    private func commitOffsets(leaving: [Int]?) async {
        for topic in [Topic.cartRequest, .inventoryResponse] {
            let offsets = await engine.takeWatermarks(of: topic, leaving: leaving)
            if offsets.isEmpty { continue }
            do {
                if topic == .cartRequest {
                    try await requests.commit(offsets)
                } else {
                    try await answers.commit(offsets)
                }
            } catch {
                await engine.returnWatermarks(offsets, of: topic)
                logger.warning(
                    "Offsets could not be committed; later ones will be.",
                    ["topic": topic.rawValue, "reason": "\(error)"])
            }
        }
    }
}
