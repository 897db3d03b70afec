import Telemetry

/// What a producer's messages take room in and are counted by; their batches keep it alive.
final class ProducerAccounts: Sendable {
    /// What one batch takes.
    struct Share {
        private let accounts: ProducerAccounts
        private let messages: Int
        private let bytes: Int

        init(of accounts: ProducerAccounts, messages: Int, bytes: Int) {
            self.accounts = accounts
            self.messages = messages
            self.bytes = bytes
        }

        /// Gives it back.
        func release() { accounts.room.release(messages: messages, bytes: bytes) }
    }

    let room: ProducerRoom
    let context: ClientContext
    private let delivered: Counter
    private let failed: Counter
    private let refused: Counter

    init(
        room: ProducerRoom, context: ClientContext, clientID: String, metrics: MetricsRegistry
    ) {
        self.room = room
        self.context = context
        let labels: KeyValuePairs = ["client": clientID]
        delivered = metrics.counter(
            "holdfast_kafka_delivered_total", help: "Messages that the broker acknowledged.",
            labels: labels)
        failed = metrics.counter(
            "holdfast_kafka_delivery_failures_total",
            help: "Messages that were given up unacknowledged.", labels: labels)
        refused = metrics.counter(
            "holdfast_kafka_queue_full_total",
            help: "Times that the producer's queue had no room for a batch.", labels: labels)
    }

    /// Counts messages whose fate is known.
    func count(delivered acknowledged: Int, failed lost: Int) {
        if acknowledged > 0 {
            delivered.increment(by: acknowledged)
            context.connection.markUp()
        }
        if lost > 0 { failed.increment(by: lost) }
    }

    /// Counts a batch for which there was no room.
    func countRefusal() { refused.increment() }
}
