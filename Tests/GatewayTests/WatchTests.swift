import CartDomain
import Messages
import Telemetry
import Testing

@testable import RestGateway

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

    /// Opens two sockets of one cart and one of another, which have seen version 1.
    private func openThree(
        _ gateway: GatewayFixture
    ) async throws -> (asker: FakeSocket, askerID: Int, other: FakeSocket, stranger: FakeSocket) {
        let (asker, askerID) = try await gateway.open("u1")
        let (other, otherID) = try await gateway.open("u1")
        let (stranger, strangerID) = try await gateway.open("u2")
        try await answerFirst(gateway, askerID, "r1", version: 1)
        try await answerFirst(gateway, otherID, "r2", version: 1)
        try await answerFirst(gateway, strangerID, "r3", user: "u2", version: 1)
        return (asker, askerID, other, stranger)
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
        try await answerFirst(gateway, first, "r1", version: 6)
        let (_, second) = try await gateway.open("u1")
        await gateway.core.watch(from: second, since: 4)
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
        let (asker, askerID, other, stranger) = try await openThree(gateway)
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

    @Test func `an outcome is a change for the cart's other sockets`() async throws {
        let gateway = await GatewayFixture()
        let (asker, askerID, other, stranger) = try await openThree(gateway)
        // Asked by another gateway that shares the partition.
        let elsewhere = try Sample.request("r4")
        await gateway.gateway.receive([
            GatewayFixture.reply(elsewhere, Sample.outcome(elsewhere, version: 2)),
            GatewayFixture.reply(elsewhere, Sample.outcome(elsewhere, .rejected, version: nil)),
        ])
        #expect(isChange(asker.received.last, version: 2))
        #expect(isChange(other.received.last, version: 2))
        try await answerFirst(gateway, askerID, "r5", version: 3)
        #expect(asker.received.count == 3)
        #expect(!isChange(asker.received.last, version: 3))
        #expect(isChange(other.received.last, version: 3))
        #expect(stranger.received.count == 1)
        #expect(gateway.metrics.render().contains("holdfast_gateway_changes_pushed_total 3"))
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
