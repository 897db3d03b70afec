import CartDomain
import Messages
import Testing
import WebServer

@testable import RestGateway

/// The HTTP surface, on fakes.
struct RestTests {
    @Test func `an accepted request is answered with its outcome`() async throws {
        let gateway = await GatewayFixture()
        gateway.answerAll { Sample.outcome($0) }
        let response = try await gateway.addItem(
            #"{"userID":"u1","productCode":"P1","quantity":2}"#,
            headers: [("Idempotency-Key", "key-1")])
        #expect(response.status == 200)
        #expect(header(response, "Content-Type") == "application/json")
        let request = try #require(gateway.log.requests.first)
        #expect(request.requestID.text == "key-1")
        #expect(request.action == .add(try Sample.product("P1"), quantity: 2))
        #expect(request.userID.text == "u1")
        #expect(response.body == GatewayFixture.reply(request, Sample.outcome(request)).value)
    }

    @Test func `each call becomes its action`() async throws {
        let gateway = await GatewayFixture()
        gateway.answerAll { Sample.outcome($0) }
        let product = try Sample.product("P1")
        let calls: [(String, String, CartRequest.Action)] = [
            ("GET", "/cart?userID=u1", .check),
            ("DELETE", "/cart/items/P1?userID=u1", .remove(product, quantity: nil)),
            ("DELETE", "/cart/items/P1?userID=u1&quantity=3", .remove(product, quantity: 3)),
            ("GET", "/requests/r:1?userID=u1", .lookup),
        ]
        for (method, target, action) in calls {
            #expect(try await gateway.send(method, target).status == 200)
            #expect(gateway.log.requests.last?.action == action)
        }
        #expect(gateway.log.requests.last?.requestID.text == "r:1")
    }

    @Test func `a rejection is 409, a reused ID 422`() async throws {
        let gateway = await GatewayFixture()
        gateway.answerAll { Sample.outcome($0, .rejected, reason: .outOfStock) }
        let item = #"{"userID":"u1","productCode":"P1","quantity":2}"#
        let rejected = try await gateway.addItem(item)
        #expect(rejected.status == 409)
        #expect(text(rejected).contains(#""reason":"out-of-stock""#))
        gateway.answerAll { Sample.outcome($0, .rejected, reason: .requestIDReused, version: nil) }
        let reused = try await gateway.addItem(item, headers: [("Idempotency-Key", "k")])
        #expect(reused.status == 422)
        #expect(text(reused).contains(#""reason":"request-id-reused""#))
    }

    @Test func `an ID in flight for another request is 422 at once`() async throws {
        let gateway = await GatewayFixture()
        let key = [("Idempotency-Key", "k")]
        async let first = gateway.addItem(
            #"{"userID":"u1","productCode":"P1","quantity":2}"#, headers: key)
        try await eventually("the request is on the log") { gateway.log.asks.count == 1 }
        let second = try await gateway.addItem(
            #"{"userID":"u1","productCode":"P1","quantity":3}"#, headers: key)
        #expect(second.status == 422)
        let request = try #require(gateway.log.asks.first)
        await gateway.gateway.receive([GatewayFixture.reply(request, Sample.outcome(request))])
        #expect(try await first.status == 200)
        #expect(gateway.log.asks.count == 1)
    }

    @Test func `at the deadline a call is told where to ask`() async throws {
        let gateway = await GatewayFixture()
        async let added = gateway.addItem(
            #"{"userID":"a+b@x","productCode":"P1","quantity":2}"#,
            headers: [("Idempotency-Key", "k:1")])
        async let shown = gateway.send("GET", "/cart?userID=u2")
        async let lookedUp = gateway.send("GET", "/requests/r1?userID=u3")
        try await eventually("the requests are on the log") { gateway.log.asks.count == 3 }
        await gateway.advance(by: .seconds(5))
        let later = try await added
        #expect(later.status == 202)
        #expect(header(later, "Location") == "/requests/k%3A1?userID=a%2Bb%40x")
        #expect(header(later, "Retry-After") == "1")
        #expect(text(later).hasPrefix(#"{"type":"outcome","requestID":"k:1","status":"pending""#))
        let cart = try await shown
        #expect(cart.status == 202)
        #expect(header(cart, "Location") == "/cart?userID=u2")
        expectProblem(try await lookedUp, .noAnswer)
    }

    @Test func `a lookup tells what became of a request`() async throws {
        let gateway = await GatewayFixture()
        let path = "/requests/r1?userID=u1"
        gateway.answerAll { Sample.outcome($0, .rejected, reason: .outOfStock) }
        let rejected = try await gateway.send("GET", path)
        #expect(rejected.status == 200)
        #expect(text(rejected).contains(#""status":"rejected""#))
        gateway.answerAll { Sample.outcome($0, .pending) }
        let pending = try await gateway.send("GET", path)
        #expect(pending.status == 202)
        #expect(header(pending, "Location") == path)
        gateway.answerAll { Sample.outcome($0, .unknown, version: nil) }
        expectProblem(try await gateway.send("GET", path), .unknownRequest)
    }

    @Test func `a lookup is not answered by the refusal of another request`() async throws {
        let gateway = await GatewayFixture()
        async let lookedUp = gateway.send("GET", "/requests/r1?userID=u1")
        try await eventually("the lookup is on the log") { gateway.log.asks.count == 1 }
        let lookup = try #require(gateway.log.asks.first)
        await gateway.gateway.receive([
            GatewayFixture.reply(
                lookup, Sample.outcome(lookup, .rejected, reason: .requestIDReused)),
            GatewayFixture.reply(lookup, Sample.outcome(lookup, .accepted)),
        ])
        #expect(text(try await lookedUp).contains(#""status":"accepted""#))
    }

    @Test func `the trace of a client goes on`() async throws {
        let gateway = await GatewayFixture()
        gateway.answerAll { Sample.outcome($0) }
        let trace = "0af7651916cd43dd8448eb211c80319c"
        _ = try await gateway.send(
            "GET", "/cart?userID=u1", headers: [("traceparent", "00-\(trace)-b7ad6b7169203331-00")])
        let sent = try #require(gateway.log.requests.last?.traceparent)
        #expect(sent.hasPrefix("00-\(trace)-") && sent.hasSuffix("-00"))
        #expect(!sent.contains("b7ad6b7169203331"))
        _ = try await gateway.send(
            "GET", "/cart?userID=u1", headers: [("traceparent", "00-zz-b7ad6b7169203331-00")])
        #expect(gateway.log.requests.last?.traceparent?.contains(trace) == false)
    }

    @Test func `an overloaded gateway says so`() async throws {
        let gateway = await GatewayFixture { $0.waitingMax = 0 }
        let full = try await gateway.send("GET", "/cart?userID=u1")
        expectProblem(full, .overloaded)
        #expect(header(full, "Retry-After") == "1")
        let other = await GatewayFixture()
        other.log.refuse(with: .overloaded)
        expectProblem(try await other.send("GET", "/cart?userID=u1"), .overloaded)
        other.log.refuse(with: .unavailable("no broker"))
        expectProblem(try await other.send("GET", "/cart?userID=u1"), .logUnavailable)
    }

    @Test func `a bad item is refused by name`() async throws {
        let gateway = await GatewayFixture()
        let bodies: [(String, Problem.Slug)] = [
            ("", .invalidJSON),
            ("userID=u1", .invalidJSON),
            (#"{"userID":"u1","productCode":"P1"}"#, .missingField),
            (#"{"userID":"u1","quantity":1}"#, .missingField),
            (#"{"productCode":"P1","quantity":1}"#, .missingField),
            (#"{"userID":"u 1","productCode":"P1","quantity":1}"#, .invalidField),
            (#"{"userID":1,"productCode":"P1","quantity":1}"#, .invalidField),
            (#"{"userID":"u1","productCode":"P1","quantity":-1}"#, .invalidField),
            (#"{"userID":"u1","productCode":"P1","quantity":1,"requestID":"r"}"#, .unknownField),
            (#"{"userID":"u1","productCode":"P1","quantity":1,"quantity":1}"#, .invalidJSON),
        ]
        for (body, slug) in bodies { expectProblem(try await gateway.addItem(body), slug) }
        let large = #"{"userID":""# + String(repeating: "u", count: 65_536) + #""}"#
        expectProblem(try await gateway.addItem(large), .bodyTooLarge)
        #expect(gateway.log.requests.isEmpty)
    }

    @Test func `bad requests are refused by name`() async throws {
        let gateway = await GatewayFixture()
        let requests: [(String, String, [(String, String)], Problem.Slug)] = [
            ("GET", "/", [], .notFound),
            ("GET", "/nothing", [], .notFound),
            ("GET", "/stock/%zz", [], .invalidPath),
            ("GET", "/cart", [], .missingParameter),
            ("GET", "/cart?userID=", [], .invalidParameter),
            ("GET", "/cart?userID=u1&x=1", [], .unknownParameter),
            ("GET", "/cart?userID=u1&userID=u1", [], .duplicateParameter),
            ("GET", "/cart?userID=%ff", [], .invalidQuery),
            ("GET", "/test?x=1", [], .unknownParameter),
            ("GET", "/metrics?x=1", [], .unknownParameter),
            ("GET", "/stock/P1?x=1", [], .unknownParameter),
            ("GET", "/stock/P%2F1", [], .invalidParameter),
            ("GET", "/requests/a%20b?userID=u1", [], .invalidParameter),
            ("DELETE", "/cart/items/P%20?userID=u1", [], .invalidParameter),
            ("DELETE", "/cart/items/P1?userID=u1&quantity=0", [], .invalidParameter),
            ("DELETE", "/cart/items/P1?userID=u1&quantity=-1", [], .invalidParameter),
            (
                "DELETE", "/cart/items/P1?userID=u1", [("Idempotency-Key", "a b")], .invalidHeader
            ),
            (
                "DELETE", "/cart/items/P1?userID=u1",
                [("Idempotency-Key", "a"), ("idempotency-key", "a")], .invalidHeader
            ),
            ("POST", "/cart/items", [], .unsupportedMediaType),
            ("POST", "/cart/items", [("Content-Type", "text/plain")], .unsupportedMediaType),
            (
                "POST", "/cart/items", [("Content-Type", "application/json; charset=utf-16")],
                .unsupportedMediaType
            ),
            ("GET", "/cart/update-product?userID=u1&quantity=0", [], .upgradeRequired),
        ]
        for (method, target, headers, slug) in requests {
            expectProblem(try await gateway.send(method, target, headers: headers), slug)
        }
        #expect(gateway.log.requests.isEmpty)
    }

    @Test func `other methods are told which there are`() async throws {
        let gateway = await GatewayFixture()
        let refused = try await gateway.send("PATCH", "/cart")
        expectProblem(refused, .methodNotAllowed)
        #expect(header(refused, "Allow") == "GET, HEAD, OPTIONS")
        let options = try await gateway.send("OPTIONS", "/cart/items")
        #expect(options.status == 204 && options.body.isEmpty)
        #expect(header(options, "Allow") == "POST, DELETE, OPTIONS")
        #expect(try await gateway.send("OPTIONS", "*").status == 204)
        #expect(try await gateway.send("HEAD", "/health/live").status == 200)
    }

    @Test func `the websocket path explains itself without an upgrade`() async throws {
        let gateway = await GatewayFixture()
        let response = try await gateway.send("GET", "/cart/update-product")
        expectProblem(response, .upgradeRequired)
        #expect(header(response, "Upgrade") == "websocket")
        #expect(text(response).contains("POST /cart/items"))
    }

    @Test func `a bad query is refused before the upgrade`() async throws {
        let gateway = await GatewayFixture()
        func answer(_ query: String) async -> HTTPAnswer {
            await gateway.gateway.handler.handle(
                HTTPRequest(
                    method: "GET", target: "/cart/update-product?" + query,
                    isWebSocketUpgrade: true))
        }
        guard case .response(let response) = await answer("userID=u1&quantity=x") else {
            Issue.record("upgraded")
            return
        }
        expectProblem(response, .invalidParameter)
        #expect(text(response).contains(#""parameter":"quantity""#))
        guard case .webSocket = await answer("userID=u1&quantity=0") else {
            Issue.record("not upgraded")
            return
        }
    }

    @Test func `the stock of a product is told`() async throws {
        let product = try Sample.product("P1")
        let gateway = await GatewayFixture(
            stock: FakeStock(products: [
                "P1": Stock(code: product, name: "Drill \"X\"", quantity: 9, held: 4, available: 5)
            ]))
        let found = try await gateway.send("GET", "/stock/P1")
        #expect(found.status == 200)
        #expect(
            text(found)
                == #"{"productCode":"P1","name":"Drill \"X\"","quantity":9,"held":4,"available":5}"#
        )
        expectProblem(try await gateway.send("GET", "/stock/P2"), .unknownProduct)
        let away = await GatewayFixture(stock: FakeStock(isAway: true))
        expectProblem(try await away.send("GET", "/stock/P1"), .inventoryUnavailable)
    }

    @Test func `refusals of the web server look like all others`() async {
        let gateway = await GatewayFixture()
        for (status, slug) in [
            (400, Problem.Slug.badRequest), (408, .requestTimeout), (413, .bodyTooLarge),
            (414, .targetTooLong), (417, .expectationFailed), (426, .upgradeRequired),
            (431, .headersTooLarge), (500, .internalError), (501, .notImplemented),
            (503, .overloaded), (505, .httpVersionNotSupported),
        ] {
            expectProblem(gateway.gateway.handler.refusal(status: status, detail: "so"), slug)
        }
        let odd = gateway.gateway.handler.refusal(status: 402, detail: "so")
        #expect(odd.status == 402 && text(odd).contains(#""status":402"#))
    }

    @Test func `requests are counted by operation and status`() async throws {
        let gateway = await GatewayFixture()
        gateway.answerAll { Sample.outcome($0) }
        _ = try await gateway.send("GET", "/cart?userID=u1")
        _ = try await gateway.send("GET", "/cart")
        _ = try await gateway.send("GET", "/nothing")
        let metrics = try await gateway.send("GET", "/metrics")
        #expect(metrics.status == 200)
        #expect(header(metrics, "Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
        let name = "holdfast_gateway_http_requests_total"
        for line in [
            #"\#(name){operation="showUsersCart",status="2xx"} 1"#,
            #"\#(name){operation="showUsersCart",status="4xx"} 1"#,
            #"\#(name){operation="none",status="4xx"} 1"#,
            #"holdfast_gateway_outcomes_total{status="accepted"} 1"#,
            "holdfast_gateway_outcome_seconds_count 1", "holdfast_gateway_waiting_requests 0",
        ] {
            #expect(text(metrics).contains(line + "\n"), "\(line)")
        }
    }
}

struct ProblemTests {
    @Test func `slugs are stable and each has a status and a title`() {
        let slugs = """
            bad-request body-too-large duplicate-parameter expectation-failed headers-too-large \
            history-unavailable http-version-not-supported internal-error invalid-body invalid-field invalid-header \
            invalid-inventory invalid-json invalid-parameter invalid-path invalid-query \
            inventory-unavailable length-required log-unavailable method-not-allowed \
            migration-disabled missing-field missing-parameter no-answer not-found \
            not-implemented not-ready origin-not-allowed overloaded rate-limited request-timeout \
            shutting-down target-too-long too-many-requests unauthorized unknown-cart \
            unknown-field unknown-parameter unknown-product unknown-request \
            unsupported-media-type upgrade-required
            """
        #expect(
            Problem.Slug.allCases.map(\.rawValue).sorted().joined(separator: " ") == slugs)
        #expect(Set(Problem.Slug.allCases.map(\.title)).count == Problem.Slug.allCases.count)
        for slug in Problem.Slug.allCases {
            #expect((400...599).contains(slug.status))
            let isKebab = slug.rawValue.utf8.allSatisfy { $0 == 0x2D || (0x61...0x7A).contains($0) }
            #expect(isKebab)
        }
    }

    @Test func `a problem names what is meant`() {
        let problem = Problem(.invalidField, "so \"so\"\n", at: .field("quantity"))
        #expect(
            String(decoding: problem.response.body, as: UTF8.self)
                == #"{"type":"urn:holdfast:problem:invalid-field","title":"A field has a value "#
                + #"that is not allowed","status":400,"detail":"so \"so\"\u000a","#
                + #""slug":"invalid-field","field":"quantity"}"#)
    }
}
