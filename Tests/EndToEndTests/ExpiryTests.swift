import Glibc
import Testing

extension EndToEndTests {
    /// Holds that last seconds, with two of each service.
    @Suite(
        .installation(
            "expiry", gateways: 2, carts: 2, inventories: 2,
            settings: ["HOLD_DURATION": "2s", "SWEEP_INTERVAL": "100ms"]))
    struct ExpiryTests {
        @Test
        func `an idle cart's line goes, its websocket is told, and others can have the pieces`()
            async throws
        {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 3)
            let user = TestEnvironment.uniqueName()
            let socket = try await shop.open(
                user: user, product: product, quantity: 3, requestID: "r1")
            #expect(try await socket.outcome()["status"] == "accepted")
            let elsewhere = try await shop.open(user: user, gateway: 1)
            #expect(try await elsewhere.answer()["cart"]["lines"].elements.count == 1)

            #expect(try await socket.change()["cart"]["lines"] == [])
            #expect(try await elsewhere.change()["cart"]["lines"] == [])
            try await eventually("nothing is held") { try await shop.held(product) == 0 }

            let next = try await shop.open(
                user: TestEnvironment.uniqueName(), product: product, quantity: 3, gateway: 1)
            #expect(try await next.outcome()["status"] == "accepted")
            // What the first shopper was told stays told.
            socket.add(product, 3, requestID: "r1")
            let again = try await socket.outcome()
            #expect(again["status"] == "accepted")
            #expect(again["cart"]["lines"] == [])
            try await shop.expectBooksBalance()
        }

        @Test func `a cart that was changed of late keeps its lines`() async throws {
            let shop = try Installation.current
            for name in ["cart-1", "cart-2"] {
                try await stop(name)
                try await shop.restart(name, ["HOLD_DURATION": "1h"])
            }
            let product = try await shop.product(quantity: 50)
            let user = TestEnvironment.uniqueName()
            #expect(try await shop.add(product, 4, user: user).status == 200)
            try await eventually("the hold lasts as long as the cart wants it to") {
                try await shop.database.number(
                    """
                    SELECT count(*) FROM hold WHERE product_code = $1
                        AND expires_at > now() + interval '50 minutes'
                    """, product) == 1
            }
            #expect(try await shop.held(product) == 4)
            try await shop.expectBooksBalance()
            for name in ["cart-1", "cart-2"] {
                try await stop(name)
                try await shop.restart(name)
            }
        }

        private func stop(_ name: String) async throws {
            let process = try await Installation.current.process(name)
            process.signal(SIGTERM)
            #expect(try await process.ended(within: .seconds(15)) == .exited(0))
        }

        @Test func `holds of a cart whose owner is away are let go once another has taken over`()
            async throws
        {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 40)
            for _ in 0..<20 {
                let added = try await shop.add(product, 2, user: TestEnvironment.uniqueName())
                #expect(added.status == 200)
            }
            try await shop.crash("cart-1")
            try await eventually("all is let go") { try await shop.held(product) == 0 }
            try await shop.restart("cart-1")
            try await shop.expectBooksBalance()
        }
    }
}
