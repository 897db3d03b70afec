import CartDomain
import Messages
import Testing
import WebServer

@testable import RestGateway

/// The cookie that names a browser's cart.
struct CartCookieTests {
    private static let cart = "398c042a-aa88-214b-4e31-d546e758d384"

    private func gateway(
        _ configure: (inout GatewayConfiguration) -> Void = { _ in }
    ) async -> GatewayFixture {
        let gateway = await GatewayFixture(configure)
        gateway.answerAll { Sample.outcome($0) }
        return gateway
    }

    private func cookies(_ response: HTTPResponse) -> [String] {
        response.headers.filter { $0.0 == "Set-Cookie" }.map(\.1)
    }

    private func attributes(_ cookie: String?) -> [String] {
        (cookie ?? "").split(separator: ";").map { $0.drop { $0 == " " } }.map(String.init)
    }

    @Test func `the first request sets it, out of reach for scripts and other sites`() async throws
    {
        let gateway = await gateway()
        let response = try await gateway.send("GET", "/cart/")
        let cartID = try #require(gateway.log.asks.first?.cartID)
        #expect(gateway.log.asks.first?.userID == .guest)
        #expect(
            cookies(response).map(attributes) == [
                ["cartid=\(cartID)", "Path=/", "Max-Age=7776000", "HttpOnly", "SameSite=Lax"]
            ])
        let again = try await gateway.send(
            "GET", "/cart/", headers: [("Cookie", "cartid=\(cartID)")])
        #expect(cookies(again).isEmpty, "it is set once")
        #expect(gateway.log.asks.last?.cartID == cartID)
    }

    @Test(arguments: [
        ("POST", "/cart/", #"{"sku":"P1","quantity":1,"country":"SE"}"#),
        ("GET", "/cart/add/P1", ""), ("PUT", "/cart/", #"{"id":"P1","quantity":2}"#),
        ("DELETE", "/cart/P1", ""), ("POST", "/cart/set", #"{"items":[]}"#),
        ("POST", "/cart/delivery", #"{"provider":"P1"}"#), ("DELETE", "/cart/delivery/1", ""),
        ("GET", "/cart/requests/r1", ""),
    ])
    func `whatever the first request is`(method: String, target: String, body: String) async throws
    {
        let gateway = await gateway()
        let response = try await gateway.send(
            method, target, headers: [("Content-Type", "application/json")], body: body)
        #expect(response.status == 200, "\(text(response))")
        let cartID = try #require(gateway.log.asks.first?.cartID)
        #expect(cookies(response).first?.hasPrefix("cartid=\(cartID);") == true)
    }

    @Test func `no two browsers get the same, and none can be guessed from another`() async throws {
        let gateway = await gateway()
        for _ in 0..<200 { _ = try await gateway.send("GET", "/cart/") }
        let bits = gateway.log.asks.map(\.cartID.bits)
        #expect(Set(bits).count == 200)
        // Each of the 128 bits is set about as often as not: by chance off by 60 once in 10^17.
        for bit in 0..<128 {
            let count = bits.count { $0 >> UInt128(bit) & 1 == 1 }
            #expect((40...160).contains(count), "bit \(bit) is set \(count) times of 200")
        }
    }

    @Test func `it is Secure where a trusted proxy says that the client came by HTTPS`()
        async throws
    {
        let https = [("X-Forwarded-Proto", "https")]
        let trusting = await gateway {
            $0.trustedProxies = Set([ClientAddress("127.0.0.1")].compactMap { $0 })
        }
        for (headers, isSecure) in [
            (https, true), ([("X-Forwarded-Proto", "HTTPS")], true), ([], false),
            ([("X-Forwarded-Proto", "http")], false),
            (https + [("X-Forwarded-Proto", "http")], false),
        ] {
            for method in ["GET", "DELETE"] {
                let response = try await trusting.send(method, "/cart/", headers: headers)
                #expect(attributes(cookies(response).first).contains("Secure") == isSecure)
            }
        }
        let wary = await gateway()
        let response = try await wary.send("GET", "/cart/", headers: https)
        #expect(!attributes(cookies(response).first).contains("Secure"), "anybody can say so")
    }

    @Test func `dropping it has the browser forget it, and leaves the cart`() async throws {
        let gateway = await gateway()
        let response = try await gateway.send(
            "DELETE", "/cart/", headers: [("Cookie", "cartid=\(Self.cart)")])
        #expect(response.status == 204 && response.body.isEmpty)
        #expect(
            cookies(response).map(attributes)
                == [["cartid=", "Path=/", "Max-Age=0", "HttpOnly", "SameSite=Lax"]])
        #expect(gateway.log.requests.isEmpty)
    }

    @Test(arguments: [
        ["cartid=\(CartCookieTests.cart)"], ["a=b; cartid=\(CartCookieTests.cart); c=d"],
        ["a=b;cartid=\(CartCookieTests.cart)"], ["a=b", "cartid=\(CartCookieTests.cart)"],
        ["cartid=\(CartCookieTests.cart.uppercased())"],
        ["xcartid=x; cartid=\(CartCookieTests.cart)"],
    ])
    func `it is found among other cookies`(headers: [String]) async throws {
        let gateway = await gateway()
        let response = try await gateway.send(
            "GET", "/cart/", headers: headers.map { ("Cookie", $0) })
        #expect(gateway.log.asks.first.map { "\($0.cartID)" } == Self.cart)
        #expect(cookies(response).isEmpty)
    }

    @Test(arguments: [
        "", "cartid", "cartid=", "cartid=1", "cartid=guest", "CARTID=\(CartCookieTests.cart)",
        "cartid=\(CartCookieTests.cart)0", "cartid={\(CartCookieTests.cart)}",
        "cartid=\(CartCookieTests.cart.dropLast())\u{661}", "cartid=../\(CartCookieTests.cart)",
        "cartid=%33\(CartCookieTests.cart.dropFirst())", "cartid=\u{0}", ";;;===",
        String(repeating: "cartid;", count: 500),
    ])
    func `a cookie that is none of ours is replaced`(cookie: String) async throws {
        let gateway = await gateway()
        let response = try await gateway.send("GET", "/cart/", headers: [("Cookie", cookie)])
        #expect(response.status == 200)
        let cartID = try #require(gateway.log.asks.first?.cartID)
        #expect("\(cartID)" != Self.cart)
        #expect(cookies(response).first?.hasPrefix("cartid=\(cartID);") == true)
    }

    @Test func `a cart by its ID, and a user's, come without`() async throws {
        let gateway = await gateway()
        for target in ["/cart/byid/\(Self.cart)", "/cart/byid/\(Self.cart)/", "/cart?userID=u1"] {
            let response = try await gateway.send("GET", target)
            #expect(response.status == 200)
            #expect(cookies(response).isEmpty)
        }
        #expect(gateway.log.asks.map { "\($0.cartID)" }.dropLast() == [Self.cart, Self.cart])
    }

    @Test func `a bad request sets none`() async throws {
        let gateway = await gateway()
        for (method, target) in [
            ("GET", "/cart/?x=1"), ("GET", "/cart/add/%20"), ("POST", "/cart/"),
        ] {
            let response = try await gateway.send(method, target)
            #expect((400...415).contains(response.status))
            #expect(cookies(response).isEmpty)
        }
        #expect(gateway.log.requests.isEmpty)
    }

    @Test func `after a merge the browser's cart is the user's`() async throws {
        let gateway = await gateway()
        let json = [("Content-Type", "application/json"), ("Cookie", "cartid=\(Self.cart)")]
        let merged = try await gateway.send(
            "POST", "/cart/merge", headers: json, body: #"{"userID":"u1"}"#)
        let user = try Sample.user("u1")
        let request = try #require(gateway.log.asks.first)
        #expect(request.cartID == CartID(of: user) && request.userID == user)
        let guest = try #require(CartID(Self.cart))
        #expect(request.action == .command(MergeCart.from(guest)))
        #expect(
            cookies(merged).map { $0.split(separator: ";")[0] } == ["cartid=\(CartID(of: user))"])
        let byID = try await gateway.send(
            "POST", "/cart/byid/\(Self.cart)/merge", headers: json, body: #"{"userID":"u1"}"#)
        #expect(byID.status == 200 && cookies(byID).isEmpty)

        gateway.answerAll { Sample.outcome($0, .rejected, reason: .cartFull) }
        let refused = try await gateway.send(
            "POST", "/cart/merge", headers: json, body: #"{"userID":"u1"}"#)
        #expect(refused.status == 409 && cookies(refused).isEmpty, "it stays with its own")
    }

    @Test func `whoever waits for a merge is told to ask the user's cart`() async throws {
        let gateway = await GatewayFixture()
        async let merging = gateway.send(
            "POST", "/cart/merge",
            headers: [
                ("Content-Type", "application/json"), ("Cookie", "cartid=\(Self.cart)"),
                ("Idempotency-Key", "m1"),
            ], body: #"{"userID":"u1"}"#)
        try await eventually("the merge is on the log") { gateway.log.asks.count == 1 }
        await gateway.advance(by: .seconds(5))
        let later = try await merging
        let cartID = CartID(of: try Sample.user("u1"))
        #expect(later.status == 202)
        #expect(cookies(later).first?.hasPrefix("cartid=\(cartID);") == true)
        #expect(header(later, "Location") == "/cart/byid/\(cartID)/requests/m1")
    }
}
