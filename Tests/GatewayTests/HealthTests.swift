import Synchronization
import Testing
import WebServer

@testable import RestGateway

struct HealthTests {
    @Test func `every dependency is told`() async throws {
        let gateway = await GatewayFixture(probes: [
            FakeProbe(name: "broker") { .up }, FakeProbe(name: "redis") { .up },
        ])
        let response = try await gateway.send("GET", "/test")
        #expect(response.status == 200)
        #expect(
            text(response)
                == #"{"service":"gateway","state":"up","dependencies":[{"name":"broker","state":"up"},"#
                + #"{"name":"redis","state":"up"}]}"#)
    }

    @Test func `one that is down makes the test fail, and readiness if it is required`()
        async throws
    {
        let gateway = await GatewayFixture(probes: [
            FakeProbe(name: "broker") { .up },
            FakeProbe(name: "redis", isRequired: false) { .down("no answer") },
        ])
        let test = try await gateway.send("GET", "/test")
        #expect(test.status == 503)
        #expect(text(test).contains(#"{"name":"redis","state":"down","reason":"no answer"}"#))
        #expect(try await gateway.send("GET", "/health/ready").status == 200)

        let other = await GatewayFixture(probes: [FakeProbe(name: "broker") { .down("refused") }])
        let ready = try await other.send("GET", "/health/ready")
        #expect(ready.status == 503 && text(ready).contains(#""slug":"not-ready""#))
        #expect(text(ready).contains("broker is down: refused"))
        #expect(try await other.send("GET", "/health/live").status == 200)
    }

    @Test func `dependencies are not asked again within a second`() async throws {
        let asked = Mutex(0)
        let count = { @Sendable in asked.withLock { $0 } }
        let gateway = await GatewayFixture(probes: [
            FakeProbe(name: "broker") {
                asked.withLock { $0 += 1 }
                return .up
            }
        ])
        for _ in 0..<5 { _ = try await gateway.send("GET", "/health/ready") }
        #expect(count() == 1)
        gateway.clock.advance(by: .milliseconds(1_001))
        _ = try await gateway.send("GET", "/test")
        #expect(count() == 2)
    }
}
