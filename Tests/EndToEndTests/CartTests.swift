import Testing
import WebClient

extension EndToEndTests.TwoOfEachTests {
    /// Makes a product of the catalogue.
    private func price(
        _ code: String, _ minorUnits: Int, _ currency: String = "EUR", vatRate: Int = 2_500,
        kind: String = "goods"
    ) async throws {
        let shop = try Installation.current
        let price =
            #"{"minorUnits":\#(minorUnits),"currency":"\#(currency)","vatRate":\#(vatRate)}"#
        let answer = try await shop.send(
            "PUT", "/products/\(code)",
            headers: [
                ("Authorization", "Bearer \(shop.token)"), ("Content-Type", "application/json"),
            ], body: #"{"name":"Thing","price":\#(price),"kind":"\#(kind)"}"#)
        try #require(answer.status == 201, "\(answer.response.text)")
    }

    @Test func `a cart by cookie, from the first request to its totals`() async throws {
        let shop = try Installation.current
        let (drill, saw) = (
            try await shop.product(quantity: 9), try await shop.product(quantity: 9)
        )
        let (foreign, post) = (try await shop.product(quantity: 9), TestEnvironment.uniqueName())
        try await price(drill, 500)
        try await price(saw, 333, vatRate: 700)
        try await price(foreign, 100, "DKK")
        try await price(post, 690, kind: "delivery")

        let browser = Browser(shop)
        let first = try await browser.send("GET", "/cart/")
        #expect(first.status == 200 && first.response.header("ETag") == "\"0\"")
        let cookie = try #require(first.response.header("Set-Cookie"))
        #expect(cookie.hasSuffix("; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax"))
        #expect(first.json["cart"]["cartID"].text == browser.cartID)

        // The cart service hears of prices by the log, after the gateway.
        for (code, gateway) in [(drill, 1), (saw, 0), (foreign, 1)] {
            try await eventually("carts know a price") {
                let added = try await browser.send("GET", "/cart/add/\(code)", gateway: gateway)
                let line = added.json["cart"]["lines"].elements.last
                _ = try await browser.send("DELETE", "/cart/\(code)")
                return line?["price"].number != nil
            }
        }
        let added = try await browser.send(
            "GET", "/cart/add/\(drill)", headers: [("Sec-Fetch-Site", "same-origin")])
        #expect(added.status == 200 && added.response.header("Set-Cookie") == nil)
        #expect(try await browser.add(saw, 1, gateway: 1).status == 200)
        let refused = try await browser.add(foreign)
        #expect(refused.status == 409 && refused.json["reason"] == "currency-mismatch")
        let raised = try await browser.send(
            "PUT", "/cart/", #"{"id":"\#(saw)","quantity":3}"#, gateway: 1)
        #expect(raised.json["cart"].quantities == [drill: 1, saw: 3])
        try await eventually("carts know the delivery") {
            try await browser.send("POST", "/cart/delivery", #"{"provider":"\#(post)"}"#).status
                == 200
        }
        let point = #"{"id":"7","name":"Ø","address":"a","city":"c","zip":"z","country":"DK"}"#
        let deliveryID = try #require(
            try await browser.send("GET", "/cart/").json["cart"]["deliveries"].elements.first?["id"]
                .number)
        let fetched = try await browser.send(
            "PUT", "/cart/delivery/\(deliveryID)/pickupPoint", point, gateway: 1)
        #expect(fetched.status == 200, "\(fetched.response.text)")

        let shown = try await browser.send("GET", "/cart/", gateway: 1)
        let cart = shown.json["cart"]
        #expect(
            cart["deliveries"].elements.map { $0["pickupPoint"] } == [
                try JSON(bytes: Array(point.utf8))
            ])
        // 999 * 7 / 107 is 65.4, 500 * 25 / 125 is 100, 690 * 25 / 125 is 138.
        #expect(
            cart["totals"] == [
                "currency": "EUR", "items": ["total": 1_499, "vat": 165],
                "delivery": ["total": 690, "vat": 138], "total": 2_189, "vat": 303,
                "vatRates": [
                    ["vatRate": 700, "total": 999, "vat": 65],
                    ["vatRate": 2_500, "total": 1_190, "vat": 238],
                ], "isComplete": true,
            ])

        let tag = try #require(shown.response.header("ETag"))
        #expect(
            try await browser.send("GET", "/cart/", headers: [("If-None-Match", tag)]).status == 304
        )
        let body = #"{"id":"\#(drill)","quantity":2}"#
        for (key, status) in [("k1", 200), ("k1", 200), ("k2", 412)] {
            let answer = try await browser.send(
                "PUT", "/cart/", body, key: key, headers: [("If-Match", tag)])
            #expect(answer.status == status, "\(answer.response.text)")
            #expect(answer.json["cart"].quantities[drill] == 2)
        }
        let foreignPage = try await browser.send(
            "GET", "/cart/add/\(drill)", headers: [("Sec-Fetch-Site", "cross-site")])
        EndToEndTests.OneOfEach.expectProblem(foreignPage, 403, "origin-not-allowed")

        let cartID = browser.cartID
        #expect(try await browser.send("DELETE", "/cart/").status == 204)
        #expect(browser.cartID.isEmpty)
        #expect(try await shop.cart(at: "/cart/byid/\(cartID)").quantities == [drill: 2, saw: 3])
        #expect(try await browser.send("GET", "/cart/").json["cart"]["version"] == 0)
        try await shop.expectBooksBalance()
    }

    @Test func `the contents are replaced, and each item has its own outcome`() async throws {
        let shop = try Installation.current
        let codes = try await [5, 5, 5, 1].asyncMap { try await shop.product(quantity: $0) }
        let browser = Browser(shop)
        for code in codes.prefix(2) { try await browser.add(code, 3) }
        let unknown = TestEnvironment.uniqueName()
        let items = [(codes[1], 1), (codes[2], 5), (codes[3], 2), (unknown, 1)].map {
            #"{"sku":"\#($0.0)","quantity":\#($0.1)}"#
        }
        let body = #"{"items":[\#(items.joined(separator: ","))]}"#
        for gateway in 0...1 {
            let answer = try await browser.send(
                "POST", "/cart/set", body, key: "s1", gateway: gateway)
            #expect(answer.status == 200, "\(answer.response.text)")
            #expect(
                answer.json["items"] == [
                    ["id": .text(codes[1]), "quantity": 1, "status": "accepted"],
                    ["id": .text(codes[2]), "quantity": 5, "status": "accepted"],
                    [
                        "id": .text(codes[3]), "quantity": 2, "status": "rejected",
                        "reason": "out-of-stock", "available": 1,
                    ],
                    [
                        "id": .text(unknown), "quantity": 1, "status": "rejected",
                        "reason": "unknown-product", "available": 0,
                    ],
                ])
            #expect(answer.json["cart"].quantities == [codes[1]: 1, codes[2]: 5])
        }
        for (code, held) in zip(codes, [0, 1, 5, 0]) {
            try await eventually("what left is let go") { try await shop.held(code) == held }
        }
        try await shop.expectBooksBalance()
    }

    @Test func `a guest's cart merges into the user's, the last piece included`() async throws {
        let shop = try Installation.current
        let (last, common) = (
            try await shop.product(quantity: 1), try await shop.product(quantity: 9)
        )
        let user = TestEnvironment.uniqueName()
        let browser = Browser(shop)
        try await browser.add(last)
        try await browser.add(common, 3)
        let guest = browser.cartID
        let tab = try await browser.tab(gateway: 1)
        #expect(try await tab.change()["cart"].quantities == [last: 1, common: 3])
        _ = try await shop.add(common, 2, user: user)
        for gateway in 0...1 {
            let merged = try await browser.send(
                "POST", "/cart/byid/\(guest)/merge", #"{"userID":"\#(user)"}"#, key: "m1",
                gateway: gateway)
            #expect(merged.status == 200, "\(merged.response.text)")
            #expect(merged.json["items"].elements.map { $0["status"] } == ["accepted", "accepted"])
            #expect(merged.json["cart"].quantities == [last: 1, common: 5])
        }
        #expect(try await tab.change()["cart"].quantities == [:], "the guest's tab sees it leave")
        try await browser.send("POST", "/cart/merge", #"{"userID":"\#(user)"}"#)
        let mine = try await shop.cart(of: user)
        #expect(mine["cartID"].text == browser.cartID && guest != browser.cartID)
        #expect(mine.quantities == [last: 1, common: 5])
        let holders = try await shop.database.rows(
            """
            SELECT user_id, cart_id::text, product_code, sum(hold_quantity)::text FROM hold
            WHERE product_code = ANY (ARRAY[$1, $2]) AND hold_quantity > 0
            GROUP BY 1, 2, 3 ORDER BY 4
            """, last, common)
        #expect(
            holders == [
                [user, browser.cartID, last, "1"], [user, browser.cartID, common, "5"],
            ])
        #expect(try await shop.held(last) == 1)
        #expect(try await shop.held(common) == 5)
        try await shop.expectBooksBalance()
    }

    @Test func `two tabs on two gateways see each change, and what they missed`() async throws {
        let shop = try Installation.current
        let product = try await shop.product(quantity: 100)
        let browser = Browser(shop)
        try await browser.send("GET", "/cart/")
        let (one, two) = (try await browser.tab(), try await browser.tab(gateway: 1))
        for tab in [one, two] { #expect(try await tab.change()["cart"]["version"] == 0) }
        var version = 0
        for (number, (asker, other)) in [(one, two), (two, one), (one, two)].enumerated() {
            asker.add(product, 2, requestID: "q\(number)")
            let outcome = try await asker.outcome()
            #expect(outcome["status"] == "accepted")
            var seen = try await other.change()["cart"]
            // The request itself is an event, and may be told by itself.
            while seen["version"].number ?? 0 < outcome["cart"]["version"].number ?? 0 {
                seen = try await other.change()["cart"]
            }
            #expect(seen == outcome["cart"])
            version = seen["version"].number ?? 0
        }
        two.close()
        try await browser.add(product, 4)
        let back = try await browser.tab(gateway: 1, version: version)
        let missed = try await back.change()["cart"]
        #expect(missed.quantities == [product: 10])
        // A version that the cart has not reached belongs to another cart.
        let stray = try await browser.tab(gateway: 1, version: 1_000)
        #expect(try await stray.change()["cart"] == missed)
        stray.add(product, 1, requestID: "last")
        #expect(try await stray.outcome()["cart"].quantities == [product: 11])
        try await eventually("every tab has seen it") {
            try await back.change()["cart"].quantities == [product: 11]
        }
    }
}

extension Sequence {
    /// The results of an asynchronous closure, one after the other.
    func asyncMap<Result>(_ transform: (Element) async throws -> Result) async throws -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
