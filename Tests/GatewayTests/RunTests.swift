import CartDomain
import Messages
import Telemetry
import Testing
import WebServer

@testable import RestGateway

/// The loop, its beginning and its end.
struct RunTests {
    @Test func `nothing is taken before the gateway runs`() async throws {
        let log = FakeLog()
        let gateway = RestGateway(
            configuration: GatewayConfiguration(replyPartition: 0),
            ports: GatewayPorts(
                log: log, stock: FakeStock(), history: FakeHistory(), inventory: FakeInventory(),
                catalogue: FakeProducts(), products: FakeProducts(), probes: [],
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
            // While the loop is at work, the request must not come to its deadline.
            if gateway.clock.sleeperCount > 0 { gateway.clock.advance(by: .milliseconds(50)) }
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
        guard case .outcome(_, .accepted, _, _) = await answer else {
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
