import Testing
import WebClient

extension EndToEndTests.CrashTests {
    @Test(arguments: ["cart-1", "inventory-1"])
    func `a process is killed while guests' carts merge, and no piece is lost or doubled`(
        name: String
    ) async throws {
        let shop = try Installation.current
        // Just as many as the guests have: nothing could be had anew.
        let products = try await [40, 80].asyncMap { try await shop.product(quantity: $0) }
        let guests = try await (0..<40).asyncMap { _ in
            let browser = Browser(shop)
            try await browser.add(products[0])
            try await browser.add(products[1], 2)
            return (cart: browser.cartID, user: TestEnvironment.uniqueName())
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, guest) in guests.enumerated() {
                group.addTask { try await Self.merge(guest, shop, gateway: number % 2) }
            }
            group.addTask {
                try await eventually("merging is under way") {
                    try await shop.database.number(
                        "SELECT count(*) FROM cart_event WHERE type = 'merge-requested'") > 0
                }
                try await shop.crash(name)
                try await shop.restart(name)
            }
            try await group.waitForAll()
        }
        for guest in guests {
            let left = try await shop.cart(at: "/cart/byid/\(guest.cart)")
            #expect(left.quantities == [:], "\(left)")
            let cart = try await shop.cart(of: guest.user, gateway: 1)
            #expect(cart.quantities == [products[0]: 1, products[1]: 2], "\(cart)")
        }
        for (product, quantity) in zip(products, [40, 80]) {
            try await eventually("what the guests had is held for the users") {
                try await shop.held(product) == quantity
            }
        }
        for process in shop.names { try await shop.waitUntilReady(process) }
        try await shop.expectBooksBalance()
    }

    /// Merges a guest's cart, asking until there is an outcome.
    private static func merge(
        _ guest: (cart: String, user: String), _ shop: Installation, gateway: Int
    ) async throws {
        let body = #"{"userID":"\#(guest.user)"}"#
        try await eventually("the merge has its outcome", within: .seconds(60)) {
            let answer = try await shop.send(
                "POST", "/cart/byid/\(guest.cart)/merge", gateway: gateway,
                headers: [("Content-Type", "application/json"), ("Idempotency-Key", "m")],
                body: body)
            if answer.status == 202 || answer.status == 503 { return false }
            try #require(answer.status == 200, "\(answer.response.text)")
            #expect(
                answer.json["items"].elements.map { $0["status"] } == ["accepted", "accepted"],
                "\(answer.response.text)")
            return true
        }
    }
}
