package import Messages
package import Telemetry

/// Decides holds: reads `inventory-request` as a member of a group, and drives the engine.
///
/// The service has no task of its own beyond ``run()``, and no clock but the one it is given.
package final class InventoryService: Sendable {
    private let engine: InventoryEngine
    private let requests: any GroupLog<InventoryRequest>
    private let configuration: InventoryServiceConfiguration
    private let clock: any ServiceClock
    private let logger: Logger

    package init(
        engine: InventoryEngine, requests: any GroupLog<InventoryRequest>,
        configuration: InventoryServiceConfiguration, clock: any ServiceClock, logger: Logger
    ) {
        self.engine = engine
        self.requests = requests
        self.configuration = configuration
        self.clock = clock
        self.logger = logger
    }

    /// Serves until ``stop()`` is called, or the log fails for good.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { timers in
            timers.addTask {
                try await self.clock.every(self.configuration.tick) {
                    await self.commitOffsets(leaving: nil)
                }
            }
            timers.addTask {
                try await self.clock.every(self.configuration.sweepEvery) {
                    await self.engine.sweep()
                }
            }
            timers.addTask {
                try await self.clock.every(self.configuration.pruneEvery) {
                    await self.engine.prune()
                }
            }
            defer { timers.cancelAll() }
            try await readRequests(engine)
        }
    }

    /// Begins to stop: what was begun is finished and committed, then ``run()`` returns.
    package func stop() async { await requests.close() }

    /// Runs on the engine, so that messages are begun in the order of the log, before any change of
    /// ownership that follows them.
    private func readRequests(_ engine: isolated InventoryEngine) async throws {
        try await withThrowingTaskGroup(of: BatchSlots.Release.self) { batches in
            var slots = BatchSlots(configuration.batchesInFlightMax)
            while let event = try await requests.next() {
                switch event {
                case .assigned(let partitions):
                    engine.takeOver(partitions)
                case .revoked(let partitions):
                    await engine.drain(partitions)
                    await commitOffsets(leaving: partitions)
                    engine.release(partitions)
                    await requests.completeRevocation()
                case .lost(let partitions):
                    engine.release(partitions)
                case .messages(let messages):
                    try await slots.take(from: &batches, unless: requests, clock)
                    let admission = engine.accept(messages)
                    batches.addTask {
                        await self.engine.process(admission)
                        return .batch
                    }
                }
            }
        }
    }

    private func commitOffsets(leaving: [Int]?) async {
        let offsets = await engine.takeWatermarks(leaving: leaving)
        if offsets.isEmpty { return }
        do {
            try await requests.commit(offsets)
        } catch {
            await engine.returnWatermarks(offsets)
            logger.warning(
                "Offsets could not be committed; later ones will be.", ["reason": "\(error)"])
        }
    }
}
