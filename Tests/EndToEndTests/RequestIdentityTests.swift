import Testing

extension EndToEndTests.OneOfEach {
    /// A request has one outcome, however often and wherever it is asked.
    @Suite struct RequestIdentityTests {
        @Test func `a request sent again counts once and gets its first outcome`() async throws {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 10)
            let first = try await shop.open(
                user: user, product: product, quantity: 2, requestID: "same")
            let told = try await first.answer()
            #expect(told["status"] == "accepted")

            // On the same websocket, twice at once.
            for _ in 1...2 { first.add(product, 2, requestID: "same") }
            for _ in 1...2 { #expect(try await first.answer() == told) }

            // On another, of the other gateway.
            let second = try await shop.open(user: user, gateway: 1)
            _ = try await second.answer()
            second.add(product, 2, requestID: "same")
            #expect(try await second.answer() == told)

            // After a reconnect, in the query.
            first.close()
            let third = try await shop.open(
                user: user, product: product, quantity: 2, requestID: "same", gateway: 1)
            #expect(try await third.answer() == told)

            // By REST.
            let answer = try await shop.add(product, 2, user: user, key: "same", gateway: 1)
            #expect(answer.status == 200)
            #expect(answer.json == told)

            #expect(try await shop.held(product) == 2)
            let events = try await shop.database.number(
                """
                SELECT count(*) FROM cart_event WHERE request_id = 'same' AND cart_id = $1::uuid
                    AND type IN ('added', 'add-requested')
                """, try #require(told["cart"]["cartID"].text))
            #expect(events == 1, "asked for once")
        }

        @Test func `requests sent again before their outcome count once`() async throws {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 100)
            let one = try await shop.open(user: user)
            let other = try await shop.open(user: user, gateway: 1)
            _ = try await one.answer()
            _ = try await other.answer()
            for number in 1...20 {
                for socket in [one, other, one] {
                    socket.add(product, 1, requestID: "n\(number)")
                }
            }
            var told: [String: JSON] = [:]
            for (socket, count) in [(one, 40), (other, 20)] {
                for _ in 1...count {
                    let outcome = try await socket.outcome()
                    #expect(outcome["status"] == "accepted", "\(outcome)")
                    told[outcome["requestID"].text ?? ""] = outcome["status"]
                }
            }
            #expect(told.count == 20)
            #expect(try await shop.held(product) == 20)
        }

        @Test func `a rejection stays, even when stock has come`() async throws {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 2)
            let socket = try await shop.open(
                user: user, product: product, quantity: 5, requestID: "early")
            let told = try await socket.answer()
            #expect(told["message"] == "only 2 left")
            _ = try await shop.load("product_code,name,quantity\n\(product),Thing,50\n")
            socket.add(product, 5, requestID: "early")
            #expect(try await socket.answer() == told)
            let repeated = try await shop.add(product, 5, user: user, key: "early", gateway: 1)
            #expect(repeated.status == 409)
            #expect(repeated.json == told)
            socket.add(product, 5, requestID: "late")
            #expect(try await socket.answer()["status"] == "accepted")
        }

        @Test func `a removal sent again removes once`() async throws {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 10)
            let socket = try await shop.open(user: user, product: product, quantity: 6)
            _ = try await socket.answer()
            for _ in 1...3 { socket.remove(product, 2, requestID: "less") }
            for _ in 1...3 {
                let outcome = try await socket.answer()
                #expect(outcome["status"] == "accepted")
                #expect(outcome["cart"]["lines"].elements.map { $0["quantity"] } == [4])
            }
            try await eventually("the hold is lowered") { try await shop.held(product) == 4 }
        }

        @Test func `a request ID with another body is refused`() async throws {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 10)
            _ = try await shop.add(product, 1, user: user, key: "once")

            let answer = try await shop.add(product, 2, user: user, key: "once", gateway: 1)
            #expect(answer.status == 422)
            #expect(answer.json["status"] == "rejected")
            #expect(answer.json["reason"] == "request-id-reused")

            let socket = try await shop.open(user: user)
            _ = try await socket.answer()
            socket.remove(product, 1, requestID: "once")
            let rejected = try await socket.answer()
            #expect(rejected["status"] == "rejected")
            #expect(rejected["reason"] == "request-id-reused")
            #expect(rejected["cart"]["lines"].elements.map { $0["quantity"] } == [1])

            // The first one keeps its outcome.
            let again = try await shop.add(product, 1, user: user, key: "once")
            #expect(again.status == 200)
            #expect(try await shop.held(product) == 1)
        }

        @Test func `two shoppers may use the same request ID`() async throws {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 10)
            for _ in 1...2 {
                let user = TestEnvironment.uniqueName()
                let answer = try await shop.add(product, 2, user: user, key: "common")
                #expect(answer.json["status"] == "accepted")
            }
            #expect(try await shop.held(product) == 4)
        }
    }
}
