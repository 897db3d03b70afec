import CartDomain
import Messages
import Testing
import WebServer

@testable import RestGateway

/// Each route of a cart becomes its command, by cookie and by ID.
struct CartRouteTests {
    private static let cart = "398c042a-aa88-214b-4e31-d546e758d384"
    private static let point =
        #""name":"Kiosk Ø","address":"Gade 1","city":"København","zip":"1000","country":"DK""#

    private func line(_ text: String) throws -> LineID { try #require(LineID(text)) }

    private func gateway() async -> GatewayFixture {
        let gateway = await GatewayFixture()
        gateway.answerAll { Sample.outcome($0) }
        return gateway
    }

    private func send(
        _ gateway: GatewayFixture, _ method: String, _ target: String,
        headers: [(String, String)] = [], body: String = ""
    ) async throws -> HTTPResponse {
        try await gateway.send(
            method, target,
            headers: [("Content-Type", "application/json"), ("Cookie", "cartid=\(Self.cart)")]
                + headers, body: body)
    }

    private func commands() throws -> [(String, String, String, any CartCommand)] {
        let country = Country("DK")
        let product = try Sample.product("P1")
        return [
            (
                "POST", "/", #"{"sku":"P1","quantity":2,"country":"DK","storeId":"S.1"}"#,
                AddItem(try line("P1@S.1"), quantity: 2, country: country)
            ),
            (
                "POST", "/", #"{"productCode":"P1","quantity":1000000,"country":"DK"}"#,
                AddItem(LineID(product), quantity: 1_000_000, country: country)
            ),
            ("GET", "/add/P1", "", AddItem(LineID(product), quantity: 1)),
            ("GET", "/add/P%31", "", AddItem(LineID(product), quantity: 1)),
            (
                "PUT", "/", #"{"id":"P1@S.1","quantity":0}"#,
                SetQuantity(try line("P1@S.1"), quantity: 0)
            ),
            ("DELETE", "/P1", "", RemoveLine(LineID(product))),
            ("DELETE", "/P1%40S.1", "", RemoveLine(try line("P1@S.1"))),
            ("DELETE", "/P1@S.1", "", RemoveLine(try line("P1@S.1"))),
            (
                "POST", "/set", #"{"items":[{"sku":"P1","quantity":3},{"sku":"P2","quantity":0}]}"#,
                ReplaceItems([
                    .init(LineID(product), quantity: 3), .init(try line("P2"), quantity: 0),
                ])
            ),
            ("POST", "/delivery", #"{"provider":"P1"}"#, AddDelivery(product)),
            (
                "POST", "/delivery", #"{"provider":"P1","items":["P2","P1@S.1"]}"#,
                AddDelivery(product, items: [try line("P2"), try line("P1@S.1")])
            ),
            ("DELETE", "/delivery/7", "", RemoveDelivery(7)),
            (
                "PUT", "/delivery/7/pickupPoint", #"{"id":"dk-1",\#(Self.point)}"#,
                SetPickupPoint(
                    7,
                    PickupPoint(
                        id: "dk-1", name: "Kiosk Ø", address: "Gade 1", city: "København",
                        zip: "1000", country: try #require(country)))
            ),
        ]
    }

    @Test func `each route becomes its command, for the cookie's cart and for one by ID`()
        async throws
    {
        let gateway = await gateway()
        let commands = try commands()
        for (method, below, body, command) in commands {
            let byID = "/cart/byid/\(Self.cart)"
            for target in ["/cart\(below)", byID + below] + (below == "/" ? [byID] : []) {
                let response = try await send(
                    gateway, method, target, headers: [("Idempotency-Key", "k1")], body: body)
                #expect(response.status == 200, "\(method) \(target): \(text(response))")
                let request = try #require(gateway.log.asks.last)
                #expect(request.action == .command(command), "\(method) \(target)")
                #expect("\(request.cartID)" == Self.cart && request.userID == .guest)
                #expect(request.requestID.text == "k1")
            }
        }
        let routed = CommandRegistry.commands.filter { !$0.specification.routes.isEmpty }
        let tried = Set(commands.map { type(of: $0.3).specification.name } + ["merge"])
        #expect(tried == Set(routed.map(\.specification.name)), "no command is left out")
    }

    @Test func `by cookie an add has to say where the pieces go`() async throws {
        let gateway = await gateway()
        let response = try await send(
            gateway, "POST", "/cart/", body: #"{"sku":"P1","quantity":1}"#)
        expectProblem(response, .missingField)
        #expect(text(response).contains(#""field":"country""#))
        #expect(gateway.log.requests.isEmpty)
    }

    @Test func `a pending request of each kind of cart is found below that cart`() async throws {
        for (target, location) in [
            ("/cart/add/P1", "/cart/requests/k1"),
            (
                "/cart/byid/\(Self.cart.uppercased())/add/P1",
                "/cart/byid/\(Self.cart)/requests/k1"
            ),
        ] {
            let gateway = await GatewayFixture()
            async let adding = send(
                gateway, "GET", target, headers: [("Idempotency-Key", "k1")])
            try await eventually("the request is on the log") { gateway.log.asks.count == 1 }
            await gateway.advance(by: .seconds(5))
            let later = try await adding
            #expect(later.status == 202)
            #expect(header(later, "Location") == location)
            gateway.answerAll { Sample.outcome($0) }
            #expect(try await send(gateway, "GET", location).status == 200)
            #expect(gateway.log.asks.last?.action == .lookup)
        }
    }

    @Test(arguments: [
        (nil, nil, 200), ("same-origin", nil, 200), ("same-origin", "https://evil.example", 200),
        ("same-site", nil, 403), ("cross-site", nil, 403), ("none", nil, 403),
        ("SAME-ORIGIN", nil, 403), ("", nil, 403), ("same-origin, cross-site", nil, 403),
        ("cross-site", "http://shop.example", 403),
        (nil, "http://shop.example", 200), (nil, "http://shop.example/page?x", 200),
        (nil, "http://evil.example", 403), (nil, "http://shop.example.evil/", 403),
        (nil, "http://shop.example:81/", 403), (nil, "null", 403), (nil, "", 403),
        (nil, "about:blank", 403),
    ])
    func `only a page of the own origin adds by GET`(
        site: String?, page: String?, status: Int
    ) async throws {
        for name in ["Origin", "Referer"] {
            let gateway = await gateway()
            var headers = [("Host", "shop.example")]
            if let site { headers.append(("Sec-Fetch-Site", site)) }
            if let page { headers.append((name, page)) }
            let response = try await send(gateway, "GET", "/cart/add/P1", headers: headers)
            #expect(response.status == status, "\(name)")
            if status == 403 {
                expectProblem(response, .originNotAllowed)
                #expect(gateway.log.requests.isEmpty)
                #expect(header(response, "Set-Cookie") == nil)
            }
        }
    }

    @Test func `two fetch sites are none`() async throws {
        let gateway = await gateway()
        let response = try await send(
            gateway, "GET", "/cart/add/P1",
            headers: [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")])
        expectProblem(response, .originNotAllowed)
        #expect(gateway.log.requests.isEmpty)
    }

    @Test func `what changes a cart does not answer to HEAD`() async throws {
        let gateway = await gateway()
        #expect(try await send(gateway, "HEAD", "/cart/add/P1").status == 405)
        #expect(gateway.log.requests.isEmpty)
        #expect(try await send(gateway, "HEAD", "/cart/").status == 200)
    }
}
