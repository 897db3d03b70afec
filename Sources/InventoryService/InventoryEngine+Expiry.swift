import Messages
import Telemetry

extension InventoryEngine {
    /// Proposes holds that are past their time to their carts, which decide what becomes of them
    /// (rule I5).
    ///
    /// One batch each time: were all proposed at once that fell due while the carts were away, the
    /// answers to shoppers would wait behind them. What the log does not take is proposed again when
    /// its next proposal is due.
    func sweep() async {
        do {
            let due = try await store.proposeDueHolds(
                max: configuration.sweepMax, repeatAfter: configuration.proposalDelay)
            if due.isEmpty { return }
            metrics.count(due)
            try await outbox.send(due, deadLetters: [])
        } catch {
            logger.warning(
                "Holds past their time cannot be proposed to their carts; it is tried again.",
                ["reason": "\(error)"])
        }
    }

    /// Forgets decisions that hold nothing, once nobody can ask for them any more.
    func prune() async {
        do {
            while !Task.isCancelled {
                let count = try await store.pruneHolds(
                    olderThan: configuration.memoryFor, max: configuration.sweepMax)
                metrics.pruned.increment(by: count)
                if count < configuration.sweepMax { return }
            }
        } catch {
            logger.warning(
                "Old decisions cannot be pruned; it is tried again.", ["reason": "\(error)"])
        }
    }
}
