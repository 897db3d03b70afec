import CartDomain
import Messages
import Testing

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
        guard case .outcome(request.requestID, .rejected, .requestIDReused, _, _, _) = refusal
        else {
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
        guard case .outcome(request.requestID, .pending, nil, _, nil, _) = pending else {
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

    @Test func `who waits for very long is told that nobody answers, and to ask again`()
        async throws
    {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        await submit(gateway, socketID, try Sample.request("r1"))
        await gateway.advance(by: .seconds(6))
        await gateway.advance(by: .seconds(14 * 60))
        #expect(socket.received.count == 1, "pending, and nothing since")
        await gateway.advance(by: .seconds(60))
        #expect(socket.received.count == 2)
        let last = try #require(socket.received.last)
        #expect(last.hasPrefix(#"{"type":"error","requestID":"r1","problem":{"#))
        #expect(last.contains(#""slug":"no-answer""#))
        #expect(await gateway.core.pending.waiterCount == 0)
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
