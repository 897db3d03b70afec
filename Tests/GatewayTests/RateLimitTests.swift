import CartDomain
import Messages
import Telemetry
import Testing
import WebServer

@testable import RestGateway

/// What one client and all clients may ask.
struct RateLimitTests {
    private static let paths = "/cart?userID=u1"

    private func gateway(
        _ configure: (inout GatewayConfiguration) -> Void
    ) async -> GatewayFixture {
        let gateway = await GatewayFixture(configure)
        gateway.answerAll { Sample.outcome($0) }
        return gateway
    }

    private func status(
        _ gateway: GatewayFixture, from peer: String = "192.0.2.1", forwarded: [String] = [],
        target: String = paths
    ) async throws -> Int { try await ask(gateway, peer, forwarded, target).status }

    private func ask(
        _ gateway: GatewayFixture, _ peer: String = "192.0.2.1", _ forwarded: [String] = [],
        _ target: String = paths
    ) async throws -> HTTPResponse {
        let answer = await gateway.gateway.handler.handle(
            HTTPRequest(
                method: "GET", target: target,
                headers: HTTPHeaders(forwarded.map { ("X-Forwarded-For", $0) }),
                remoteAddress: peer))
        guard case .response(let response) = answer else { throw Unexpected.upgrade }
        return response
    }

    /// How many of so many requests at once are taken.
    private func taken(
        _ gateway: GatewayFixture, of count: Int = 20, from peer: String = "192.0.2.1",
        forwarded: [String] = []
    ) async throws -> Int {
        var taken = 0
        for _ in 0..<count {
            let status = try await status(gateway, from: peer, forwarded: forwarded)
            if status == 200 { taken += 1 } else { #expect(status == 429) }
        }
        return taken
    }

    @Test func `without a setting nothing is limited, and nobody remembered`() async throws {
        let gateway = await gateway { _ in }
        #expect(try await taken(gateway, of: 1_000) == 1_000)
        #expect(gateway.metrics.render().contains("holdfast_gateway_rate_limit_clients 0\n"))
    }

    @Test func `a client gets its burst, then its rate, and another is not touched`()
        async throws
    {
        let gateway = await gateway { $0.clientRate = RateLimit(perSecond: 2, burst: 5) }
        #expect(try await taken(gateway) == 5)
        #expect(try await taken(gateway, from: "192.0.2.2") == 5)
        await gateway.advance(by: .milliseconds(1_500))
        #expect(try await taken(gateway) == 3)
        await gateway.advance(by: .seconds(3_600))
        #expect(try await taken(gateway) == 5, "no more than the burst, however long it was quiet")
    }

    @Test func `the refusal says whose limit it was and when to come again`() async throws {
        let gateway = await gateway { $0.clientRate = RateLimit(perSecond: 1, burst: 1) }
        _ = try await ask(gateway)
        let response = try await ask(gateway)
        #expect(response.status == 429)
        #expect(response.headers.contains { $0 == ("Content-Type", "application/problem+json") })
        #expect(response.headers.contains { $0 == ("Retry-After", "1") })
        let text = String(decoding: response.body, as: UTF8.self)
        #expect(text.contains(#""slug":"rate-limited""#) && text.contains(#""retryAfter":1"#))
        #expect(
            gateway.metrics.render()
                .contains(#"holdfast_gateway_rate_limited_total{scope="client"} 1"#))
        await gateway.advance(by: .seconds(1))
        #expect(try await ask(gateway).status == 200, "what it was told is true")
    }

    @Test func `all together have a limit, which costs the refused nothing of their own`()
        async throws
    {
        let gateway = await gateway {
            $0.totalRate = RateLimit(perSecond: 1, burst: 4)
            $0.clientRate = RateLimit(perSecond: 1, burst: 3)
        }
        #expect(try await taken(gateway, from: "192.0.2.1") == 3)
        #expect(try await taken(gateway, from: "192.0.2.2") == 1)
        #expect(
            gateway.metrics.render()
                .contains(#"holdfast_gateway_rate_limited_total{scope="total"} "#))
        await gateway.advance(by: .seconds(2))
        #expect(try await taken(gateway, from: "192.0.2.2") == 2)
    }

    @Test func `errors count, the state of the gateway does not`() async throws {
        let gateway = await gateway { $0.clientRate = RateLimit(perSecond: 1, burst: 2) }
        #expect(try await status(gateway, target: "/nothing") == 404)
        #expect(try await status(gateway, target: "/%ff") == 400)
        #expect(try await status(gateway, target: "/nothing") == 429)
        for target in ["/health/live", "/health/ready", "/metrics"] {
            for _ in 0..<10 { #expect(try await status(gateway, target: target) == 200) }
        }
    }

    @Test func `who is behind a trusted proxy is told by the hop that the proxy wrote`()
        async throws
    {
        let proxy = "198.51.100.7"
        let gateway = await gateway {
            $0.clientRate = RateLimit(perSecond: 1, burst: 2)
            $0.trustedProxies = Set([proxy, "2001:db8::7"].compactMap { ClientAddress($0) })
        }
        func taken(_ forwarded: String..., from peer: String = proxy) async throws -> Int {
            try await self.taken(gateway, of: 5, from: peer, forwarded: forwarded)
        }
        #expect(try await taken("203.0.113.1") == 2)
        #expect(try await taken("203.0.113.2") == 2)
        #expect(
            try await taken("1.2.3.4, 203.0.113.1") == 0, "the first hops are the client's word")
        #expect(try await taken("203.0.113.9", "203.0.113.1:4711") == 0)
        #expect(try await taken("203.0.113.1", from: "2001:DB8:0::7") == 0)
        #expect(try await taken("[2001:db8:1::1]:4711") == 2)
        #expect(try await taken("2001:db8:1::2") == 0, "one host has the whole /64")
        #expect(try await taken("unknown") == 2, "the proxy itself")
        #expect(try await taken("") == 0)
        #expect(try await taken("203.0.113.77", from: "192.0.2.66") == 2)
        #expect(try await taken("203.0.113.78", from: "192.0.2.66") == 0, "anybody can write that")
    }

    @Test func `the table of clients is bounded, and newcomers share one bucket`() async throws {
        let gateway = await gateway {
            $0.clientRate = RateLimit(perSecond: 1, burst: 3)
            $0.limitedClientsMax = 100
        }
        for number in 0..<100 {
            #expect(try await status(gateway, from: "192.0.2.\(number)") == 200)
        }
        var others = 0
        for number in 0..<100 where try await status(gateway, from: "198.51.100.\(number)") == 200 {
            others += 1
        }
        #expect(others == 3)
        #expect(try await status(gateway, from: "192.0.2.5") == 200, "who is known keeps his own")
        #expect(gateway.metrics.render().contains("holdfast_gateway_rate_limit_clients 100\n"))
        await gateway.advance(by: .seconds(5))
        #expect(try await status(gateway, from: "198.51.100.1") == 200)
        #expect(gateway.metrics.render().contains("holdfast_gateway_rate_limit_clients 1\n"))
    }

    @Test func `a clock that is set back locks nobody out for long`() async throws {
        let gateway = await gateway { $0.clientRate = RateLimit(perSecond: 1, burst: 2) }
        #expect(try await taken(gateway) == 2)
        await gateway.advance(by: .seconds(-3_600))
        #expect(try await taken(gateway) == 0)
        await gateway.advance(by: .seconds(2))
        #expect(try await taken(gateway) == 2)
    }

    @Test func `websocket messages count with the requests, and the socket survives`()
        async throws
    {
        let gateway = await GatewayFixture {
            $0.clientRate = RateLimit(perSecond: 1, burst: 3)
        }
        let socket = FakeSocket()
        let client = try #require(ClientAddress("192.0.2.1"))
        let socketID = await gateway.core.open(
            socket, of: try Sample.user("u1"), cartID: CartID(of: try Sample.user("u1")),
            client: client)
        for number in 0..<5 {
            await gateway.core.receive(
                Array(#"{"action":"check","requestID":"r\#(number)"}"#.utf8), from: socketID)
        }
        #expect(gateway.log.asks.count == 3)
        #expect(socket.received.count == 2)
        for (text, requestID) in zip(socket.received, ["r3", "r4"]) {
            #expect(text.contains(#""type":"error""#) && text.contains(#""slug":"rate-limited""#))
            #expect(text.contains("\"requestID\":\"\(requestID)\""))
            #expect(text.contains(#""retryAfter":1"#))
        }
        #expect(try await status(gateway) == 429, "one bucket for both")
        await gateway.advance(by: .seconds(1))
        await gateway.core.receive(
            Array(#"{"action":"check","requestID":"r9"}"#.utf8), from: socketID)
        #expect(gateway.log.asks.last?.requestID.text == "r9")
    }
}

struct ClientAddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"), ("::", "0:0:0:0:0:0:0:0"),
        ("::1", "0:0:0:0:0:0:0:1"), ("fe80::1%eth0", "fe80:0:0:0:0:0:0:1"),
        ("2001:DB8::8:800:200c:417A", "2001:db8:0:0:8:800:200c:417a"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("64:ff9b::192.0.2.33", "64:ff9b:0:0:0:0:c000:221"),
    ])
    func `addresses are read in all their forms`(text: String, canonical: String) {
        #expect(ClientAddress(text)?.text == canonical)
        #expect(ClientAddress(canonical) == ClientAddress(text))
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4:5", "1.2.3.-4", "[::1]",
        ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "g::",
        "12345::", "+1::", "::1.2.3.4.5", "1.2.3.4::", "a b", "localhost",
    ])
    func `what is no address is refused`(text: String) {
        #expect(ClientAddress(text) == nil)
    }

    @Test func `an IPv6 client is its network, an IPv4 client itself`() throws {
        let one = try #require(ClientAddress("2001:db8::1"))
        let other = try #require(ClientAddress("2001:db8::ffff:2"))
        #expect(one != other && one.client == other.client)
        #expect(ClientAddress("192.0.2.1")?.client != ClientAddress("192.0.2.2")?.client)
    }
}
