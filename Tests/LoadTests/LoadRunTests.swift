import Messages
import Testing
import Threading

@testable import LoadTest

@Suite struct LoadRunTests {
    private static func configuration(
        _ scenario: Scenario, rate: Double? = nil, users: Int = 20, socketsMax: Int = 20,
        products: Int = 5, stock: Int = 1_000_000, addsPerUser: Int = 500
    ) -> LoadConfiguration {
        LoadConfiguration(
            scenario: scenario, rate: rate, inFlightMax: 16, gateways: [], adminToken: "token",
            warmUp: .milliseconds(100), duration: .milliseconds(400), users: users,
            socketsMax: socketsMax, products: products, stock: stock, addsPerUser: addsPerUser,
            deadline: .milliseconds(1_500))
    }

    private static func look(
        _ result: LoadRun.Result, _ gateway: FakeGateway
    ) async throws -> TruthCheck.Findings {
        try await result.truthCheck.look(at: gateway)
    }

    @Test(arguments: [Scenario.uniform, .hot], [nil, 400] as [Double?])
    func `adds are sent, answered and true`(scenario: Scenario, rate: Double?) async throws {
        let (result, gateway) = try await FakeGateway.run(
            Self.configuration(scenario, rate: rate))
        #expect(result.phases.map(\.name) == ["connect", "warm-up", "measured"])
        #expect(try await Self.look(result, gateway).isTrue)
        let total = result.total
        #expect(total.outcomes[.accepted] > 0)
        #expect(total.outcomes[.unanswered] == 0)
        if rate != nil {
            // An open loop sends, or tells as unsent, exactly what its rate says.
            #expect(total.latencies.count == 160)
            #expect(result.phases[1].latencies.count == 40)
            #expect(result.lateness.count == total.outcomes[.accepted])
        }
        #expect(result.phases[0].outcomes[.shown] == 20)
        #expect(result.handshakesFailed == 0 && result.connectionsLost == 0)
    }

    @Test func `a flash sale sells what there is to waves of shoppers`() async throws {
        let (result, gateway) = try await FakeGateway.run(
            Self.configuration(.flashSale, users: 70, socketsMax: 30, products: 1, stock: 11))
        #expect(
            result.phases.map(\.name) == [
                "wave 1: connect", "wave 1", "wave 2: connect", "wave 2", "wave 3: connect",
                "wave 3",
            ])
        #expect(result.tally.count == 70)
        #expect(result.total.outcomes[.accepted] == 11)
        #expect(result.total.outcomes[.outOfStock] == 59)
        #expect(result.total.answeredInTime == 70)
        #expect(try await Self.look(result, gateway).isTrue)
    }

    @Test func `each race has a winner, and many waves are told as one`() async throws {
        let (result, gateway) = try await FakeGateway.run(
            Self.configuration(
                .lastItem, rate: 2_000, users: 90, socketsMax: 3, products: 30, stock: 1))
        let race = RaceResult(result.tally, products: 30)
        #expect(race.isFair)
        #expect(race.oneWinner == 30)
        #expect(result.phases.map(\.name) == ["connect", "waves"])
        #expect(result.total.answeredInTime == 90)
        #expect(try await Self.look(result, gateway).isTrue)
    }

    @Test(arguments: [Scenario.mixed, .soak])
    func `shop traffic over sockets and REST comes out true`(scenario: Scenario) async throws {
        let (result, gateway) = try await FakeGateway.run(
            Self.configuration(scenario, rate: 800, stock: 40, addsPerUser: 5))
        let findings = try await Self.look(result, gateway)
        #expect(findings.isTrue, "\(findings.examples)")
        #expect(result.total.operations.count == Operation.allCases.count)
        #expect(result.pendingAnswers > 0, "REST adds are looked up")
        #expect(result.phases.count == (scenario == .soak ? 12 : 3))
    }

    @Test func `a gateway that says yes without pieces is found out`() async throws {
        let (result, gateway) = try await FakeGateway.run(
            Self.configuration(.flashSale, users: 40, socketsMax: 40, products: 1, stock: 20),
            faults: FakeGateway.Faults(lieEvery: 3))
        let findings = try await Self.look(result, gateway)
        #expect(findings.lies[.missingHold] == 13)
        #expect(findings.lies[.oversold] == 1)
    }

    @Test func `a gateway that does not answer is found out, and waited for no longer than told`()
        async throws
    {
        let (result, gateway) = try await FakeGateway.run(
            Self.configuration(.flashSale, users: 40, socketsMax: 40, products: 1, stock: 50),
            faults: FakeGateway.Faults(muteEvery: 4))
        #expect(result.total.outcomes[.unanswered] == 10)
        #expect(result.total.latencies.max > 1_000_000, "waiting in vain is latency")
        #expect(try await Self.look(result, gateway).lies == [.unanswered: 10])
    }

    @Test func `lost connections are counted, and others take their place`() async throws {
        let (result, gateway) = try await FakeGateway.run(
            Self.configuration(.uniform, rate: 400),
            faults: FakeGateway.Faults(hangUpEvery: 50))
        #expect(result.connectionsLost > 0)
        let lies = try await Self.look(result, gateway).lies
        #expect(Set(lies.keys) == [.unanswered])
        #expect(lies[.unanswered, default: 0] >= result.connectionsLost)
    }

    @Test(arguments: [Scenario.uniform, .soak, .flashSale])
    func `a test that is told to stop tells what it has seen, and that is true`(
        scenario: Scenario
    ) async throws {
        var configuration = Self.configuration(
            scenario, rate: 200, users: 100_000, socketsMax: 20, stock: 10)
        configuration.duration = .seconds(3_600)
        let hasAsked = Promise<Void>()
        let test = Task { [configuration] in
            try await FakeGateway.run(configuration) { progress in
                if progress.outcomes[.accepted] > 0 { hasAsked.succeed(()) }
            }
        }
        try await hasAsked.value()
        test.cancel()
        let (result, gateway) = try await test.value
        #expect(result.tally.count > 0)
        #expect(result.total.outcomes[.unanswered] == 0)
        #expect(result.phases.allSatisfy { $0.seconds < 600 })
        #expect(try await Self.look(result, gateway).isTrue)
    }

    @Test func `a gateway that does not take the products is named`() async throws {
        var configuration = Self.configuration(.uniform)
        configuration.adminToken = "another"
        await #expect(throws: LoadRun.Failure.self) {
            _ = try await FakeGateway.run(configuration)
        }
    }
}
