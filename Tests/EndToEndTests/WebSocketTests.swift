import Testing
import WebClient

extension EndToEndTests.OneOfEach {
    @Suite struct WebSocketTests {
        @Test func `a websocket adds, checks and removes, and is told what the cart holds`()
            async throws
        {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 9, name: "Power-Drill ø")
            let socket = try await shop.open(
                user: user, product: product, quantity: 2, requestID: "r1")

            let added = try await socket.answer()
            let cartID = try #require(added["cart"]["cartID"].text)
            var version = try #require(added["cart"]["version"].number)
            var expected: JSON = [
                "type": "outcome", "requestID": "r1", "status": "accepted",
                "cart": [
                    "cartID": .text(cartID), "version": .number(version),
                    "lines": [
                        [
                            "id": .text(product), "productCode": .text(product),
                            "name": "Power-Drill ø",
                            "quantity": 2,
                        ]
                    ], "pending": [],
                ],
            ]
            #expect(added == expected)
            #expect(cartID.count == 36 && Array(cartID)[14] == "5", "UUIDv5 of the user")

            socket.send(#"{"requestID":"r2","action":"check"}"#)
            let checked = try await socket.answer()
            #expect(checked["requestID"] == "r2")
            #expect(checked["status"] == "accepted")
            #expect(checked["cart"] == added["cart"])

            socket.remove(product, 1, requestID: "r3")
            let removed = try await socket.answer()
            version = try #require(removed["cart"]["version"].number)
            expected = [
                "type": "outcome", "requestID": "r3", "status": "accepted",
                "cart": [
                    "cartID": .text(cartID), "version": .number(version),
                    "lines": [
                        [
                            "id": .text(product), "productCode": .text(product),
                            "name": "Power-Drill ø",
                            "quantity": 1,
                        ]
                    ], "pending": [],
                ],
            ]
            #expect(removed == expected)
            #expect(version > added["cart"]["version"].number ?? .max)
            try await eventually("the hold is lowered") { try await shop.held(product) == 1 }

            socket.send(#"{"requestID":"r4","action":"remove","productCode":"\#(product)"}"#)
            #expect(try await socket.answer()["cart"]["lines"] == [])
            try await eventually("the hold is gone") { try await shop.held(product) == 0 }
        }

        @Test func `a query with a quantity below zero removes, with zero it checks`() async throws
        {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 5)
            _ = try await shop.add(product, 3, user: user)

            let removing = try await shop.open(user: user, product: product, quantity: -2)
            let removed = try await removing.answer()
            #expect(removed["status"] == "accepted")
            #expect(removed["cart"]["lines"].elements.map { $0["quantity"] } == [1])

            let checking = try await shop.open(user: user, gateway: 1)
            let checked = try await checking.answer()
            #expect(checked["status"] == "accepted")
            #expect(checked["cart"] == removed["cart"])
        }

        @Test func `a request without an ID gets one`() async throws {
            let shop = try Installation.current
            let socket = try await shop.open(user: TestEnvironment.uniqueName())
            let first = try await socket.answer()
            socket.send(#"{"action":"check"}"#)
            let second = try await socket.answer()
            #expect(first["requestID"].text?.isEmpty == false)
            #expect(second["requestID"].text?.isEmpty == false)
            #expect(first["requestID"] != second["requestID"])
        }

        @Test(arguments: [
            ("userID=u&productCode=P", "missing-parameter"),
            ("productCode=P&quantity=1", "missing-parameter"),
            ("userID=u&quantity=1", "missing-parameter"),
            ("userID=&productCode=P&quantity=1", "invalid-parameter"),
            ("userID=u&productCode=P&quantity=one", "invalid-parameter"),
            ("userID=u&productCode=P&quantity=1.5", "invalid-parameter"),
            ("userID=u&productCode=P&quantity=99999999999999999999", "invalid-parameter"),
            ("userID=u&productCode=P%20Q&quantity=1", "invalid-parameter"),
            ("userID=u&productCode=P&quantity=1&requestID=a%2Fb", "invalid-parameter"),
            ("userID=u&userID=v&productCode=P&quantity=1", "duplicate-parameter"),
            ("userID=u&productCode=P&quantity=1&colour=red", "unknown-parameter"),
            ("userID=%zz&productCode=P&quantity=1", "invalid-query"),
        ])
        func `a bad query is refused before the upgrade`(query: String, slug: String) async throws {
            let shop = try Installation.current
            let url = shop.gateway() + "/cart/update-product?" + query
            let client = try Client.shared.get()
            do throws(WebClientError) {
                _ = try await WebSocketClient.connect(url, client: client)
                Issue.record("the websocket was opened")
            } catch {
                guard case .upgradeRefused(let response) = error else {
                    Issue.record("\(error)")
                    return
                }
                EndToEndTests.OneOfEach.expectProblem(Answer(response: response), 400, slug)
            }
        }

        @Test func `without an upgrade the path says what to do instead`() async throws {
            let shop = try Installation.current
            let answer = try await shop.get(
                "/cart/update-product?userID=u&productCode=P&quantity=1")
            EndToEndTests.OneOfEach.expectProblem(answer, 426, "upgrade-required")
            #expect(answer.response.header("Upgrade") == "websocket")
            #expect(answer.json["detail"].text?.contains("POST /cart/items") == true)
        }

        @Test func `bad messages get an error each, and the websocket goes on`() async throws {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 5)
            let socket = try await shop.open(user: user)
            _ = try await socket.answer()

            let bad: [(String, String, JSON)] = [
                ("nonsense", "invalid-json", nil),
                ("", "invalid-json", nil),
                ("[]", "invalid-json", nil),
                (#"{"action":"check""#, "invalid-json", nil),
                (#"{"action":"check"}{}"#, "invalid-json", nil),
                (String(repeating: "[", count: 20_000), "invalid-json", nil),
                (#"{"requestID":"b1"}"#, "missing-field", "b1"),
                (#"{"requestID":"b2","action":"fly"}"#, "invalid-field", "b2"),
                (#"{"requestID":"b3","action":"add","productCode":"P"}"#, "missing-field", "b3"),
                (#"{"requestID":"b4","action":"add","quantity":1}"#, "missing-field", "b4"),
                (
                    #"{"requestID":"b5","action":"add","productCode":"\#(product)","quantity":0}"#,
                    "invalid-field", "b5"
                ),
                (
                    #"{"requestID":"b6","action":"add","productCode":"\#(product)","quantity":-1}"#,
                    "invalid-field", "b6"
                ),
                (
                    #"{"requestID":"b7","action":"add","productCode":"\#(product)","quantity":"1"}"#,
                    "invalid-field", "b7"
                ),
                (
                    #"{"requestID":"b8","action":"add","productCode":"\#(product)","quantity":1.5}"#,
                    "invalid-field", "b8"
                ),
                (
                    #"{"requestID":"b9","action":"add","productCode":"P Q","quantity":1}"#,
                    "invalid-field", "b9"
                ),
                (#"{"requestID":"a/b","action":"check"}"#, "invalid-field", nil),
                (#"{"requestID":7,"action":"check"}"#, "invalid-field", nil),
                (#"{"requestID":"b10","action":"check","colour":"red"}"#, "unknown-field", "b10"),
            ]
            for (text, slug, requestID) in bad {
                socket.send(text)
                let answer = try await socket.answer()
                #expect(answer["type"] == "error", "\(text): \(answer)")
                #expect(answer["requestID"] == requestID, "\(text): \(answer)")
                EndToEndTests.OneOfEach.expectProblem(answer["problem"], 400, slug)
            }

            socket.add(product, 1, requestID: "good")
            let outcome = try await socket.answer()
            #expect(outcome["requestID"] == "good")
            #expect(outcome["status"] == "accepted")
            #expect(outcome["cart"]["lines"].elements.map { $0["quantity"] } == [1])
        }

        @Test func `a message that is too long ends its websocket and no other`() async throws {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let flooded = try await shop.open(user: user)
            let other = try await shop.open(user: user)
            _ = try await flooded.answer()
            _ = try await other.answer()
            flooded.send(String(repeating: "x", count: 70_000))
            #expect(try await flooded.message()?["problem"]["slug"] == "body-too-large")
            flooded.send(String(repeating: "x", count: 200_000))
            #expect(try await flooded.message() == nil)
            #expect(flooded.closeCode == 1009)
            other.send(#"{"requestID":"c","action":"check"}"#)
            #expect(try await other.answer()["requestID"] == "c")
        }

        @Test func `many requests in flight on one websocket are each answered once`() async throws
        {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 60)
            let socket = try await shop.open(user: user)
            _ = try await socket.answer()
            for number in 1...100 { socket.add(product, 1, requestID: "m\(number)") }
            let outcomes = try await socket.outcomes(100)
            #expect(Set(outcomes.keys) == Set((1...100).map { "m\($0)" }))
            #expect(outcomes.values.count { $0["status"] == "accepted" } == 60)
            #expect(outcomes.values.count { $0["reason"] == "out-of-stock" } == 40)

            socket.send(#"{"requestID":"last","action":"check"}"#)
            let last = try await socket.answer()
            #expect(last["requestID"] == "last", "nothing is answered a second time")
            #expect(last["cart"]["lines"].elements.map { $0["quantity"] } == [60])
            #expect(try await shop.held(product) == 60)
        }

        @Test func `what is out of stock is rejected with what is left`() async throws {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 3)
            let socket = try await shop.open(
                user: user, product: product, quantity: 1, requestID: "first")
            _ = try await socket.answer()
            socket.add(product, 3, requestID: "second")
            let rejected = try await socket.answer()
            #expect(rejected["status"] == "rejected")
            #expect(rejected["reason"] == "out-of-stock")
            #expect(rejected["message"] == "only 2 left")
            #expect(rejected["cart"]["lines"].elements.map { $0["quantity"] } == [1])
            #expect(rejected["cart"]["pending"] == [])
            #expect(try await shop.held(product) == 1)
        }

        @Test func `an unknown product is rejected as such`() async throws {
            let shop = try Installation.current
            let socket = try await shop.open(
                user: TestEnvironment.uniqueName(), product: TestEnvironment.uniqueName(),
                quantity: 1)
            let rejected = try await socket.answer()
            #expect(rejected["status"] == "rejected")
            #expect(rejected["reason"] == "unknown-product")
            #expect(rejected["message"].text?.isEmpty == false)
            #expect(rejected["cart"]["lines"] == [])
        }

        @Test func `removing more than there is changes nothing`() async throws {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 5)
            let socket = try await shop.open(user: user, product: product, quantity: 2)
            _ = try await socket.answer()
            socket.remove(product, 3, requestID: "greedy")
            let rejected = try await socket.answer()
            #expect(rejected["status"] == "rejected")
            #expect(rejected["reason"] == "not-in-cart")
            #expect(rejected["cart"]["lines"].elements.map { $0["quantity"] } == [2])
            #expect(try await shop.held(product) == 2)
        }

        @Test func `a change is pushed to the shopper's websocket on the other gateway`()
            async throws
        {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 5)
            let watching = try await shop.open(user: user, gateway: 1)
            let before = try await watching.answer()
            let acting = try await shop.open(user: user)
            _ = try await acting.answer()

            acting.add(product, 2, requestID: "a")
            let outcome = try await acting.answer()
            let change = try await watching.change()
            #expect(change.fieldNames == ["type", "cart"])
            #expect(change["cart"] == outcome["cart"])
            let version = try #require(change["cart"]["version"].number)
            #expect(version > before["cart"]["version"].number ?? .max)

            acting.remove(product, 2, requestID: "b")
            _ = try await acting.answer()
            #expect(try await watching.change()["cart"]["lines"] == [])

            // Whoever caused a change and was told its outcome is not told the change too.
            acting.send(#"{"requestID":"c","action":"check"}"#)
            let next = try #require(try await acting.message())
            #expect(next["requestID"] == "c")
        }
    }
}
