import CartDomain
import Messages
import Testing
import WebClient
import WebServer

@testable import RestGateway

/// Websockets that are told every change of a cart.
struct SessionTests {
    private static let cart = "398c042a-aa88-214b-4e31-d546e758d384"

    private func version(_ text: String?) throws -> Int? {
        switch try text.map({ try CartResponse.decodeContent(Array($0.utf8)) }) {
        case .changed(let cart): cart.version
        default: nil
        }
    }

    private func upgrade(
        _ gateway: GatewayFixture, _ target: String, _ headers: [(String, String)] = []
    ) async -> HTTPAnswer {
        await gateway.gateway.handler.handle(
            HTTPRequest(
                method: "GET", target: target,
                headers: HTTPHeaders([("Host", "shop.example")] + headers),
                isWebSocketUpgrade: true))
    }

    // MARK: - Opening

    @Test func `a session without a cookie sets it with the upgrade, one with it does not`()
        async throws
    {
        let gateway = await GatewayFixture()
        guard case .webSocket(let fresh, _) = await upgrade(gateway, "/cart/session") else {
            Issue.record("refused")
            return
        }
        #expect(fresh.map(\.0) == ["Set-Cookie"])
        #expect(
            fresh.first?.1.hasSuffix("; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax") == true)
        for (target, cookie) in [
            ("/cart/session", "cartid=\(Self.cart)"), ("/cart/byid/\(Self.cart)/session", "a=b"),
            ("/cart/session?version=3", "cartid=\(Self.cart)"),
        ] {
            guard
                case .webSocket(let headers, _) = await upgrade(
                    gateway, target, [("Cookie", cookie)])
            else {
                Issue.record("\(target) is refused")
                continue
            }
            #expect(headers.isEmpty)
        }
    }

    @Test(arguments: [
        ("/cart/session?version=", 400), ("/cart/session?version=-1", 400),
        ("/cart/session?version=1.0", 400), ("/cart/session?version=01", 400),
        ("/cart/session?version=9223372036854775808", 400),
        ("/cart/session?version=1&version=1", 400),
        ("/cart/session?userID=u1", 400), ("/cart/byid/x/session", 400), ("/cart/session/", 404),
        ("/cart/byid/\(SessionTests.cart)/session/", 404), ("/cart/byid//session", 404),
    ])
    func `a session of nothing is refused before it is one`(
        target: String, status: Int
    ) async throws {
        let gateway = await GatewayFixture()
        guard case .response(let response) = await upgrade(gateway, target) else {
            Issue.record("upgraded")
            return
        }
        #expect(response.status == status)
        #expect(header(response, "Set-Cookie") == nil)
    }

    @Test func `a plain request is told that this is a websocket`() async throws {
        let gateway = await GatewayFixture()
        for target in ["/cart/session", "/cart/byid/\(Self.cart)/session"] {
            let response = try await gateway.send("GET", target)
            expectProblem(response, .upgradeRequired)
            #expect(header(response, "Upgrade") == "websocket")
        }
        #expect(try await gateway.send("POST", "/cart/session").status == 405)
    }

    @Test(arguments: [
        ([], true), (["http://shop.example"], true), (["https://shop.example"], true),
        (["https://app.example"], true), (["https://evil.example"], false), (["null"], false),
        (["http://shop.example:81"], false), (["https://shop.example.evil"], false),
        (["https://app.example", "https://app.example"], false),
    ])
    func `with a cookie only pages that are let in open a session`(
        origins: [String], isOpened: Bool
    ) async throws {
        let allowed = try #require(WebOrigin("https://app.example"))
        let gateway = await GatewayFixture { $0.allowedOrigins = [allowed] }
        for cookie in [[], [("Cookie", "cartid=\(Self.cart)")]] {
            let answer = await upgrade(
                gateway, "/cart/session", cookie + origins.map { ("Origin", $0) })
            if case .response(let response) = answer {
                #expect(!isOpened)
                expectProblem(response, .originNotAllowed)
                #expect(header(response, "Set-Cookie") == nil)
            } else {
                #expect(isOpened)
            }
        }
    }

    // MARK: - What is told

    @Test func `whoever has seen nothing is told the cart, whoever has seen some what is newer`()
        async throws
    {
        let gateway = await GatewayFixture()
        let (fresh, freshID) = try await gateway.open("u1")
        let (back, backID) = try await gateway.open("u1")
        await gateway.core.watch(from: freshID, since: -1)
        await gateway.core.watch(from: backID, since: 4)
        #expect(gateway.log.watches.map(\.action) == [.watch(since: -1), .watch(since: 4)])
        await gateway.gateway.receive([try Sample.changed("u1", version: 4)])
        #expect(try fresh.received.map(version) == [4])
        #expect(back.received.isEmpty)
        await gateway.gateway.receive([try Sample.changed("u1", version: 6)])
        #expect(try fresh.received.map(version) == [4, 6])
        #expect(try back.received.map(version) == [6])
        await gateway.advance(by: .seconds(30))
        #expect(gateway.log.watches.last?.action == .watch(since: 6), "one renewal for both")
        #expect(gateway.log.watches.count == 3)
    }

    @Test func `a version that the cart has not reached is of another cart, and void`() async throws
    {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        await gateway.core.watch(from: socketID, since: 20)
        #expect(gateway.log.watches.map(\.action) == [.watch(since: 20)])
        // The cart tells a watch from a version that it does not have how it stands.
        await gateway.gateway.receive([try Sample.changed("u1", version: 8)])
        await gateway.gateway.receive([
            try Sample.changed("u1", version: 8), try Sample.changed("u1", version: 7),
            try Sample.changed("u1", version: 9),
        ])
        #expect(try socket.received.map(version) == [8, 9])
        await gateway.advance(by: .seconds(30))
        #expect(gateway.log.watches.last?.action == .watch(since: 9))
    }

    @Test func `the version of an answer makes a claim void too`() async throws {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        await gateway.core.watch(from: socketID, since: 20)
        await gateway.core.receive(Array(#"{"action":"check"}"#.utf8), from: socketID)
        let request = try #require(gateway.log.asks.first)
        await gateway.gateway.receive([
            GatewayFixture.reply(request, Sample.outcome(request, version: 8)),
            try Sample.changed("u1", version: 9),
        ])
        #expect(socket.received.count == 2)
        #expect(try version(socket.received.last) == 9)
    }

    @Test func `the outcome of a merge says nothing of the session's own cart`() async throws {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        await gateway.core.watch(from: socketID, since: 3)
        await gateway.core.receive(
            Array(#"{"action":"merge","userID":"u2","requestID":"m1"}"#.utf8), from: socketID)
        let request = try #require(gateway.log.asks.first)
        #expect(request.cartID == CartID(of: try Sample.user("u2")))
        #expect(request.userID == (try Sample.user("u2")))
        #expect(request.action == .command(MergeCart.from(CartID(of: try Sample.user("u1")))))
        await gateway.gateway.receive([
            GatewayFixture.reply(request, Sample.outcome(request, version: 50)),
            try Sample.changed("u1", version: 4),
        ])
        #expect(socket.received.count == 2)
        #expect(try version(socket.received.last) == 4, "though the other cart is at 50")
    }

    // MARK: - By websocket

    private static let messages = [
        #""action":"add","sku":"P1","quantity":5,"country":"SE","storeId":"S1""#,
        #""action":"remove","productCode":"P1","quantity":1"#,
        #""action":"remove-line","id":"P1@S1""#,
        #""action":"set-quantity","id":"P1","quantity":2"#,
        #""action":"set","items":[{"sku":"P1","quantity":3},{"sku":"P2","quantity":1}]"#,
        #""action":"add-delivery","provider":"POST","items":["P1"]"#,
        #""action":"set-pickup-point","deliveryID":1,"id":"i","name":"Ø","address":"a","city":"c","zip":"z","country":"DK""#,
        #""action":"remove-delivery","deliveryID":1"#,
    ]

    private func told(_ socket: WebSocketClient) async throws -> String {
        try #require(try await socket.receiveText(timeout: .seconds(20)))
    }

    @Test func `every command can be sent, and the other tab sees each change`() async throws {
        try await LoopbackGateway.run { gateway in
            let path = "/cart/byid/\(Self.cart)/session"
            let one = try await gateway.open(path: path)
            #expect(try version(try await told(one)) == 0)
            let two = try await gateway.open(
                path: "/cart/session", headers: [("Cookie", "cartid=\(Self.cart)")])
            #expect(try version(try await told(two)) == 0)
            for (index, fields) in Self.messages.enumerated() {
                one.send(#"{"requestID":"r\#(index)","ifVersion":\#(index),\#(fields)}"#)
                let outcome = try await told(one)
                #expect(outcome.contains(#""status":"accepted""#), "\(fields): \(outcome)")
                #expect(outcome.contains("\"version\":\(index + 1)"))
                #expect(try version(try await told(two)) == index + 1)
            }
            let tried = try Self.messages.map {
                try ClientMessage(Array("{\($0)}".utf8)).action.name
            }
            let known = CommandRegistry.commands.map(\.specification.name)
            #expect(Set(tried + ["merge"]) == Set(known), "no command is left out")

            one.send(#"{"requestID":"late","ifVersion":2,\#(Self.messages[0])}"#)
            #expect(try await told(one).contains(#""reason":"version-mismatch""#))
            one.send(#"{"requestID":"r0",\#(Self.messages[0])}"#)
            #expect(try await told(one).contains(#""requestID":"r0","status":"accepted""#))

            two.close()
            one.send(#"{"requestID":"more",\#(Self.messages[0])}"#)
            _ = try await told(one)
            let last = Self.messages.count + 1
            let back = try await gateway.open(path: path + "?version=\(last - 1)")
            #expect(try version(try await told(back)) == last, "what it has missed")
            let current = try await gateway.open(path: path + "?version=\(last)")
            current.send(#"{"action":"check","requestID":"c"}"#)
            #expect(try await told(current).contains(#""requestID":"c""#), "it has missed nothing")
            for socket in [one, back, current] { socket.close() }
        }
    }
}
