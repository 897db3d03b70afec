import CartDomain
import Messages
import Testing
import WebServer

@testable import RestGateway

/// Entity tags, conditions and idempotency keys.
struct PreconditionTests {
    private static let base = "/cart/byid/398c042a-aa88-214b-4e31-d546e758d384"
    private static let changes = [
        ("POST", base, #"{"sku":"P1","quantity":1,"country":"SE"}"#), ("GET", "\(base)/add/P1", ""),
        ("PUT", base, #"{"id":"P1","quantity":2}"#), ("DELETE", "\(base)/P1", ""),
        ("POST", "\(base)/set", #"{"items":[]}"#),
        ("POST", "\(base)/delivery", #"{"provider":"P"}"#),
        ("DELETE", "\(base)/delivery/1", ""), ("POST", "\(base)/merge", #"{"userID":"u1"}"#),
        (
            "PUT", "\(base)/delivery/1/pickupPoint",
            #"{"id":"i","name":"n","address":"a","city":"c","zip":"z","country":"SE"}"#
        ),
        ("POST", "/cart/items", #"{"userID":"u1","productCode":"P1","quantity":1}"#),
        ("DELETE", "/cart/items/P1?userID=u1", ""),
    ]

    private func gateway(version: Int? = 17) async -> GatewayFixture {
        let gateway = await GatewayFixture()
        gateway.answerAll { Sample.outcome($0, version: version) }
        return gateway
    }

    private func send(
        _ gateway: GatewayFixture, _ change: (String, String, String),
        _ headers: [(String, String)]
    ) async throws -> HTTPResponse {
        try await gateway.send(
            change.0, change.1, headers: [("Content-Type", "application/json")] + headers,
            body: change.2)
    }

    @Test func `the tag is the cart's version, on every answer that tells the cart`() async throws {
        let gateway = await gateway()
        for change in Self.changes + [("GET", Self.base, ""), ("GET", "/cart?userID=u1", "")] {
            let response = try await send(gateway, change, [])
            #expect(header(response, "ETag") == "\"17\"", "\(change.1)")
        }
        let versionless = await self.gateway(version: nil)
        let response = try await versionless.send("GET", Self.base)
        #expect(header(response, "ETag") == nil)
    }

    @Test(arguments: [
        ([], 200), ([#""17""#], 304), ([#"W/"17""#], 304), (["*"], 304), ([#""1", "17""#], 304),
        ([#""1""#, #""17""#], 304), ([#""16""#], 200), (["17"], 200), ([#""017""#], 200),
        ([#""17"#], 200), ([#"w/"17""#], 200), ([""], 200), ([","], 200),
    ])
    func `what the client has is not sent again`(tags: [String], status: Int) async throws {
        let gateway = await gateway()
        for (method, target) in [
            ("GET", Self.base), ("HEAD", Self.base), ("GET", "/cart/"), ("GET", "/cart?userID=u1"),
        ] {
            let response = try await gateway.send(
                method, target, headers: tags.map { ("If-None-Match", $0) })
            #expect(response.status == status, "\(target)")
            #expect(header(response, "ETag") == "\"17\"")
            if status == 304 { #expect(response.body.isEmpty) }
        }
    }

    @Test func `whatever changes a cart may name the version that it is for`() async throws {
        for change in Self.changes where !change.1.hasSuffix("/merge") {
            let gateway = await gateway()
            for (tag, version) in [(#""17""#, 17), ("*", nil), (#""0""#, 0)] {
                let response = try await send(gateway, change, [("If-Match", tag)])
                #expect(response.status == 200, "\(change)")
                #expect(gateway.log.asks.last?.ifVersion == version, "\(change)")
            }
            gateway.answerAll { Sample.outcome($0, .rejected, reason: .versionMismatch) }
            let late = try await send(gateway, change, [("If-Match", #""17""#)])
            #expect(late.status == 412, "\(change)")
            #expect(text(late).contains(#""reason":"version-mismatch""#))
            #expect(header(late, "ETag") == "\"1\"", "what to ask with next")
        }
    }

    @Test func `a merge takes no version, which would be one of another cart`() async throws {
        let gateway = await gateway()
        let merge = try #require(Self.changes.first { $0.1.hasSuffix("/merge") })
        expectProblem(try await send(gateway, merge, [("If-Match", #""17""#)]), .invalidHeader)
        #expect(gateway.log.requests.isEmpty)
        #expect(try await send(gateway, merge, [("If-Match", "*")]).status == 200)
    }

    @Test(arguments: [
        [""], ["17"], [#""""#], [#""17"#], [#"W/"17""#], [#""1", "17""#], [#""1""#, #""17""#],
        [#""-1""#], [#""+1""#], [#""017""#], [#""1.0""#], [#""9223372036854775808""#], [#""١""#],
        ["*", "*x"].reversed(),
    ])
    func `a version that no cart has is refused by name`(tags: [String]) async throws {
        for change in Self.changes {
            let gateway = await gateway()
            let response = try await send(gateway, change, tags.map { ("If-Match", $0) })
            expectProblem(response, .invalidHeader)
            #expect(text(response).contains(#""header":"If-Match""#))
            #expect(gateway.log.requests.isEmpty)
        }
    }

    @Test func `whatever changes a cart takes the client's key`() async throws {
        for change in Self.changes {
            let gateway = await gateway()
            _ = try await send(gateway, change, [("Idempotency-Key", "k:1")])
            #expect(gateway.log.asks.last?.requestID.text == "k:1", "\(change)")
            for keys in [[""], ["a b"], ["k/1"], ["k", "k"], [String(repeating: "k", count: 65)]] {
                let response = try await send(gateway, change, keys.map { ("Idempotency-Key", $0) })
                expectProblem(response, .invalidHeader)
            }
            #expect(gateway.log.asks.count == 1)
        }
    }

    @Test func `the version is no part of what a key stands for`() async throws {
        let gateway = await GatewayFixture()
        let change = Self.changes[0]
        let key = ("Idempotency-Key", "k1")
        async let first = send(gateway, change, [key, ("If-Match", #""3""#)])
        try await eventually("the request is on the log") { gateway.log.asks.count == 1 }
        async let second = send(gateway, change, [key])
        try await eventually("both wait") { await gateway.core.pending.waiterCount == 2 }
        let request = try #require(gateway.log.asks.first)
        await gateway.gateway.receive([GatewayFixture.reply(request, Sample.outcome(request))])
        #expect(try await [first.status, second.status] == [200, 200])
        #expect(gateway.log.asks.count == 1)
    }
}
