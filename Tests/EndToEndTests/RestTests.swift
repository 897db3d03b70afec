import Testing
import WebClient

extension EndToEndTests.OneOfEach {
    @Suite struct RestTests {
        private typealias Suite = EndToEndTests.OneOfEach

        @Test func `items are added, shown and removed by REST`() async throws {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 8)

            let added = try await shop.add(product, 3, user: user, key: "k1")
            #expect(added.status == 200)
            #expect(added.contentType == "application/json")
            #expect(added.json["requestID"] == "k1")
            #expect(added.json["status"] == "accepted")

            let shown = try await shop.get("/cart?userID=\(user)", gateway: 1)
            #expect(shown.status == 200)
            #expect(shown.json["cart"] == added.json["cart"])

            let removed = try await shop.send(
                "DELETE", "/cart/items/\(product)?userID=\(user)&quantity=1", gateway: 1)
            #expect(removed.status == 200)
            #expect(removed.json["cart"]["lines"].elements.map { $0["quantity"] } == [2])

            let emptied = try await shop.send(
                "DELETE", "/cart/items/\(product)?userID=\(user)",
                headers: [("Idempotency-Key", "k2")])
            #expect(emptied.status == 200)
            #expect(emptied.json["requestID"] == "k2")
            #expect(emptied.json["cart"]["lines"] == [])
        }

        @Test func `a rejection is a conflict`() async throws {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 1)
            let added = try await shop.add(product, 2, user: user)
            #expect(added.status == 409)
            #expect(added.json["reason"] == "out-of-stock")
            #expect(added.json["message"] == "only 1 left")
            let removed = try await shop.send("DELETE", "/cart/items/\(product)?userID=\(user)")
            #expect(removed.status == 409)
            #expect(removed.json["reason"] == "not-in-cart")
        }

        @Test func `any gateway tells what became of a request`() async throws {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 1)
            let added = try await shop.add(product, 1, user: user, key: "good")
            let refused = try await shop.add(product, 1, user: user, key: "bad")
            for gateway in 0...1 {
                let good = try await shop.get("/requests/good?userID=\(user)", gateway: gateway)
                #expect(good.status == 200)
                #expect(good.json["status"] == "accepted")
                #expect(good.json["cart"]["lines"] == added.json["cart"]["lines"])
                let bad = try await shop.get("/requests/bad?userID=\(user)", gateway: gateway)
                #expect(bad.status == 200)
                #expect(bad.json == refused.json)
            }
            let unknown = try await shop.get("/requests/other?userID=\(user)")
            Suite.expectProblem(unknown, 404, "unknown-request")
        }

        @Test func `what happened to a cart is told`() async throws {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 7)
            let added = try await shop.add(
                product, 2, user: TestEnvironment.uniqueName(), key: "r1")
            let cartID = try #require(added.json["cart"]["cartID"].text)
            let answer = try await shop.get("/cart/byid/\(cartID)/history", gateway: 1)
            #expect(answer.status == 200)
            let events = answer.json["events"].elements
            // One event, unless the answer took so long that the request was stored by itself.
            #expect(
                [["added"], ["add-requested", "add-confirmed"]].contains(
                    events.map { $0["type"].text }))
            #expect(events.map { $0["version"] } == (1...events.count).map { .number($0) })
            #expect(events.allSatisfy { $0["requestID"] == "r1" })
            Suite.expectProblem(
                try await shop.get("/cart/byid/00000000-0000-0000-0000-000000000000/history"), 404,
                "unknown-cart")
        }

        @Test func `the stock of a product is shown`() async throws {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 7, name: "Hammer")
            _ = try await shop.add(product, 2, user: TestEnvironment.uniqueName())
            let answer = try await shop.get("/stock/\(product)")
            #expect(answer.status == 200)
            #expect(
                answer.json == [
                    "productCode": .text(product), "name": "Hammer", "quantity": 7, "held": 2,
                    "available": 5,
                ])
            Suite.expectProblem(
                try await shop.get("/stock/\(TestEnvironment.uniqueName())"), 404,
                "unknown-product")
        }

        @Test(arguments: [
            ("nonsense", "invalid-json"),
            ("", "invalid-json"),
            ("[]", "invalid-json"),
            (#"{"productCode":"P","quantity":1}"#, "missing-field"),
            (#"{"userID":"u","quantity":1}"#, "missing-field"),
            (#"{"userID":"u","productCode":"P"}"#, "missing-field"),
            (#"{"userID":"","productCode":"P","quantity":1}"#, "invalid-field"),
            (#"{"userID":"u","productCode":"P Q","quantity":1}"#, "invalid-field"),
            (#"{"userID":"u","productCode":"P","quantity":0}"#, "invalid-field"),
            (#"{"userID":"u","productCode":"P","quantity":-3}"#, "invalid-field"),
            (#"{"userID":"u","productCode":"P","quantity":1000001}"#, "invalid-field"),
            (#"{"userID":"u","productCode":"P","quantity":1e99}"#, "invalid-field"),
            (#"{"userID":"u","productCode":"P","quantity":"1"}"#, "invalid-field"),
            (#"{"userID":"u","productCode":"P","quantity":1,"x":1}"#, "unknown-field"),
        ])
        func `a bad body is refused`(body: String, slug: String) async throws {
            Suite.expectProblem(try await Installation.current.post(body), 400, slug)
        }

        @Test(arguments: [
            ("GET", "/cart", 400, "missing-parameter"),
            ("GET", "/cart?userID=a&userID=b", 400, "duplicate-parameter"),
            ("GET", "/cart?userID=a&x=1", 400, "unknown-parameter"),
            ("GET", "/cart?userID=%E2%82", 400, "invalid-query"),
            ("GET", "/requests/a%20b?userID=u", 400, "invalid-parameter"),
            ("GET", "/stock/a%2Fb", 400, "invalid-parameter"),
            ("DELETE", "/cart/items/P", 400, "missing-parameter"),
            ("DELETE", "/cart/items/P?userID=u&quantity=0", 400, "invalid-parameter"),
            ("DELETE", "/cart/items/P?userID=u&quantity=-1", 400, "invalid-parameter"),
            ("GET", "/", 404, "not-found"),
            ("GET", "/cart/items", 405, "method-not-allowed"),
            ("PUT", "/cart?userID=u", 405, "method-not-allowed"),
            ("GET", "/migration/inventory", 405, "method-not-allowed"),
            ("GET", "/nowhere", 404, "not-found"),
            ("GET", "/cart/%zz", 400, "invalid-path"),
        ])
        func `a bad target is refused`(
            method: String, target: String, status: Int, slug: String
        ) async throws {
            let answer = try await Installation.current.send(method, target)
            Suite.expectProblem(answer, status, slug)
            if status == 405 { #expect(answer.response.header("Allow")?.isEmpty == false) }
        }

        @Test func `a body of another type, or too long, is refused`() async throws {
            let shop = try Installation.current
            let body = #"{"userID":"u","productCode":"P","quantity":1}"#
            Suite.expectProblem(
                try await shop.post(body, type: "text/plain"), 415, "unsupported-media-type")
            let long = body + String(repeating: " ", count: 70_000)
            Suite.expectProblem(try await shop.post(long), 413, "body-too-large")
        }

        @Test func `a target or header that is too long is refused`() async throws {
            let shop = try Installation.current
            let long = String(repeating: "x", count: 40_000)
            Suite.expectProblem(
                try await shop.get("/cart?userID=\(long)"), 414, "target-too-long")
            let answer = try await shop.send(
                "GET", "/cart?userID=u", headers: [("X-Long", long)])
            Suite.expectProblem(answer, 431, "headers-too-large")
        }

        @Test(arguments: ["", "a b", "a/b", String(repeating: "k", count: 65)])
        func `a bad idempotency key is refused`(key: String) async throws {
            let answer = try await Installation.current.add("P", user: "u", key: key)
            Suite.expectProblem(answer, 400, "invalid-header")
        }

        @Test func `the longest names are taken as they are`() async throws {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 5)
            let user = String(repeating: "~", count: 100) + TestEnvironment.uniqueName()
            let key = String(repeating: "K", count: 64)
            let answer = try await shop.add(product, 1, user: user, key: key)
            #expect(answer.status == 200)
            #expect(answer.json["requestID"].text == key)
            let found = try await shop.get("/requests/\(key)?userID=\(user)", gateway: 1)
            #expect(found.json["status"] == "accepted")
        }
    }
}
