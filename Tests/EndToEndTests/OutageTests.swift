import Glibc
import Testing
import WebClient

extension EndToEndTests {
    /// Postgres, Redis and the broker go away or fall silent while shoppers shop.
    @Suite(
        .installation(
            "outage", gateways: 2, carts: 2, inventories: 2,
            gatewayFlags: ["--request-deadline", "1s"], ownsServers: true))
    struct OutageTests {
        /// How long a server is away: longer than the log's sessions last.
        private static let away = Duration.seconds(8)

        /// Shoppers shop while `body` makes trouble; afterwards everybody was answered, once, and the
        /// books balance.
        private func shop(
            _ body: @escaping @Sendable (Installation, String) async throws -> Void
        ) async throws {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 100)
            let crowd = try await Crowd(shop)
            try await crowd.shop {
                try await crowd.waitUntilAnswered(40)
                try await body(shop, product)
            }
            try await crowd.expectCartsAsTold()
            for name in shop.names { try await shop.waitUntilReady(name) }
            try await shop.expectBooksBalance()
            for name in shop.names {
                let process = try await shop.process(name)
                #expect(process.end == nil, "\(name) needed no restart")
                #expect(process.residentBytes < 512 << 20, "\(name)")
            }
        }

        /// Expects that an add is neither lost nor answered wrongly: pending, or refused for now.
        private func expectPendingOrRefused(
            _ shop: Installation, _ product: String, key: String
        ) async throws {
            let answer = try await shop.add(product, 2, user: "u" + key, key: key, gateway: 1)
            #expect([202, 503].contains(answer.status), "\(answer.response.text)")
            #expect(answer.response.header("Retry-After") != nil)
            if answer.status == 202 { #expect(answer.json["status"] == "pending") }
        }

        /// Asks again with the same key until the outcome is final.
        private func expectAccepted(
            _ shop: Installation, _ product: String, key: String
        ) async throws {
            try await eventually("\(key) is accepted") {
                let answer = try await shop.add(product, 2, user: "u" + key, key: key)
                if [202, 503].contains(answer.status) { return false }
                #expect(answer.json["status"] == "accepted", "\(answer.response.text)")
                return true
            }
        }

        @Test func `Postgres goes away while a cart service joins and another one leaves`()
            async throws
        {
            let key = TestEnvironment.uniqueName()
            try await shop { shop, product in
                let postgres = try await shop.process("postgres")
                postgres.signal(SIGINT)
                #expect(try await postgres.ended(within: .seconds(20)) == .exited(0))
                try await expectPendingOrRefused(shop, product, key: key)
                try await shop.start("cart-3")
                let leaving = try await shop.process("cart-2")
                leaving.signal(SIGTERM)
                try await Task.sleep(for: Self.away)
                #expect(try await leaving.ended(within: .seconds(15)) == .exited(0))
                let said = TextFile.read("\(shop.logs)/cart-2.log")
                #expect(said.contains("Told to stop") && !said.contains("--stop-deadline"))
                try await shop.restart("postgres")
                try await expectAccepted(shop, product, key: key)
                try await shop.restart("cart-2")
                let third = try await shop.process("cart-3")
                third.signal(SIGTERM)
                #expect(try await third.ended(within: .seconds(15)) == .exited(0))
            }
        }

        @Test(arguments: ["postgres", "broker", "redis"])
        func `a server falls silent and wakes`(name: String) async throws {
            let key = TestEnvironment.uniqueName()
            try await shop { shop, product in
                let server = try await shop.process(name)
                server.signalFamily(SIGSTOP)
                if name != "redis" { try await expectPendingOrRefused(shop, product, key: key) }
                try await Task.sleep(for: Self.away)
                server.signalFamily(SIGCONT)
                try await expectAccepted(shop, product, key: key)
            }
        }

        @Test(arguments: ["broker", "redis"])
        func `a server is away for a while`(name: String) async throws {
            let key = TestEnvironment.uniqueName()
            try await shop { shop, product in
                try await shop.crash(name)
                if name != "redis" { try await expectPendingOrRefused(shop, product, key: key) }
                try await Task.sleep(for: Self.away)
                try await shop.restart(name)
                try await expectAccepted(shop, product, key: key)
            }
        }
    }
}
