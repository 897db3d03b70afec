import Messages
import Telemetry
import Testing
import WebServer

@testable import RestGateway

/// Websockets and the gateway's core, on fakes and a clock that is moved by hand.
struct CoreSocketTests {
    private func submit(
        _ gateway: GatewayFixture, _ socketID: Int, _ request: CartRequest
    ) async {
        await gateway.core.submit(
            GatewayCore.Ask(
                userID: request.userID, cartID: request.cartID, requestID: request.requestID,
                action: request.action),
            from: socketID)
    }

    private func reply(
        _ gateway: GatewayFixture, _ request: CartRequest, _ status: RequestStatus = .accepted,
        version: Int? = 1
    ) async -> String {
        let reply = GatewayFixture.reply(
            request, Sample.outcome(request, status, version: version))
        await gateway.gateway.receive([reply])
        return String(decoding: reply.value, as: UTF8.self)
    }

    @Test func `an outcome reaches the socket as it stands on the log`() async throws {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        let request = try Sample.request("r1")
        await submit(gateway, socketID, request)
        let sent = try #require(gateway.log.requests.first)
        #expect(sent.action == request.action && sent.requestID == request.requestID)
        #expect(sent.cartID == CartID(of: try Sample.user("u1")))
        #expect(sent.replyPartition == 3)
        #expect(sent.traceparent?.utf8.count == 55)

        let odd = Array(#"{ "anything" : "not even read" }"#.utf8)
        await gateway.gateway.receive([
            GatewayReply(
                cartID: request.cartID, requestID: request.requestID, status: .accepted,
                cartVersion: 1, value: odd)
        ])
        #expect(socket.received == [#"{ "anything" : "not even read" }"#])
        _ = await reply(gateway, request)
        #expect(socket.received.count == 1, "answered once")
    }

    @Test func `a request without an ID gets one`() async throws {
        let gateway = await GatewayFixture()
        let (_, socketID) = try await gateway.open("u1")
        for _ in 0..<2 {
            await gateway.core.receive(Array(#"{"action":"check"}"#.utf8), from: socketID)
        }
        let requestIDs = gateway.log.asks.map(\.requestID)
        #expect(Set(requestIDs).count == 2)
    }

    @Test func `a repeated request in flight is answered on each message`() async throws {
        let gateway = await GatewayFixture()
        let (first, firstID) = try await gateway.open("u1")
        let (second, secondID) = try await gateway.open("u1")
        let request = try Sample.request("r1")
        await submit(gateway, firstID, request)
        await submit(gateway, firstID, request)
        await submit(gateway, secondID, request)
        #expect(gateway.log.asks.count == 1)
        let text = await reply(gateway, request)
        #expect(first.received == [text, text])
        #expect(second.received == [text])
    }

    @Test func `an ID in flight cannot carry another request`() async throws {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        let product = try Sample.product("P1")
        let request = try Sample.request("r1", .add(product, quantity: 1))
        await submit(gateway, socketID, request)
        await submit(gateway, socketID, try Sample.request("r1", .add(product, quantity: 2)))
        #expect(gateway.log.asks.count == 1)
        let refusal = try CartResponse.decodeContent(
            Array(try #require(socket.received.first).utf8))
        guard case .outcome(request.requestID, .rejected, .requestIDReused, _, _) = refusal else {
            Issue.record("not refused as reused: \(refusal)")
            return
        }
        let text = await reply(gateway, request)
        #expect(socket.received.last == text)
    }

    @Test func `a slow outcome is told as pending once, and then as it is`() async throws {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        let request = try Sample.request("r1")
        await submit(gateway, socketID, request)
        for _ in 0..<120 { await gateway.advance(by: .milliseconds(50)) }
        let pending = try CartResponse.decodeContent(
            Array(try #require(socket.received.first).utf8))
        guard case .outcome(request.requestID, .pending, nil, _, nil) = pending else {
            Issue.record("not pending: \(pending)")
            return
        }
        #expect(socket.received.count == 1)
        // After 250 ms, then 0.5, 1, 2 and 4 s more, a fifth more or less each.
        #expect((4...5).contains(gateway.log.asks.count))
        #expect(Set(gateway.log.asks).count == 1, "the same request each time")
        let text = await reply(gateway, request)
        #expect(socket.received.last == text && socket.received.count == 2)
        let asks = gateway.log.asks.count
        for _ in 0..<120 { await gateway.advance(by: .milliseconds(50)) }
        #expect(gateway.log.asks.count == asks, "an answered request is asked no more")
    }

    @Test func `pending and unknown do not answer a request`() async throws {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        let request = try Sample.request("r1")
        await submit(gateway, socketID, request)
        _ = await reply(gateway, request, .pending)
        _ = await reply(gateway, request, .unknown)
        #expect(socket.received.isEmpty)
        let text = await reply(gateway, request, .rejected)
        #expect(socket.received == [text])
    }

    @Test func `a closed socket is asked for no more`() async throws {
        let gateway = await GatewayFixture()
        let (_, socketID) = try await gateway.open("u1")
        await submit(gateway, socketID, try Sample.request("r1"))
        await gateway.core.close(socketID)
        for _ in 0..<20 { await gateway.advance(by: .milliseconds(100)) }
        #expect(gateway.log.asks.count == 1)
        #expect(await gateway.core.pending.waiterCount == 0)
    }

    @Test func `bad input is told and the socket lives on`() async throws {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        for text in [
            "nonsense", #"{"requestID":"r9","action":"add","productCode":"P1","quantity":0}"#,
        ] {
            await gateway.core.receive(Array(text.utf8), from: socketID)
        }
        await gateway.core.receive([UInt8](repeating: 0x20, count: 65_537), from: socketID)
        #expect(gateway.log.requests.isEmpty)
        #expect(socket.received.count == 3)
        #expect(socket.received[0].hasPrefix(#"{"type":"error","problem":{"type":"urn:holdfast:"#))
        #expect(socket.received[0].contains(#""slug":"invalid-json""#))
        #expect(socket.received[1].hasPrefix(#"{"type":"error","requestID":"r9","problem":{"#))
        #expect(socket.received[1].contains(#""slug":"invalid-field""#))
        #expect(socket.received[1].contains(#""field":"quantity""#))
        #expect(socket.received[2].contains(#""slug":"body-too-large""#))
        let request = try Sample.request("r1")
        await submit(gateway, socketID, request)
        let text = await reply(gateway, request)
        #expect(socket.received.last == text)
    }

    @Test func `too many requests of one socket are refused, and allowed again later`() async throws
    {
        let gateway = await GatewayFixture { $0.waitingPerSocketMax = 3 }
        let (socket, socketID) = try await gateway.open("u1")
        let requests = try (0..<4).map { try Sample.request("r\($0)") }
        for request in requests { await submit(gateway, socketID, request) }
        #expect(socket.received.count == 1)
        #expect(socket.received[0].contains(#""requestID":"r3""#))
        #expect(socket.received[0].contains(#""slug":"too-many-requests""#))
        _ = await reply(gateway, requests[0])
        await submit(gateway, socketID, requests[3])
        #expect(gateway.log.asks.map(\.requestID.text) == ["r0", "r1", "r2", "r3"])
    }

    @Test func `a log that takes nothing is told, and nobody waits`() async throws {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        gateway.log.refuse(with: .overloaded)
        await submit(gateway, socketID, try Sample.request("r1"))
        gateway.log.refuse(with: .unavailable("no broker"))
        await submit(gateway, socketID, try Sample.request("r2"))
        #expect(socket.received.count == 2)
        #expect(socket.received[0].contains(#""slug":"overloaded""#))
        #expect(socket.received[1].contains(#""slug":"log-unavailable""#))
        #expect(await gateway.core.pending.waiterCount == 0)
    }

    @Test func `a repeated ask that the log refuses comes again`() async throws {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        let request = try Sample.request("r1")
        await submit(gateway, socketID, request)
        gateway.log.refuse(with: .overloaded)
        for _ in 0..<30 { await gateway.advance(by: .milliseconds(50)) }
        #expect(gateway.log.asks.count == 1)
        gateway.log.refuse(with: nil)
        for _ in 0..<60 { await gateway.advance(by: .milliseconds(50)) }
        #expect(gateway.log.asks.count >= 2)
        #expect(socket.received.isEmpty)
    }
}

/// Watches and changes (rule L5).
struct WatchTests {
    private func answerFirst(
        _ gateway: GatewayFixture, _ socketID: Int, _ requestID: String, user: String = "u1",
        version: Int?
    ) async throws {
        let request = try Sample.request(requestID, user: user, .check)
        await gateway.core.submit(
            GatewayCore.Ask(
                userID: request.userID, cartID: request.cartID, requestID: request.requestID,
                action: .check),
            from: socketID)
        await gateway.gateway.receive([
            GatewayFixture.reply(request, Sample.outcome(request, version: version))
        ])
    }

    private func isChange(_ text: String?, version: Int) -> Bool {
        guard let text, case .changed(let cart) = try? CartResponse.decodeContent(Array(text.utf8))
        else { return false }
        return cart.version == version
    }

    @Test func `a cart with sockets has one watch, renewed with what was seen`() async throws {
        let gateway = await GatewayFixture()
        let (_, first) = try await gateway.open("u1")
        let (_, second) = try await gateway.open("u1")
        #expect(gateway.log.watches.isEmpty)
        try await answerFirst(gateway, first, "r1", version: 4)
        try await answerFirst(gateway, second, "r2", version: 6)
        #expect(gateway.log.watches.map(\.action) == [.watch(since: 4)])
        #expect(gateway.log.watches.first?.cartID == CartID(of: try Sample.user("u1")))
        #expect(gateway.log.watches.first?.replyPartition == 3)
        await gateway.gateway.receive([try Sample.changed("u1", version: 9)])
        await gateway.advance(by: .seconds(29))
        #expect(gateway.log.watches.count == 1)
        await gateway.advance(by: .seconds(1))
        #expect(gateway.log.watches.map(\.action) == [.watch(since: 4), .watch(since: 9)])
        await gateway.advance(by: .seconds(30))
        #expect(gateway.log.watches.count == 3)
        await gateway.core.close(first)
        await gateway.core.close(second)
        await gateway.advance(by: .seconds(60))
        #expect(gateway.log.watches.count == 3, "the lease is left to run out")
    }

    @Test func `a watch is renewed from what the slowest socket has seen`() async throws {
        let gateway = await GatewayFixture()
        let (_, first) = try await gateway.open("u1")
        let (_, second) = try await gateway.open("u1")
        try await answerFirst(gateway, first, "r1", version: 4)
        try await answerFirst(gateway, second, "r2", version: 6)
        await gateway.advance(by: .seconds(30))
        #expect(gateway.log.watches.last?.action == .watch(since: 4))
    }

    @Test func `a cart opened again is watched again`() async throws {
        let gateway = await GatewayFixture()
        let (_, first) = try await gateway.open("u1")
        try await answerFirst(gateway, first, "r1", version: 4)
        await gateway.core.close(first)
        let (_, second) = try await gateway.open("u1")
        try await answerFirst(gateway, second, "r2", version: 5)
        #expect(gateway.log.watches.map(\.action) == [.watch(since: 4), .watch(since: 5)])
        await gateway.advance(by: .seconds(30))
        #expect(gateway.log.watches.count == 3, "renewed once, though the first watch was due too")
    }

    @Test func `a watch that the log refuses is tried again soon`() async throws {
        let gateway = await GatewayFixture()
        let (_, socketID) = try await gateway.open("u1")
        gateway.log.refuse(with: .overloaded)
        try await answerFirst(gateway, socketID, "r1", version: 4)
        #expect(gateway.log.watches.isEmpty)
        gateway.log.refuse(with: nil)
        await gateway.advance(by: .seconds(1))
        #expect(gateway.log.watches.count == 1)
        await gateway.advance(by: .seconds(29))
        #expect(gateway.log.watches.count == 1)
        await gateway.advance(by: .seconds(1))
        #expect(gateway.log.watches.count == 2)
    }

    @Test func `a change is told to those sockets that have not seen its version`() async throws {
        let gateway = await GatewayFixture()
        let (asker, askerID) = try await gateway.open("u1")
        let (other, otherID) = try await gateway.open("u1")
        let (stranger, strangerID) = try await gateway.open("u2")
        try await answerFirst(gateway, askerID, "r1", version: 1)
        try await answerFirst(gateway, otherID, "r2", version: 1)
        try await answerFirst(gateway, strangerID, "r3", user: "u2", version: 0)

        let request = try Sample.request("r4")
        await gateway.core.submit(
            GatewayCore.Ask(
                userID: request.userID, cartID: request.cartID, requestID: request.requestID,
                action: request.action),
            from: askerID)
        // The change stands before the outcome that causes it, but outcomes go first.
        await gateway.gateway.receive([
            try Sample.changed("u1", version: 2),
            GatewayFixture.reply(request, Sample.outcome(request, version: 2)),
        ])
        #expect(asker.received.count == 2)
        #expect(!isChange(asker.received.last, version: 2))
        #expect(other.received.count == 2)
        #expect(isChange(other.received.last, version: 2))
        await gateway.gateway.receive([
            try Sample.changed("u1", version: 2), try Sample.changed("u1", version: 1),
        ])
        #expect(asker.received.count == 2 && other.received.count == 2)
        await gateway.gateway.receive([try Sample.changed("u1", version: 3)])
        #expect(isChange(asker.received.last, version: 3))
        #expect(isChange(other.received.last, version: 3))
        #expect(stranger.received.count == 1)
    }

    @Test func `the first message is the first answer, changes come after it`() async throws {
        let gateway = await GatewayFixture()
        let (seen, seenID) = try await gateway.open("u1")
        let (unseen, unseenID) = try await gateway.open("u1")
        await gateway.gateway.receive([
            try Sample.changed("u1", version: 4), try Sample.changed("u1", version: 5),
        ])
        #expect(seen.received.isEmpty && unseen.received.isEmpty)
        try await answerFirst(gateway, seenID, "r1", version: 5)
        #expect(seen.received.count == 1)
        try await answerFirst(gateway, unseenID, "r2", version: 4)
        #expect(unseen.received.count == 2)
        #expect(isChange(unseen.received.last, version: 5))
    }

    @Test func `a change without a version is dropped`() async throws {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        try await answerFirst(gateway, socketID, "r1", version: 1)
        var change = try Sample.changed("u1", version: 2)
        change.cartVersion = nil
        await gateway.gateway.receive([change])
        #expect(socket.received.count == 1)
        #expect(gateway.metrics.render().contains("holdfast_gateway_replies_malformed_total 1"))
    }
}

/// The loop, its beginning and its end.
struct RunTests {
    @Test func `nothing is taken before the gateway runs`() async throws {
        let log = FakeLog()
        let gateway = RestGateway(
            configuration: GatewayConfiguration(replyPartition: 0),
            ports: GatewayPorts(
                log: log, stock: FakeStock(), inventory: FakeInventory(), probes: [],
                clock: ManualClock()),
            metrics: MetricsRegistry(), logger: Logger(component: "gateway", level: .error),
            executor: GatewayFixture.executor)
        for target in ["/cart?userID=u1", "/health/ready"] {
            let answer = await gateway.handler.handle(HTTPRequest(method: "GET", target: target))
            guard case .response(let response) = answer else { throw Unexpected.upgrade }
            #expect(response.status == 503)
            #expect(String(decoding: response.body, as: UTF8.self).contains("not-ready"))
        }
        #expect(log.requests.isEmpty)
    }

    @Test func `odd settings of time are put right`() async throws {
        let gateway = await GatewayFixture {
            $0.reaskAfter = .seconds(10)
            $0.pendingAfter = .seconds(300)
        }
        async let answer = gateway.send("GET", "/cart?userID=u1")
        try await eventually("the request is on the log") { gateway.log.asks.count == 1 }
        for _ in 0..<299 { await gateway.advance(by: .seconds(1)) }
        #expect(await gateway.core.pending.untoldCount == 1)
        await gateway.advance(by: .seconds(1))
        #expect(try await answer.status == 202)
        #expect((24...37).contains(gateway.log.asks.count), "every ten seconds or so")
    }

    @Test func `the loop asks again by its clock, and answers everyone when it ends`() async throws
    {
        let gateway = await GatewayFixture()
        let run = Task { try await gateway.gateway.run() }
        let user = try Sample.user("u1")
        let ask = GatewayCore.Ask(userID: user, cartID: CartID(of: user), action: .check)
        async let answer = gateway.core.call(ask)
        try await eventually("the request is on the log") { gateway.log.asks.count == 1 }
        try await eventually("it is asked again") {
            gateway.clock.advance(by: .milliseconds(50))
            return gateway.log.asks.count >= 3
        }
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
        guard case .refused(let problem) = await answer else {
            Issue.record("not told that the gateway stops")
            return
        }
        #expect(problem.slug == .shuttingDown)
    }

    @Test func `draining refuses what is new and waits for what is under way`() async throws {
        let gateway = await GatewayFixture()
        let run = Task { try await gateway.gateway.run() }
        let request = try Sample.request("r1")
        let ask = GatewayCore.Ask(
            userID: request.userID, cartID: request.cartID, requestID: request.requestID,
            action: request.action)
        async let answer = gateway.core.call(ask)
        try await eventually("the request is on the log") { gateway.log.asks.count == 1 }
        let drain = Task { await gateway.gateway.drain() }
        try await eventually("the gateway drains") { await gateway.core.phase == .draining }
        let refused = try await gateway.send("GET", "/cart?userID=u1")
        #expect(refused.status == 503)
        #expect(try await gateway.send("GET", "/health/ready").status == 503)
        #expect(try await gateway.send("GET", "/health/live").status == 200)
        await gateway.gateway.receive([
            GatewayFixture.reply(request, Sample.outcome(request))
        ])
        guard case .outcome(_, .accepted, _) = await answer else {
            Issue.record("not answered")
            return
        }
        try await eventually("the drain ends") {
            gateway.clock.advance(by: .milliseconds(50))
            return await gateway.core.pending.untoldCount == 0
        }
        gateway.clock.advance(by: .seconds(1))
        await drain.value
        run.cancel()
        _ = await run.result
    }
}
