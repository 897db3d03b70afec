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
                try await self.readRequests()
                await self.answers.close()
            }
            group.addTask { try await self.readAnswers() }
            try await withThrowingTaskGroup(of: Void.self) { timers in
                timers.addTask { try await self.keepTime() }
                defer { timers.cancelAll() }
                for try await _ in group {}
            }
        }
    }

    /// Begins to stop: what was begun is finished and committed, then ``run()`` returns.
    package func stop() async { await requests.close() }

    private func readRequests() async throws {
        try await withThrowingTaskGroup(of: Void.self) { batches in
            var inFlight = 0
            while let event = try await requests.next() {
                switch event {
                case .assigned(let partitions):
                    try await takeOver(partitions)
                case .revoked(let partitions):
                    await letGo(partitions)
                    await requests.completeRevocation()
                case .lost(let partitions):
                    await engine.release(partitions)
                    try await answers.unassign(partitions)
                case .messages(let messages):
                    if inFlight == configuration.batchesInFlightMax {
                        try await batches.next()
                        inFlight -= 1
                    }
                    inFlight += 1
                    batches.addTask { await self.engine.process(messages) }
                }
            }
        }
    }

    private func readAnswers() async throws {
        try await withThrowingTaskGroup(of: Void.self) { batches in
            var inFlight = 0
            while let messages = try await answers.next() {
                if inFlight == configuration.batchesInFlightMax {
                    try await batches.next()
                    inFlight -= 1
                }
                inFlight += 1
                batches.addTask { await self.engine.process(messages) }
            }
        }
    }

    /// Takes partitions over, trying until the store and the log let it.
    private func takeOver(_ partitions: [Int]) async throws {
        if partitions.isEmpty { return }
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        while true {
            do {
                let ends: [Topic: [Int: Int]] = [
                    .cartRequest: try await requests.ends(of: partitions),
                    .inventoryResponse: try await answers.ends(of: partitions),
                ]
                try await engine.takeOver(partitions, replayEnds: ends)
                try await answers.assign(partitions)
                return
            } catch {
                logger.warning(
                    "Partitions cannot be taken over yet; it is tried again.",
                    ["reason": "\(error)"])
                try await clock.sleep(for: backoff.next(using: &generator))
            }
        }
    }

    /// Finishes and commits what was begun on the partitions, and gives them up.
    private func letGo(_ partitions: [Int]) async {
        await engine.drain(partitions)
        await commitOffsets(leaving: partitions)
        await engine.release(partitions)
        do {
            try await answers.unassign(partitions)
        } catch {
            logger.warning("Answers cannot be let go.", ["reason": "\(error)"])
        }
    }

    private func keepTime() async throws {
        while !Task.isCancelled {
            try await clock.sleep(for: configuration.tick)
            await engine.repeatObligations()
            await commitOffsets(leaving: nil)
            await engine.passivate()
            await retakeFenced()
        }
    }

    /// Takes partitions over again that another owner had fenced, if they are still assigned here.
    private func retakeFenced() async {
        let fenced = await engine.fencedPartitionsDue()
        if fenced.isEmpty { return }
        logger.warning(
            "Fenced partitions are still assigned here and are taken over again.",
            ["partitions": fenced.map(String.init).joined(separator: ",")])
        do {
            try await answers.unassign(fenced)
            await engine.release(fenced)
            try await takeOver(fenced)
            try await requests.rewind(fenced)
        } catch {
            logger.warning("Fenced partitions are not back yet.", ["reason": "\(error)"])
        }
    }

    private func commitOffsets(leaving: [Int]?) async {
        do {
            let requestOffsets = await engine.takeWatermarks(of: .cartRequest, leaving: leaving)
            if !requestOffsets.isEmpty { try await requests.commit(requestOffsets) }
            let answerOffsets = await engine.takeWatermarks(
                of: .inventoryResponse, leaving: leaving)
            if !answerOffsets.isEmpty { try await answers.commit(answerOffsets) }
        } catch {
            logger.warning(
                "Offsets could not be committed; later ones will be.", ["reason": "\(error)"])
        }
    }
}
