import Synchronization
import Telemetry
import Testing
import Threading
import WebServer

/// Lets nobody through until it is opened, then everybody.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// A handler whose routes the tests share.
struct TestHandler: RequestHandler {
    /// Completed by the requests of `/wait`'s test.
    let gate = Gate()
    let waiting = Promise<Void>()

    func handle(_ request: HTTPRequest) async -> HTTPAnswer {
        switch request.path {
        case "/wait":
            waiting.succeed(())
            await gate.pass()
            return text(200, "waited")
        case "/echo":
            do {
                return .response(
                    HTTPResponse(status: 200, body: try await request.body.collect(upTo: 1_000_000))
                )
            } catch {
                return text(413, "\(error)")
            }
        case "/small":
            do {
                return .response(
                    HTTPResponse(status: 200, body: try await request.body.collect()))
            } catch {
                return text(413, "\(error)")
            }
        case "/count":
            var total = 0
            do {
                while let chunk = try await request.body.next() {
                    total += chunk.count
                    await Task.yield()
                }
            } catch {
                return text(400, "\(error)")
            }
            return text(200, "\(total)")
        case "/unread":
            return text(200, "not read")
        case "/big":
            return .response(
                HTTPResponse(status: 200, body: Array(repeating: 0x78, count: 8_000_000)))
        case "/inject":
            return .response(
                HTTPResponse(status: 200, headers: [("X-A", "1\r\nX-B: 2"), ("Date", "never")]))
        case "/socket" where request.isWebSocketUpgrade:
            return .webSocket { socket in
                while let message = await socket.receive() {
                    if message == Array("leave".utf8) { return }
                    socket.send(text: message)
                }
            }
        case "/flood" where request.isWebSocketUpgrade:
            return .webSocket { socket in
                while socket.send(text: Array(repeating: 0x78, count: 10_000)) {
                    await Task.yield()
                }
            }
        case "/socket-always":
            return .webSocket { _ in }
        default:
            return text(200, request.method + " " + request.target)
        }
    }

    func refusal(status: Int, detail: String) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [("Content-Type", "application/problem+json")],
            body: Array("{\"status\":\(status),\"detail\":\"\(detail)\"}".utf8))
    }

    private func text(_ status: Int, _ text: String) -> HTTPAnswer {
        .response(HTTPResponse(status: status, body: Array(text.utf8)))
    }
}

/// A server on a port of its own for one test.
struct TestServer {
    let port: Int
    let handler: TestHandler
    let metrics: MetricsRegistry
    let server: WebServer
    let loop: EventLoop

    /// Runs `body` against a server and shuts it down.
    static func run(
        _ configure: (inout WebServerConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (TestServer) async throws -> Void
    ) async throws {
        var configuration = WebServerConfiguration()
        configure(&configuration)
        let loop = try EventLoop(name: "test-server")
        let metrics = MetricsRegistry()
        let handler = TestHandler()
        let server = WebServer(
            configuration: configuration, loop: loop,
            logger: Logger(component: "test", level: .error),
            metrics: metrics, handler: handler)
        let test = TestServer(
            port: try await server.start(), handler: handler, metrics: metrics, server: server,
            loop: loop)
        do {
            try await body(test)
        } catch {
            handler.gate.open()
            await server.shutdown(deadline: .zero)
            loop.stop()
            throw error
        }
        handler.gate.open()
        await server.shutdown(deadline: .zero)
        loop.stop()
    }

    /// Runs blocking socket calls on a thread of their own.
    func onThread<Result: Sendable>(
        _ body: @escaping @Sendable (Int) throws -> Result
    ) async throws -> Result {
        let promise = Promise<Result>()
        let port = port
        startThread(name: "raw-socket") {
            promise.complete(Swift.Result { try body(port) })
        }
        return try await promise.value()
    }

    /// What comes back when `bytes` are sent and the client then only reads.
    func exchange(_ bytes: String) async throws -> String {
        try await onThread { port in
            let socket = try RawSocket(port: port)
            socket.send(bytes)
            return try socket.readToEnd()
        }
    }

    /// The value of a metric without labels.
    func metric(_ name: String) -> Int? {
        metrics.render().split(separator: "\n").first { $0.hasPrefix(name + " ") }
            .flatMap { Int($0.dropFirst(name.count + 1)) }
    }
}
