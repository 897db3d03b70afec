import Telemetry
import Testing
import Threading
import WebClient
import WebServer
import WebWire

@Suite struct WebClientTests {
    @Test func `requests on one client use one connection again`() async throws {
        try await TestServer.run { server in
            let client = WebClient(loop: server.loop)
            for index in 0..<5 {
                let response = try await client.request("GET", server.url("/a?n=\(index)"))
                #expect(response.status == 200)
                #expect(response.text == "GET /a?n=\(index)")
                #expect(response.header("CONTENT-length") == "10")
            }
            #expect(server.metric("web_connections_accepted_total") == 1)
            client.closeIdleConnections()
        }
    }

    @Test func `bodies go both ways, HEAD has none`() async throws {
        try await TestServer.run { server in
            let client = WebClient(loop: server.loop)
            let body = [UInt8](repeating: 0x78, count: 500_000)
            let echoed = try await client.request("POST", server.url("/echo"), body: body)
            #expect(echoed.body == body)
            let head = try await client.request("HEAD", server.url("/abc"))
            #expect(head.body.isEmpty)
            let after = try await client.request("GET", server.url("/abc"))
            #expect(after.text == "GET /abc")
        }
    }

    @Test func `a large response arrives whole, or not at all`() async throws {
        try await TestServer.run { server in
            let client = WebClient(loop: server.loop)
            let whole = try await client.request("GET", server.url("/big"))
            #expect(whole.body.count == 8_000_000)
            await #expect(throws: WebClientError.self) {
                try await client.request("GET", server.url("/big"), responseBytesMax: 1_000)
            }
        }
    }

    @Test func `time-out, cancellation and refused connections are errors`() async throws {
        try await TestServer.run { server in
            let client = WebClient(loop: server.loop)
            await #expect(throws: WebClientError.self) {
                try await client.request(
                    "GET", server.url("/wait"), timeout: .milliseconds(20))
            }
            let task = Task { try await client.request("GET", server.url("/wait")) }
            task.cancel()
            await #expect(throws: WebClientError.self) { try await task.value }
            await #expect(throws: WebClientError.self) {
                try await client.request("GET", "http://127.0.0.1:1/")
            }
            for url in ["https://x/", "127.0.0.1", "http://", "http://x:0/", "http://x:y/"] {
                await #expect(throws: WebClientError.self) {
                    try await client.request("GET", url)
                }
            }
            let response = try await client.request("GET", server.url("/a"))
            #expect(response.text == "GET /a")
        }
    }

    @Test func `a kept connection that the server closed is replaced`() async throws {
        try await TestServer.run({ $0.keepAliveIdle = .milliseconds(20) }) { server in
            let client = WebClient(loop: server.loop)
            _ = try await client.request("GET", server.url("/a"))
            try await server.onThread { _ in
                try waitUntil { server.metric("web_connections") == 0 }
            }
            #expect(try await client.request("POST", server.url("/b")).text == "POST /b")
        }
    }

    @Test func `a websocket sends and receives in order`() async throws {
        try await TestServer.run { server in
            let client = WebClient(loop: server.loop)
            let socket = try await WebSocketClient.connect(
                server.url("/socket"), headers: [("X-A", "b")], client: client)
            for index in 0..<3_000 { #expect(socket.send("message \(index)")) }
            for index in 0..<3_000 {
                #expect(try await socket.receiveText(timeout: .seconds(20)) == "message \(index)")
            }
            socket.close()
            #expect(try await socket.receive(timeout: .seconds(20)) == nil)
            #expect(socket.closeCode == 1000)
            #expect(!socket.send("late"))
        }
    }

    @Test func `receiving can time out or be cancelled, and go on`() async throws {
        try await TestServer.run { server in
            let client = WebClient(loop: server.loop)
            let socket = try await WebSocketClient.connect(
                server.url("/socket"), client: client)
            await #expect(throws: WebClientError.self) {
                try await socket.receive(timeout: .milliseconds(20))
            }
            let task = Task { try await socket.receive() }
            task.cancel()
            await #expect(throws: WebClientError.self) { try await task.value }
            socket.send("on")
            #expect(try await socket.receiveText(timeout: .seconds(20)) == "on")
        }
    }

    @Test func `a refused upgrade tells status and body`() async throws {
        try await TestServer.run { server in
            let client = WebClient(loop: server.loop)
            do throws(WebClientError) {
                _ = try await WebSocketClient.connect(server.url("/elsewhere"), client: client)
                Issue.record("the upgrade was accepted")
            } catch {
                guard case .upgradeRefused(let response) = error else {
                    Issue.record("\(error)")
                    return
                }
                #expect(response.status == 200)
                #expect(response.text == "GET /elsewhere")
            }
        }
    }

    @Test func `the server's shutdown reaches the receiver as an end with 1001`() async throws {
        try await TestServer.run { server in
            let client = WebClient(loop: server.loop)
            let socket = try await WebSocketClient.connect(
                server.url("/socket"), client: client)
            async let end = socket.receive(timeout: .seconds(20))
            await server.server.shutdown(deadline: .seconds(20))
            #expect(try await end == nil)
            #expect(socket.closeCode == 1001)
        }
    }

    @Test func `a thousand websockets share a loop`() async throws {
        try await TestServer.run { server in
            let loop = try EventLoop(name: "test-client")
            defer { loop.stop() }
            let client = WebClient(loop: loop)
            let url = server.url("/socket")
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<1_000 {
                    group.addTask {
                        let socket = try await WebSocketClient.connect(url, client: client)
                        for round in 0..<5 {
                            socket.send("\(index) \(round)")
                            let answer = try await socket.receiveText(timeout: .seconds(30))
                            guard answer == "\(index) \(round)" else { return false }
                        }
                        socket.close()
                        return try await socket.receive(timeout: .seconds(30)) == nil
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(server.metric("web_websocket_messages_sent_total") == 5_000)
        }
    }

    @Test func `the accept value of RFC 6455 is computed`() {
        #expect(WebSocketKey.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(WebSocketKey.isValid(WebSocketKey.random()))
        #expect(WebSocketKey.random() != WebSocketKey.random())
    }
}

extension TestServer {
    /// A URL of this server.
    func url(_ target: String) -> String { "http://127.0.0.1:\(port)\(target)" }
}
