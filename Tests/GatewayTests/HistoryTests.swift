import Messages
import Testing
import WebServer

@testable import RestGateway

@Suite struct HistoryTests {
    private let cartID = CartID(bits: 7)

    private func gateway(
        _ count: Int, from first: Int = 1, isAway: Bool = false
    ) async -> GatewayFixture {
        let events = (0..<count).map {
            CartEventText(version: $0 + first, json: Array(event($0 + first).utf8))
        }
        return await GatewayFixture(history: FakeHistory(events: [cartID: events], isAway: isAway))
    }

    private func event(_ version: Int) -> String {
        #"{"type":"expired","cartID":"\#(cartID)","version":\#(version),"requestID":"r1","at":1}"#
    }

    private func history(_ query: String = "") -> String { "/cart/byid/\(cartID)/history\(query)" }

    @Test func `what happened to a cart is told as it was stored`() async throws {
        let found = try await gateway(2).send("GET", history())
        #expect(found.status == 200)
        #expect(
            text(found)
                == #"{"cartID":"\#(cartID)","version":2,"events":[\#(event(1)),\#(event(2))]}"#)
    }

    @Test func `a long history is told in pages`() async throws {
        let gateway = await gateway(5)
        let first = try await gateway.send("GET", history("?limit=2"))
        #expect(text(first).hasSuffix(#"[\#(event(1)),\#(event(2))],"next":2}"#))
        let second = try await gateway.send("GET", history("?after=2&limit=2"))
        #expect(text(second).hasSuffix(#"[\#(event(3)),\#(event(4))],"next":4}"#))
        let last = try await gateway.send("GET", history("?after=4&limit=2"))
        #expect(text(last).hasSuffix(#"[\#(event(5))]}"#))
        let none = try await gateway.send("GET", history("?after=5"))
        #expect(text(none).hasSuffix(#""events":[]}"#))
    }

    @Test func `what is no longer kept is said to be gone`() async throws {
        let gateway = await gateway(2, from: 8)
        #expect(text(try await gateway.send("GET", history())).contains(#""prunedUpTo":7"#))
        let later = text(try await gateway.send("GET", history("?after=7")))
        #expect(!later.contains("prunedUpTo"))
        #expect(later.contains(#""version":9,"events":[\#(event(8)),\#(event(9))]"#))
    }

    @Test func `a cart without events is unknown, and a store that is away is said to be`()
        async throws
    {
        expectProblem(try await gateway(0).send("GET", history()), .unknownCart)
        expectProblem(try await gateway(0).send("GET", history("?after=3")), .unknownCart)
        let away = try await gateway(1, isAway: true).send("GET", history())
        expectProblem(away, .historyUnavailable)
        #expect(away.headers.contains { $0 == ("Retry-After", "1") })
    }

    @Test(arguments: [
        ("?after=-1", Problem.Slug.invalidParameter), ("?limit=0", .invalidParameter),
        ("?limit=1001", .invalidParameter), ("?limit=x", .invalidParameter),
        ("?after=99999999999999999999", .invalidParameter), ("?since=1", .unknownParameter),
    ])
    func `other parameters are refused`(query: String, slug: Problem.Slug) async throws {
        expectProblem(try await gateway(1).send("GET", history(query)), slug)
    }

    @Test func `a cart has a UUID`() async throws {
        expectProblem(
            try await gateway(1).send("GET", "/cart/byid/7/history"), .invalidParameter)
    }
}
