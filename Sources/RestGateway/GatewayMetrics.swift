import Messages
import Telemetry

/// The numbers that a gateway keeps.
struct GatewayMetrics: Sendable {
    /// The operation that a request without one is counted under.
    static let noOperation = "none"

    let registry: MetricsRegistry
    let reasks: Counter
    let gaveUp: Counter
    let watches: Counter
    let changesPushed: Counter
    let repliesDropped: Counter
    let repliesMalformed: Counter
    let clientErrors: Counter
    let limitedClients: Gauge
    let waiting: Gauge
    let sockets: Gauge
    let outcomeTime: Histogram
    private let limited: [RateLimits.Scope: Counter]
    private let requests: [String: [Counter]]
    private let outcomes: [RequestStatus: Counter]

    init(_ registry: MetricsRegistry) {
        self.registry = registry
        reasks = registry.counter(
            "holdfast_gateway_reasks_total", help: "Requests sent again because unanswered.")
        gaveUp = registry.counter(
            "holdfast_gateway_given_up_total", help: "Requests that were never answered.")
        watches = registry.counter(
            "holdfast_gateway_watches_total", help: "Watches of carts sent or renewed.")
        changesPushed = registry.counter(
            "holdfast_gateway_changes_pushed_total", help: "Changes of carts sent to websockets.")
        repliesDropped = registry.counter(
            "holdfast_gateway_replies_dropped_total", help: "Replies that nobody awaited.")
        repliesMalformed = registry.counter(
            "holdfast_gateway_replies_malformed_total",
            help: "Replies whose headers do not say what they are.")
        clientErrors = registry.counter(
            "holdfast_gateway_client_errors_total", help: "Error messages sent to websockets.")
        limitedClients = registry.gauge(
            "holdfast_gateway_rate_limit_clients", help: "Clients whose rate is remembered.")
        limited = Dictionary(
            uniqueKeysWithValues: RateLimits.Scope.allCases.map { scope in
                let counter = registry.counter(
                    "holdfast_gateway_rate_limited_total",
                    help: "Requests and messages refused by a rate limit, by whose it was.",
                    labels: ["scope": scope.rawValue])
                return (scope, counter)
            })
        waiting = registry.gauge(
            "holdfast_gateway_waiting_requests", help: "Requests that wait for an outcome.")
        sockets = registry.gauge("holdfast_gateway_websockets", help: "Open websockets.")
        outcomeTime = registry.histogram(
            "holdfast_gateway_outcome_seconds",
            help: "Time from a request to its outcome, in seconds, by the millisecond.")
        var requests: [String: [Counter]] = [:]
        for operation in Route.Operation.allCases.map(\.rawValue) + [Self.noOperation] {
            requests[operation] = (1...5).map { statusClass in
                registry.counter(
                    "holdfast_gateway_http_requests_total",
                    help: "HTTP requests by operation and class of status; 1xx is an upgrade.",
                    labels: ["operation": operation, "status": "\(statusClass)xx"])
            }
        }
        self.requests = requests
        outcomes = Dictionary(
            uniqueKeysWithValues: RequestStatus.allCases.map { status in
                let counter = registry.counter(
                    "holdfast_gateway_outcomes_total", help: "Outcomes told to clients by status.",
                    labels: ["status": status.rawValue])
                return (status, counter)
            })
    }

    /// Counts an HTTP request.
    func count(_ operation: Route.Operation?, status: Int) {
        let counters = requests[operation?.rawValue ?? Self.noOperation]
        let index = status / 100 - 1
        guard let counters, counters.indices.contains(index) else { return }
        counters[index].increment()
    }

    /// Counts a request that came too fast.
    func countLimited(_ scope: RateLimits.Scope) { limited[scope]?.increment() }

    /// Counts an outcome that a client was told.
    func count(_ status: RequestStatus) { outcomes[status]?.increment() }
}
