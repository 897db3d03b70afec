import Telemetry

/// What connections count.
struct TrafficMetrics {
    let bytesIn: Counter
    let bytesOut: Counter
    let malformed: Counter
}

/// The broker's metrics.
struct BrokerMetrics {
    let traffic: TrafficMetrics
    let connections: Gauge
    let connectionsRefused: Counter
    let batchesProduced: Counter
    let recordsProduced: Counter
    let batchesRepeated: Counter
    let batchesRefused: Counter
    let fetches: Counter
    let fetchesParked: Gauge
    let logBytes: Gauge
    let partitions: Gauge
    let groups: Gauge
    let syncSeconds: Histogram
    private let requests: [APIKey: Counter]

    init(_ registry: MetricsRegistry) {
        traffic = TrafficMetrics(
            bytesIn: registry.counter(
                "holdfast_broker_bytes_received_total", help: "Bytes received from clients."),
            bytesOut: registry.counter(
                "holdfast_broker_bytes_sent_total", help: "Bytes sent to clients."),
            malformed: registry.counter(
                "holdfast_broker_malformed_total",
                help: "Connections closed because of what the client sent."))
        connections = registry.gauge("holdfast_broker_connections", help: "Open connections.")
        connectionsRefused = registry.counter(
            "holdfast_broker_connections_refused_total", help: "Connections beyond the limit.")
        batchesProduced = registry.counter(
            "holdfast_broker_produced_batches_total", help: "Record batches appended.")
        recordsProduced = registry.counter(
            "holdfast_broker_produced_records_total", help: "Records appended.")
        batchesRepeated = registry.counter(
            "holdfast_broker_repeated_batches_total",
            help: "Batches of idempotent producers that were in the log already.")
        batchesRefused = registry.counter(
            "holdfast_broker_refused_batches_total", help: "Batches answered with an error.")
        fetches = registry.counter("holdfast_broker_fetches_total", help: "Fetches answered.")
        fetchesParked = registry.gauge(
            "holdfast_broker_fetches_waiting", help: "Fetches that wait for data.")
        logBytes = registry.gauge("holdfast_broker_log_bytes", help: "Bytes in all segments.")
        partitions = registry.gauge("holdfast_broker_partitions", help: "Partitions.")
        groups = registry.gauge("holdfast_broker_groups", help: "Consumer groups with members.")
        syncSeconds = registry.histogram(
            "holdfast_broker_sync_seconds", help: "Time to force written records to the device.")
        var requests: [APIKey: Counter] = [:]
        for key in APIKey.allCases {
            requests[key] = registry.counter(
                "holdfast_broker_requests_total", help: "Requests by kind.",
                labels: ["api": key.name])
        }
        self.requests = requests
    }

    func count(_ key: APIKey) { requests[key]?.increment() }
}
