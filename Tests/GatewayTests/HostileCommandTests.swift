import CartDomain
import Messages
import Testing
import WebServer

@testable import RestGateway

/// What nobody sends by mistake, in the fields and paths of carts.
struct HostileCommandTests {
    private static let cart = "398c042a-aa88-214b-4e31-d546e758d384"
    private static let byID = "/cart/byid/\(cart)"

    /// A gateway that answers what should not have been asked, so that no test waits for ever.
    private func gateway() async -> GatewayFixture {
        let gateway = await GatewayFixture()
        gateway.answerAll { Sample.outcome($0) }
        return gateway
    }

    private func expect(
        _ gateway: GatewayFixture, _ response: HTTPResponse, _ slug: Problem.Slug, _ what: String
    ) {
        #expect(response.status == slug.status, "\(what): \(text(response))")
        #expect(
            text(response).contains("\"slug\":\"\(slug.rawValue)\""), "\(what): \(text(response))")
        #expect(gateway.log.requests.isEmpty, "\(what)")
        #expect(header(response, "Set-Cookie") == nil, "\(what)")
    }

    private func send(
        _ method: String, _ target: String, _ body: String, _ slug: Problem.Slug
    ) async throws {
        let gateway = await gateway()
        for scope in ["/cart", Self.byID] {
            let response = try await gateway.send(
                method, scope + target, headers: [("Content-Type", "application/json")], body: body)
            expect(gateway, response, slug, "\(method) \(target) \(body.prefix(200))")
        }
    }

    private static let lookalikes = [
        "", " P1", "P1 ", "P1\\n", "P1\\u0000", "Р1", "P1\u{200B}", "\u{FEFF}P1", "P1\u{301}", "Ｐ1",
        "P١", "\\u202EP1", "P1\\uFE0F", "🛒", "../P1", "P/1", "P%31", "P;1", "P1\u{E0041}",
        String(repeating: "P", count: 65),
    ]

    @Test(arguments: lookalikes)
    func `a code, a store and a line are plain ASCII, whatever looks like it`(
        code: String
    ) async throws {
        try await send(
            "POST", "/", #"{"sku":"\#(code)","quantity":1,"country":"SE"}"#, .invalidField)
        try await send(
            "POST", "/", #"{"sku":"P1","quantity":1,"country":"SE","storeId":"\#(code)"}"#,
            .invalidField)
        for id in [code, "P1@\(code)", "\(code)@S1", "P1@S1@\(code)"] {
            try await send("PUT", "/", #"{"id":"\#(id)","quantity":1}"#, .invalidField)
            try await send(
                "POST", "/delivery", #"{"provider":"P1","items":["P2","\#(id)"]}"#, .invalidField)
        }
        try await send(
            "POST", "/set", #"{"items":[{"sku":"\#(code)","quantity":1}]}"#, .invalidField)
        try await send("POST", "/delivery", #"{"provider":"\#(code)"}"#, .invalidField)
    }

    @Test(arguments: [
        "", "S", "se", "SWE", "S1", "ＳＥ", "S\u{301}E", "S\\u0000", "\u{212A}R", "🇸🇪", "ЅЕ",
    ])
    func `a country is two capital letters`(country: String) async throws {
        try await send(
            "POST", "/", #"{"sku":"P1","quantity":1,"country":"\#(country)"}"#, .invalidField)
        try await send(
            "POST", "/set", #"{"items":[{"sku":"P1","quantity":1,"country":"\#(country)"}]}"#,
            .invalidField)
        try await send(
            "PUT", "/delivery/1/pickupPoint",
            #"{"id":"i","name":"n","address":"a","city":"c","zip":"z","country":"\#(country)"}"#,
            .invalidField)
    }

    @Test(arguments: ["id", "name", "address", "city", "zip"])
    func `the texts of a pickup point are short and have no control characters`(
        field: String
    ) async throws {
        for value in [
            "", "a\\u0000b", "a\\nb", "a\\r\\nSet-Cookie: x", "\\u001b[2J", "a\\u007f", "a\\u0085",
            "\\u009b1m", String(repeating: "å", count: 201),
        ] {
            let fields = ["id", "name", "address", "city", "zip"].map {
                "\"\($0)\":\"\($0 == field ? value : "x")\""
            }
            try await send(
                "PUT", "/delivery/1/pickupPoint",
                "{\(fields.joined(separator: ",")),\"country\":\"SE\"}", .invalidField)
        }
    }

    @Test func `a pickup point is kept as it was written, whatever the script`() async throws {
        let gateway = await gateway()
        for text in [
            "Straße 1", "東京都千代田区", "شارع الملك", "e\u{301}", "é", "👩‍👩‍👧‍👦", #"\"'<script>&amp;"#,
            String(repeating: "\u{1F1F8}", count: 20),
        ] {
            let response = try await gateway.send(
                "PUT", "/cart/delivery/1/pickupPoint",
                headers: [("Content-Type", "application/json")],
                body:
                    #"{"id":"i","name":"\#(text)","address":"a","city":"c","zip":"z","country":"SE"}"#
            )
            #expect(response.status == 200, "\(text)")
            guard case .command(let command)? = gateway.log.asks.last?.action,
                let sent = command.base as? SetPickupPoint
            else {
                Issue.record("nothing is asked")
                continue
            }
            let name = text.replacing(#"\""#, with: "\"")
            #expect(Array(sent.pickupPoint.name.utf8) == Array(name.utf8))
        }
    }

    @Test(arguments: [
        "9007199254740993", "9223372036854775807", "9223372036854775808", "1000001", "-1",
        "1.0", "1e0", "1e400", "\"1\"", "true", "null", "[1]", "{}", "\"١\"",
        "1\(String(repeating: "0", count: 400))",
    ])
    func `a quantity is a whole number that can be held, as it is written plainly`(
        number: String
    ) async throws {
        try await send(
            "POST", "/", #"{"sku":"P1","quantity":\#(number),"country":"SE"}"#, .invalidField)
        try await send("PUT", "/", #"{"id":"P1","quantity":\#(number)}"#, .invalidField)
        try await send(
            "POST", "/set", #"{"items":[{"sku":"P1","quantity":\#(number)}]}"#, .invalidField)
    }

    @Test(arguments: [
        "0", "-1", "9223372036854775808", "01", "+1", "1.0", "1e0", "%31%00", "%D9%A1", "1%2F2",
        "..",
        "1;", "%",
    ])
    func `a delivery's number is one, as it is written plainly`(number: String) async throws {
        let gateway = await gateway()
        for (method, target) in [
            ("DELETE", "/cart/delivery/\(number)"), ("DELETE", "\(Self.byID)/delivery/\(number)"),
            ("PUT", "/cart/delivery/\(number)/pickupPoint"),
        ] {
            let response = try await gateway.send(
                method, target, headers: [("Content-Type", "application/json")],
                body: #"{"id":"i","name":"n","address":"a","city":"c","zip":"z","country":"SE"}"#)
            #expect(response.status == 400, "\(target)")
        }
        #expect(gateway.log.requests.isEmpty)
    }

    @Test(arguments: [
        (
            "POST", "/", #"{"sku":"P1","productCode":"P1","quantity":1,"country":"SE"}"#,
            "invalid-field"
        ),
        ("POST", "/", #"{"sku":"P1","sku":"P2","quantity":1,"country":"SE"}"#, "invalid-json"),
        ("POST", "/", #"{"sku":"P1","\u0073ku":"P2","quantity":1,"country":"SE"}"#, "invalid-json"),
        ("POST", "/", #"{"sku":"P1","SKU":"P2","quantity":1,"country":"SE"}"#, "unknown-field"),
        ("POST", "/", #"{"sku":"P1","quantity":1,"country":"SE","price":1}"#, "unknown-field"),
        ("POST", "/", #"{"sku":"P1","quantity":1,"country":"SE","userID":"u"}"#, "unknown-field"),
        ("POST", "/", #"{"sku":"P1","quantity":1,"country":"SE","__proto__":{}}"#, "unknown-field"),
        ("PUT", "/", #"{"id":"P1","lineID":"P1","quantity":1}"#, "unknown-field"),
        ("PUT", "/", #"{"id":"P1","id":"P1","quantity":1}"#, "invalid-json"),
        ("PUT", "/", #"{"id":["P1"],"quantity":1}"#, "invalid-field"),
        (
            "POST", "/set", #"{"items":[{"sku":"P1","productCode":"P1","quantity":1}]}"#,
            "invalid-field"
        ),
        ("POST", "/set", #"{"items":[{"sku":"P1","quantity":1,"quantity":2}]}"#, "invalid-json"),
        (
            "POST", "/set",
            #"{"items":[{"sku":"P1","quantity":1},{"productCode":"P1","quantity":2}]}"#,
            "invalid-field"
        ),
        ("POST", "/set", #"{"items":[{"sku":"P1","quantity":1,"id":"P1"}]}"#, "unknown-field"),
        ("POST", "/set", #"{"items":[null]}"#, "invalid-field"),
        ("POST", "/set", #"{"items":{"sku":"P1","quantity":1}}"#, "invalid-field"),
        ("POST", "/set", #"{"items":[[{"sku":"P1","quantity":1}]]}"#, "invalid-field"),
        ("POST", "/set", #"[{"sku":"P1","quantity":1}]"#, "invalid-json"),
        ("POST", "/set", "{}", "missing-field"),
        ("POST", "/delivery", #"{"provider":"P1","items":"P2"}"#, "invalid-field"),
        ("POST", "/delivery", #"{"provider":"P1","items":[1]}"#, "invalid-field"),
        ("POST", "/merge", #"{"userID":"a b"}"#, "invalid-field"),
        ("POST", "/merge", #"{"userID":"u\u200b"}"#, "invalid-field"),
        ("POST", "/merge", #"{"from":"398c042a-aa88-214b-4e31-d546e758d384"}"#, "unknown-field"),
        (
            "POST", "/merge", #"{"userID":"u","from":"398c042a-aa88-214b-4e31-d546e758d384"}"#,
            "unknown-field"
        ),
        ("PUT", "/delivery/1/pickupPoint", #"{"deliveryID":2,"id":"i"}"#, "unknown-field"),
    ])
    func `two readings of a command are one too many`(
        method: String, target: String, body: String, slug: String
    ) async throws {
        try await send(method, target, body, try #require(Problem.Slug(rawValue: slug)))
    }

    @Test func `deep and huge contents are refused, each by name`() async throws {
        for depth in [40, 100, 10_000] {
            let open = String(repeating: "[", count: depth)
            let close = String(repeating: "]", count: depth)
            let objects = String(repeating: #"{"items":["#, count: depth / 2)
            for body in [#"{"items":\#(open)1\#(close)}"#, objects, #"{"items":\#(open)"#] {
                let gateway = await gateway()
                let response = try await gateway.send(
                    "POST", "/cart/set", headers: [("Content-Type", "application/json")], body: body
                )
                #expect([400, 413].contains(response.status), "\(depth)")
                #expect(gateway.log.requests.isEmpty)
            }
        }
        func items(_ count: Int) -> String {
            let items = (0..<count).map { #"{"sku":"P\#($0)","quantity":1}"# }
            return #"{"items":[\#(items.joined(separator: ","))]}"#
        }
        try await send("POST", "/set", items(201), .invalidField)
        try await send("POST", "/set", items(3_000), .bodyTooLarge)
        let lines = (0...1_000).map { "\"P\($0)\"" }.joined(separator: ",")
        try await send("POST", "/delivery", #"{"provider":"P","items":[\#(lines)]}"#, .invalidField)
        let gateway = await gateway()
        let response = try await gateway.send(
            "POST", "/cart/set", headers: [("Content-Type", "application/json")], body: items(200))
        #expect(response.status == 200)
    }

    @Test(arguments: [
        ("GET", "/cart/byid", 405), ("GET", "/cart/byid/", 404), ("GET", "/cart/byid/../", 400),
        ("GET", "/cart/byid/..", 400), ("GET", "/cart/byid/%2e%2e", 400),
        ("GET", "/cart/byid/%2e%2e/", 400), ("GET", "/cart/byid/\(cart)%2F", 400),
        ("GET", "/cart/byid/\(cart)//", 404), ("GET", "/cart/byid/\(cart)/../\(cart)", 404),
        ("GET", "/cart/byid/\(cart)%00", 400), ("GET", "/cart/byid/\(cart)%2Fhistory", 400),
        ("GET", "/cart/byid/\(cart)/./history", 404), ("GET", "/cart//byid/\(cart)", 404),
        ("GET", "/cart/BYID/\(cart)", 404), ("GET", "/cart/byid/{\(cart)}", 400),
        ("GET", "/cart/byid/\(cart)0", 400), ("GET", "/cart/byid/\(cart);x", 400),
        ("GET", "/cart/byid/\(cart)?userID=u", 400), ("GET", "/cart/byid/%EF%BC%93\(cart)", 400),
        ("GET", "/cart/add/", 404), ("GET", "/cart/add/..", 200), ("GET", "/cart/add/..%2fP1", 400),
        ("GET", "/cart/add/P1/", 404), ("GET", "/cart/add/P1%2F..", 400),
        ("GET", "/cart/add/P1?quantity=5", 400), ("DELETE", "/cart/P1%2F..", 400),
        ("DELETE", "/cart/%40", 400), ("DELETE", "/cart/@S1", 400), ("DELETE", "/cart//", 404),
        ("DELETE", "/cart/byid/\(cart)/", 405), ("DELETE", "/cart/delivery/1/", 404),
        ("POST", "/cart", 405), ("POST", "/cart//", 404), ("PUT", "/cart//", 404),
        ("POST", "/cart/set/", 404), ("POST", "/cart/requests/x", 405),
    ])
    func `a path is taken at its word, once decoded`(
        method: String, target: String, status: Int
    ) async throws {
        let gateway = await gateway()
        let response = try await gateway.send(method, target)
        #expect(response.status == status, "\(text(response))")
        if status != 200 { #expect(gateway.log.requests.isEmpty) }
    }

    @Test(arguments: [
        (
            #"{"action":"add","sku":"P1","productCode":"P1","quantity":1}"#,
            Problem.Slug.invalidField
        ),
        (#"{"action":"set-quantity","id":"P1","lineID":"P1","quantity":1}"#, .unknownField),
        (#"{"action":"set-quantity","id":"P1","quantity":9007199254740993}"#, .invalidField),
        (#"{"action":"set-quantity","quantity":1}"#, .missingField),
        (#"{"action":"remove-line","id":"P1@"}"#, .invalidField),
        (#"{"action":"remove-line","id":"P1","quantity":1}"#, .unknownField),
        (#"{"action":"set","items":[{"sku":"P1","quantity":1,"quantity":2}]}"#, .invalidJSON),
        (#"{"action":"set","items":[{"sku":"P1"}]}"#, .missingField),
        (#"{"action":"merge","from":"398c042a-aa88-214b-4e31-d546e758d384"}"#, .unknownField),
        (#"{"action":"merge"}"#, .missingField),
        (#"{"action":"remove-delivery","deliveryID":"1"}"#, .invalidField),
        (#"{"action":"remove-delivery","deliveryID":0}"#, .invalidField),
        (#"{"action":"add","sku":"P1","quantity":1,"ifVersion":-1}"#, .invalidField),
        (#"{"action":"add","sku":"P1","quantity":1,"ifVersion":"1"}"#, .invalidField),
        (#"{"action":"add","sku":"P1","quantity":1,"ifVersion":1.5}"#, .invalidField),
        (#"{"action":"add","sku":"P1","quantity":1,"cartID":"x"}"#, .unknownField),
        (#"{"action":"handed","items":[]}"#, .invalidField),
        (#"{"action":"hand-over","to":"398c042a-aa88-214b-4e31-d546e758d384"}"#, .invalidField),
        (#"{"action":"lookup"}"#, .invalidField),
    ])
    func `a message is read in one way, and none of the log's own is taken`(
        message: String, slug: Problem.Slug
    ) async throws {
        let gateway = await GatewayFixture()
        let (socket, socketID) = try await gateway.open("u1")
        await gateway.core.receive(Array(message.utf8), from: socketID)
        #expect(socket.received.count == 1)
        #expect(
            socket.received.first?.contains("\"slug\":\"\(slug.rawValue)\"") == true,
            "\(socket.received)")
        #expect(gateway.log.requests.isEmpty)
    }
}
