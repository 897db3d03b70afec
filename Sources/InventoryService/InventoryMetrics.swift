import Messages
import Telemetry

/// What an inventory service counts.
struct InventoryMetrics: Sendable {
    let requests: Counter
    let held: Counter
    let refused: Counter
    let lowered: Counter
    let deadLetters: Counter
    let lockedProducts: Counter
    let lockRounds: Counter
    let staleTokens: Counter
    let unguarded: Counter
    let unavailable: Counter
    let guessed: Counter
    let proposed: Counter
    let pruned: Counter
    let transactionSeconds: Histogram
    let batchSize: Histogram
    let partitions: Gauge

    init(_ registry: MetricsRegistry) {
        requests = registry.counter(
            "holdfast_inventory_requests_total", help: "Asks and lowers taken from the log.")
        held = registry.counter(
            "holdfast_inventory_answers_total", help: "Answers given.", labels: ["answer": "held"])
        refused = registry.counter(
            "holdfast_inventory_answers_total", help: "Answers given.",
            labels: ["answer": "refused"])
        lowered = registry.counter(
            "holdfast_inventory_answers_total", help: "Answers given.",
            labels: ["answer": "lowered"])
        deadLetters = registry.counter(
            "holdfast_inventory_dead_letters_total", help: "Messages set aside on dead-letter.")
        lockedProducts = registry.counter(
            "holdfast_inventory_locked_products_total",
            help: "Products decided under their lock.")
        lockRounds = registry.counter(
            "holdfast_inventory_lock_rounds_total",
            help: "Products put off to the next round because their row asked for the lock.")
        staleTokens = registry.counter(
            "holdfast_inventory_stale_tokens_total",
            help: "Fencing tokens that a product's row refused.")
        unguarded = registry.counter(
            "holdfast_inventory_unguarded_total",
            help: "Products decided without the lock they needed, Redis being away or busy.")
        unavailable = registry.counter(
            "holdfast_inventory_store_unavailable_total", help: "Tries that found the store away.")
        guessed = registry.counter(
            "holdfast_inventory_guessed_total",
            help: "Transactions of one round trip: all rows were as they had been seen last.")
        proposed = registry.counter(
            "holdfast_inventory_holds_due_total",
            help: "Holds past their time that were proposed to their carts.")
        pruned = registry.counter(
            "holdfast_inventory_holds_pruned_total", help: "Old decisions that were forgotten.")
        transactionSeconds = registry.histogram(
            "holdfast_inventory_transaction_seconds", help: "Time that one transaction took.")
        batchSize = registry.histogram(
            "holdfast_inventory_batch_messages", help: "Messages in one transaction.",
            bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000])
        partitions = registry.gauge(
            "holdfast_inventory_partitions", help: "Partitions that this instance owns.")
    }

    func count(_ responses: [InventoryResponse]) {
        for response in responses {
            switch response.answer {
            case .held: held.increment()
            case .refused: refused.increment()
            case .lowered: lowered.increment()
            case .holdDue: proposed.increment()
            }
        }
    }
}
