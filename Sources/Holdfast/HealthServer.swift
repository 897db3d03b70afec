import Adapters
import Messages
import RestGateway
import Telemetry
import Threading
import WebServer

/// Answers `/health/live`, `/health/ready` and `/metrics` for a service without shoppers.
struct HealthServer {
    private let server: WebServer

    /// Starts to answer.
    ///
    /// - Parameter probes: what the service needs; it is ready while each required one is up.
    /// - Throws: an error that names the port, if it is taken.
    static func start(
        host: String, port: Int, probes: [any DependencyProbe], loop: EventLoop, logger: Logger,
        metrics: MetricsRegistry
    ) async throws -> HealthServer {
        var configuration = WebServerConfiguration()
        configuration.host = host
        configuration.port = port
        configuration.connectionsMax = 256
        let server = WebServer(
            configuration: configuration, loop: loop, logger: logger, metrics: metrics,
            handler: HealthHandler(probes: probes, metrics: metrics))
        let bound = try await server.start()
        logger.info("Health and metrics are answered.", ["host": host, "port": "\(bound)"])
        return HealthServer(server: server)
    }

    func stop() async { await server.shutdown(deadline: .seconds(1)) }
}

private struct HealthHandler: RequestHandler {
    let probes: [any DependencyProbe]
    let metrics: MetricsRegistry

    func handle(_ request: HTTPRequest) async -> HTTPAnswer {
        guard request.method == "GET" || request.method == "HEAD" else {
            return .response(text(405, "only GET is answered here\n", [("Allow", "GET, HEAD")]))
        }
        switch request.path {
        case "/health/live":
            return .response(text(200, "live\n"))
        case "/health/ready":
            return .response(await ready())
        case "/metrics":
            return .response(
                HTTPResponse(
                    status: 200, headers: [("Content-Type", "text/plain; version=0.0.4")],
                    body: Array(metrics.render().utf8)))
        default:
            return .response(text(404, "try /health/live, /health/ready or /metrics\n"))
        }
    }

    func refusal(status: Int, detail: String) -> HTTPResponse { text(status, detail + "\n") }

    private func ready() async -> HTTPResponse {
        var isReady = true
        var json = JSONWriter()
        json.beginObject()
        json.key("dependencies")
        json.beginArray()
        for probe in probes {
            let state = await probe.state()
            if probe.isRequired, state != .up { isReady = false }
            json.object { json in
                json.field("name", probe.name)
                switch state {
                case .up:
                    json.field("state", "up")
                case .down(let reason):
                    json.field("state", "down")
                    json.field("reason", reason)
                }
            }
        }
        json.endArray()
        json.field("status", isReady ? "ready" : "not-ready")
        json.endObject()
        return HTTPResponse(
            status: isReady ? 200 : 503,
            headers: [("Content-Type", "application/json")]
                + (isReady ? [] : [("Retry-After", "1")]),
            body: json.bytes)
    }

    private func text(
        _ status: Int, _ body: String, _ headers: [(String, String)] = []
    ) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [("Content-Type", "text/plain; charset=utf-8")] + headers,
            body: Array(body.utf8))
    }
}
