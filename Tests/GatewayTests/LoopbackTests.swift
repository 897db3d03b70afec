import CartDomain
import Messages
import Synchronization
import Telemetry
import Testing
import Threading
import WebClient
import WebServer

@testable import RestGateway

/// A gateway behind a real web server on loopback, with carts that answer at once.
struct LoopbackGateway {
    private struct SystemClock: ServiceClock {
        func now() -> Timestamp {
            let parts = (ContinuousClock.now - Self.start).components
            return Timestamp(
                millis: Int(parts.seconds) * 1_000 + Int(parts.attoseconds / 1_000_000_000_000_000))
        }

        func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }

        private static let start = ContinuousClock.now
    }

    let gateway: RestGateway
    let server: WebServer
    let inventory = FakeInventory()
    let client: WebClient
    let authority: String

    /// Loops have to outlive what names them, so the tests share them.
    private static let loops = Result {
        (try EventLoop(name: "gateway-server"), try EventLoop(name: "gateway-client"))
    }

    /// Runs a test against a gateway, and stops the gateway whatever happens.
    static func run(
        _ configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ test: (LoopbackGateway) async throws -> Void
    ) async throws {
        let carts = FakeCarts()
        let fixture = try await LoopbackGateway(carts, configure)
        let gateway = fixture.gateway
        let tasks = [
            Task { try await gateway.run() }, Task { await carts.run(to: gateway) },
        ]
        let result: Result<Void, any Error>
        do {
            try await eventually("the gateway is ready") {
                try await fixture.send("GET", "/health/ready").status == 200
            }
            result = .success(try await test(fixture))
        } catch {
            result = .failure(error)
        }
        await fixture.server.shutdown(deadline: .seconds(2))
        carts.finish()
        for task in tasks { task.cancel() }
        for task in tasks { _ = await task.result }
        fixture.client.closeIdleConnections()
        try result.get()
    }

    private init(
        _ carts: FakeCarts, _ configure: (inout GatewayConfiguration) -> Void
    ) async throws {
        let (serverLoop, clientLoop) = try Self.loops.get()
        var configuration = GatewayConfiguration(replyPartition: 0, adminToken: "secret")
        configure(&configuration)
        let logger = Logger(component: "gateway", level: .error)
        let metrics = MetricsRegistry()
        gateway = RestGateway(
            configuration: configuration,
            ports: GatewayPorts(
                log: carts, stock: FakeStock(), history: FakeHistory(), inventory: inventory,
                catalogue: FakeProducts(), products: FakeProducts(), probes: [],
                clock: SystemClock()),
            metrics: metrics, logger: logger, executor: serverLoop)
        server = WebServer(
            configuration: WebServerConfiguration(), loop: serverLoop, logger: logger,
            metrics: metrics, handler: gateway.handler)
        authority = "127.0.0.1:\(try await server.start())"
        client = WebClient(loop: clientLoop)
    }

    func open(_ query: String) async throws -> WebSocketClient {
        try await WebSocketClient.connect(
            "ws://\(authority)/cart/update-product?\(query)", client: client)
    }

    /// Opens a websocket of any path.
    func open(
        path: String, headers: [(String, String)] = []
    ) async throws -> WebSocketClient {
        try await WebSocketClient.connect(
            "ws://\(authority)\(path)", headers: headers, client: client)
    }

    func send(
        _ method: String, _ target: String, headers: [(String, String)] = [], body: [UInt8] = []
    ) async throws -> HTTPClientResponse {
        let response = try await client.request(
            method, "http://\(authority)\(target)", headers: headers, body: body)
        if method != "HEAD" {
            let described = HTTPResponse(
                status: response.status, headers: response.headers.map { ($0.name, $0.value) },
                body: response.body)
            try HTTPContract.check(described, to: method, target)
        }
        return response
    }
}

struct LoopbackTests {
    private func text(_ socket: WebSocketClient) async throws -> String {
        try #require(try await socket.receiveText(timeout: .seconds(20)))
    }

    /// What a test looks at in a message.
    private struct Told: Equatable {
        var requestID: String?
        var status: RequestStatus?
        var reason: RejectionReason?
        var version: Int?

        init(_ content: CartResponse.Content) {
            switch content {
            case .outcome(let requestID, let status, let reason, _, let cart, _):
                self.requestID = requestID.text
                self.status = status
                self.reason = reason
                version = cart?.version
            case .changed(let cart):
                version = cart.version
            }
        }
    }

    private func told(_ socket: WebSocketClient) async throws -> Told {
        Told(try CartResponse.decodeContent(Array(try await text(socket).utf8)))
    }

    @Test func `the first message is the outcome of the query, and more may be asked`() async throws
    {
        try await LoopbackGateway.run { gateway in
            let socket = try await gateway.open("userID=u1&productCode=P1&quantity=2&requestID=r1")
            let first = try await told(socket)
            #expect(first.requestID == "r1" && first.status == .accepted && first.version == 1)
            socket.send("not JSON")
            #expect(try await text(socket).contains(#""slug":"invalid-json""#))
            socket.send(#"{"requestID":"r2","action":"remove","productCode":"P1","quantity":9}"#)
            let refused = try await told(socket)
            #expect(refused.status == .rejected && refused.reason == .notInCart)
            socket.send(#"{"requestID":"r1","action":"add","productCode":"P1","quantity":2}"#)
            #expect(try await told(socket) == first, "the first outcome again")
            socket.close()
        }
    }

    @Test func `many requests in flight are answered once each`() async throws {
        try await LoopbackGateway.run({ $0.pendingAfter = .seconds(60) }) { gateway in
            let socket = try await gateway.open("userID=u1&quantity=0&requestID=first")
            for number in 0..<500 {
                socket.send(
                    #"{"requestID":"r\#(number)","action":"add","productCode":"P1","quantity":1}"#)
            }
            var answers: [String: Int] = [:]
            var version = 0
            for _ in 0..<501 {
                let answer = try await told(socket)
                if let requestID = answer.requestID, answer.status == .accepted {
                    answers[requestID, default: 0] += 1
                }
                version = max(version, answer.version ?? 0)
            }
            #expect(answers.count == 501 && answers.values.allSatisfy { $0 == 1 })
            #expect(version == 500)
            socket.close()
        }
    }

    @Test func `a change made over REST is pushed to the open websocket`() async throws {
        try await LoopbackGateway.run { gateway in
            let socket = try await gateway.open("userID=u1&quantity=0")
            #expect(try await told(socket).status == .accepted)
            let response = try await gateway.send(
                "POST", "/cart/items", headers: [("Content-Type", "application/json")],
                body: Array(#"{"userID":"u1","productCode":"P1","quantity":1}"#.utf8))
            #expect(response.status == 200)
            let change = try await told(socket)
            #expect(change.requestID == nil && change.version == 1)
            socket.close()
        }
    }

    @Test func `an unanswered request is pending at the deadline`() async throws {
        try await LoopbackGateway.run({ $0.pendingAfter = .milliseconds(100) }) { gateway in
            let response = try await gateway.send(
                "POST", "/cart/items", headers: [("Content-Type", "application/json")],
                body: Array(#"{"userID":"u1","productCode":"SILENT","quantity":1}"#.utf8))
            #expect(response.status == 202)
            let location = try #require(response.header("location"))
            #expect(try await gateway.send("GET", location).status == 404)
            let socket = try await gateway.open("userID=u2&productCode=SILENT&quantity=1")
            #expect(try await told(socket).status == .pending)
            socket.close()
        }
    }

    @Test func `a bad query never becomes a websocket`() async throws {
        try await LoopbackGateway.run { gateway in
            do {
                _ = try await gateway.open("userID=u1&productCode=P1&quantity=two")
                Issue.record("upgraded")
            } catch WebClientError.upgradeRefused(let response) {
                #expect(response.status == 400)
                #expect(response.header("content-type") == "application/problem+json")
                #expect(response.text.contains(#""parameter":"quantity""#))
            }
            let plain = try await gateway.send("GET", "/cart/update-product?userID=u1&quantity=0")
            #expect(plain.status == 426 && plain.header("upgrade") == "websocket")
        }
    }

    @Test func `heads and unknown paths are answered`() async throws {
        try await LoopbackGateway.run { gateway in
            let head = try await gateway.send("HEAD", "/health/live")
            #expect(head.status == 200 && head.body.isEmpty)
            let missing = try await gateway.send("GET", "/nothing/here")
            #expect(
                missing.status == 404 && missing.text.contains("urn:holdfast:problem:not-found"))
            let encoded = try await gateway.send("GET", "/stock/%C0%AF")
            #expect(encoded.status == 400 && encoded.text.contains("invalid-path"))
        }
    }

    @Test func `an inventory is streamed to the loader`() async throws {
        try await LoopbackGateway.run { gateway in
            let row = Array("HRD001,Power Drill,100\n".utf8)
            let body = Array(repeatElement(row, count: 200_000).joined())
            let response = try await gateway.send(
                "POST", "/migration/inventory",
                headers: [("Content-Type", "text/csv"), ("Authorization", "Bearer secret")],
                body: body)
            #expect(response.status == 200)
            let fed = gateway.inventory.state.withLock { $0.fed }
            #expect(fed.count > 10, "in pieces, not as a whole")
            #expect(Array(fed.joined()) == body)
        }
    }

    @Test func `an inventory over the limit is refused`() async throws {
        try await LoopbackGateway.run({ $0.inventoryBytesMax = 1_000_000 }) { gateway in
            let response = try await gateway.send(
                "POST", "/migration/inventory",
                headers: [("Content-Type", "text/csv"), ("Authorization", "Bearer secret")],
                body: [UInt8](repeating: 0x41, count: 1_000_001))
            #expect(response.status == 413)
            let state = gateway.inventory.state.withLock { $0 }
            #expect(state.finished == 0)
            #expect(state.formats.isEmpty || state.cancelled == 1)
        }
    }

    @Test func `a websocket is told when the gateway goes`() async throws {
        try await LoopbackGateway.run { gateway in
            let socket = try await gateway.open("userID=u1&quantity=0")
            _ = try await text(socket)
            await gateway.gateway.drain()
            let ready = try await gateway.send("GET", "/health/ready")
            #expect(ready.status == 503 && ready.text.contains("shutting-down"))
            socket.send(#"{"action":"check","requestID":"late"}"#)
            #expect(try await text(socket).contains(#""slug":"shutting-down""#))
            await gateway.server.shutdown(deadline: .seconds(2))
            #expect(try await socket.receive(timeout: .seconds(20)) == nil)
            #expect(socket.closeCode == 1001)
        }
    }
}
