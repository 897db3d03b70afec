import Messages
import Telemetry
import WebServer

extension RestGateway {
    /// `GET /test`: how each dependency is.
    func test(_ request: HTTPRequest) async throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        let findings = await health.current()
        let isUp = findings.allSatisfy(\.isUp)
        var json = JSONWriter()
        json.object { json in
            json.field("service", "gateway")
            json.field("state", isUp ? "up" : "down")
            json.key("dependencies")
            json.beginArray()
            for finding in findings {
                json.object { json in
                    json.field("name", finding.name)
                    switch finding.state {
                    case .up:
                        json.field("state", "up")
                    case .down(let reason):
                        json.field("state", "down")
                        json.field("reason", reason)
                    }
                }
            }
            json.endArray()
        }
        return HTTPResponse(status: isUp ? 200 : 503, json: json.bytes)
    }

    /// `GET /health/live`: that the process answers at all.
    func live(_ request: HTTPRequest) throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        return Self.state("live")
    }

    /// `GET /health/ready`: whether to send clients here.
    func ready(_ request: HTTPRequest) async throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        if let problem = await core.refusal { throw problem }
        for finding in await health.current() where finding.isRequired {
            if case .down(let reason) = finding.state {
                throw Problem(.notReady, "\(finding.name) is down: \(reason)")
            }
        }
        return Self.state("ready")
    }

    /// `GET /metrics`: the numbers of this process, for Prometheus.
    func showMetrics(_ request: HTTPRequest) throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        return HTTPResponse(
            status: 200,
            headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")],
            body: Array(metrics.registry.render().utf8))
    }

    private static func state(_ state: String) -> HTTPResponse {
        var json = JSONWriter()
        json.object { $0.field("state", state) }
        return HTTPResponse(status: 200, json: json.bytes)
    }
}
