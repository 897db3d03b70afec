import Telemetry

/// What a web server counts.
struct WebServerMetrics: Sendable {
    let accepted: Counter
    let turnedAway: Counter
    let acceptPauses: Counter
    let connections: Gauge
    let requests: Counter
    let refusals: Counter
    let cut: Counter
    let webSockets: Gauge
    let messagesReceived: Counter
    let messagesSent: Counter

    init(_ registry: MetricsRegistry) {
        accepted = registry.counter(
            "web_connections_accepted_total", help: "Connections accepted.")
        turnedAway = registry.counter(
            "web_connections_turned_away_total",
            help: "Connections beyond the limit, answered with 503.")
        acceptPauses = registry.counter(
            "web_accept_pauses_total",
            help: "Times that accepting paused for want of descriptors or at the limit.")
        connections = registry.gauge("web_connections", help: "Connections open now.")
        requests = registry.counter("web_requests_total", help: "Requests handed to a handler.")
        refusals = registry.counter(
            "web_refusals_total", help: "Requests refused before or beside a handler.")
        cut = registry.counter(
            "web_connections_cut_total", help: "Connections cut at a deadline or a minimum rate.")
        webSockets = registry.gauge("web_websockets", help: "Websockets open now.")
        messagesReceived = registry.counter(
            "web_websocket_messages_received_total", help: "Text messages received.")
        messagesSent = registry.counter(
            "web_websocket_messages_sent_total", help: "Text messages encoded.")
    }
}
