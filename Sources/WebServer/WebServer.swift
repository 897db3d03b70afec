package import Telemetry
package import Threading
internal import WebWire

/// Why a server could not start.
package enum WebServerError: Error, CustomStringConvertible {
    /// Another process listens there.
    case portTaken(host: String, port: Int)
    /// The host is neither a numeric address nor `localhost`.
    case hostNotNumeric(String)
    /// The kernel refused.
    case refused(String)

    package var description: String {
        switch self {
        case .portTaken(let host, let port): "port \(port) on \(host) is taken by another process"
        case .hostNotNumeric(let host): "\(host) is neither a numeric address nor localhost"
        case .refused(let text): text
        }
    }
}

/// An HTTP/1.1 and websocket server on one event loop.
package final class WebServer: Sendable {
    private let core: WebServerCore
    private let loop: EventLoop

    /// - Parameters:
    ///   - loop: runs sockets and handlers; it must outlive the server and may carry others.
    ///   - handler: answers the requests; kept until the last connection is closed.
    package init(
        configuration: WebServerConfiguration, loop: EventLoop, logger: Logger,
        metrics: MetricsRegistry, handler: any RequestHandler
    ) {
        self.loop = loop
        core = WebServerCore(
            configuration: configuration, loop: loop, logger: logger,
            metrics: WebServerMetrics(metrics), handler: handler)
    }

    /// Starts to accept connections; once.
    ///
    /// - Returns: the port, which the kernel chose if the configuration says 0.
    /// - Throws: ``WebServerError``.
    package func start() async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            loop.execute { [core] in
                continuation.resume(with: Result { try core.start() })
            }
        }
    }

    /// Accepts no more, finishes the requests in flight, closes websockets with 1001.
    ///
    /// Idempotent. Handlers that are still at work afterwards go on, but reach nobody.
    ///
    /// - Parameter deadline: when connections that are still open are cut.
    package func shutdown(deadline: Duration) async {
        await withCheckedContinuation { continuation in
            loop.execute { [core] in
                core.shutdown(deadline: deadline) { continuation.resume() }
            }
        }
    }
}
