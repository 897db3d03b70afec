import Telemetry

/// What a cart service counts.
struct CartMetrics: Sendable {
    let requests: Counter
    let answers: Counter
    let events: Counter
    let deadLetters: Counter
    let conflicts: Counter
    let fenced: Counter
    let repeated: Counter
    let unavailable: Counter
    let appendSeconds: Histogram
    let batchSize: Histogram
    let loads: Counter
    let passivated: Counter
    let snapshots: Counter
    let pruned: Counter
    let carts: Gauge
    let obligations: Gauge
    let partitions: Gauge

    init(_ registry: MetricsRegistry) {
        requests = registry.counter(
            "holdfast_cart_requests_total", help: "Cart requests taken from the log.")
        answers = registry.counter(
            "holdfast_cart_inventory_answers_total", help: "Inventory answers taken from the log.")
        events = registry.counter(
            "holdfast_cart_events_total", help: "Cart events stored.")
        deadLetters = registry.counter(
            "holdfast_cart_dead_letters_total", help: "Messages set aside on dead-letter.")
        conflicts = registry.counter(
            "holdfast_cart_append_conflicts_total",
            help: "Batches decided again because a cart had moved on.")
        fenced = registry.counter(
            "holdfast_cart_fenced_total",
            help: "Batches refused because another owner had taken a partition over.")
        repeated = registry.counter(
            "holdfast_cart_obligations_repeated_total",
            help: "Asks and lowers said again for want of an acknowledgement.")
        unavailable = registry.counter(
            "holdfast_cart_store_unavailable_total", help: "Tries that found the store away.")
        loads = registry.counter(
            "holdfast_cart_loads_total", help: "Carts read from the store.")
        passivated = registry.counter(
            "holdfast_cart_passivations_total",
            help: "Carts that left memory because they were idle or too many.")
        snapshots = registry.counter(
            "holdfast_cart_snapshots_total", help: "Snapshots written.")
        pruned = registry.counter(
            "holdfast_cart_events_pruned_total",
            help: "Old events forgotten, as their carts have snapshots.")
        appendSeconds = registry.histogram(
            "holdfast_cart_append_seconds", help: "Time that storing one batch took.")
        batchSize = registry.histogram(
            "holdfast_cart_batch_messages", help: "Messages in one batch.",
            bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000])
        carts = registry.gauge("holdfast_cart_active_carts", help: "Carts in memory.")
        obligations = registry.gauge(
            "holdfast_cart_open_obligations", help: "Asks and lowers not acknowledged yet.")
        partitions = registry.gauge(
            "holdfast_cart_partitions", help: "Partitions that this instance owns.")
    }
}
