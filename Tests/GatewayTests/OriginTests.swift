import Testing
import WebServer

@testable import RestGateway

/// Pages of other origins, and whose websockets they may open.
struct OriginTests {
    private static let shop = "https://shop.example"

    private func gateway(_ origins: String...) async throws -> GatewayFixture {
        let allowed = try origins.map { try #require(WebOrigin($0)) }
        let gateway = await GatewayFixture { $0.allowedOrigins = Set(allowed) }
        gateway.answerAll { Sample.outcome($0) }
        return gateway
    }

    private func headers(_ response: HTTPResponse) -> [String: String] {
        Dictionary(response.headers, uniquingKeysWith: { "\($0), \($1)" })
    }

    private func upgrade(
        _ gateway: GatewayFixture, _ headers: [(String, String)]
    ) async -> HTTPAnswer {
        await gateway.gateway.handler.handle(
            HTTPRequest(
                method: "GET", target: "/cart/update-product?userID=u1&quantity=0",
                headers: HTTPHeaders([("Host", "gateway.example:8080")] + headers),
                isWebSocketUpgrade: true))
    }

    @Test(arguments: [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://shop.example:443", "http://shop.example:443"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("*", "*"),
    ])
    func `an origin is a scheme, a host and perhaps a port`(text: String, shown: String) {
        #expect(WebOrigin(text)?.text == shown)
    }

    @Test(arguments: [
        "", "null", "shop.example", "https://", "://shop.example", "https://shop.example/",
        "https://u@shop.example", "https://shop.example?x", "https://*.example", "1a://x",
        "https://shop.example https://b", "https://shöp.example", "**",
    ])
    func `what is no origin is refused`(text: String) {
        #expect(WebOrigin(text) == nil)
    }

    @Test func `without a setting nobody is granted anything`() async throws {
        let gateway = try await gateway()
        for method in ["GET", "OPTIONS"] {
            let response = try await gateway.send(
                method, "/cart?userID=u1",
                headers: [("Origin", Self.shop), ("Access-Control-Request-Method", "GET")])
            #expect(!response.headers.contains { $0.0.hasPrefix("Access-Control") })
            #expect(headers(response)["Vary"] == nil)
        }
    }

    @Test func `an allowed origin may read answers, errors too; another may not`() async throws {
        let gateway = try await gateway(Self.shop, "http://localhost:3000")
        for (target, status) in [("/cart?userID=u1", 200), ("/nothing", 404), ("/cart", 400)] {
            let response = try await gateway.send(
                "GET", target, headers: [("Origin", "HTTPS://shop.example:443")])
            #expect(response.status == status)
            #expect(
                headers(response)["Access-Control-Allow-Origin"] == "HTTPS://shop.example:443")
            #expect(headers(response)["Vary"] == "Origin")
            #expect(
                headers(response)["Access-Control-Expose-Headers"]?.contains("Retry-After") == true)
        }
        for origins in [[], ["https://evil.example"], ["null"], ["*"], [Self.shop, Self.shop]] {
            let response = try await gateway.send(
                "GET", "/cart?userID=u1", headers: origins.map { ("Origin", $0) })
            #expect(response.status == 200)
            #expect(headers(response)["Access-Control-Allow-Origin"] == nil)
            #expect(headers(response)["Vary"] == "Origin", "a cache must tell them apart")
        }
    }

    @Test func `a star allows every origin, and no cache has to tell them apart`() async throws {
        let gateway = try await gateway("*")
        for origin in [Self.shop, "null"] {
            let response = try await gateway.send(
                "GET", "/cart?userID=u1", headers: [("Origin", origin)])
            #expect(headers(response)["Access-Control-Allow-Origin"] == "*")
            #expect(headers(response)["Vary"] == nil)
        }
    }

    @Test func `cookies go with origins that are named, never with all`() async throws {
        let named = try await gateway(Self.shop)
        let open = try await gateway("*")
        for (method, target) in [
            ("GET", "/cart/"), ("DELETE", "/cart/P1"), ("GET", "/cart/add/P1"), ("GET", "/nothing"),
            ("OPTIONS", "/cart/"),
        ] {
            let ask = [("Origin", Self.shop), ("Access-Control-Request-Method", "POST")]
            let granted = headers(try await named.send(method, target, headers: ask))
            #expect(granted["Access-Control-Allow-Origin"] == Self.shop, "\(target)")
            #expect(granted["Access-Control-Allow-Credentials"] == "true", "\(target)")
            let toAll = headers(try await open.send(method, target, headers: ask))
            #expect(toAll["Access-Control-Allow-Origin"] == "*")
            #expect(toAll["Access-Control-Allow-Credentials"] == nil)
            for origin in ["https://evil.example", "null", "https://shop.example.evil"] {
                let foreign = try await named.send(
                    method, target,
                    headers: [("Origin", origin), ("Access-Control-Request-Method", "POST")])
                #expect(!foreign.headers.contains { $0.0.hasPrefix("Access-Control") })
            }
        }
        #expect(CrossOriginPolicy.requestHeaders.contains("If-Match"))
        #expect(CrossOriginPolicy.responseHeaders.contains("ETag"))
    }

    @Test func `a preflight is told the path's methods and the headers that are read`()
        async throws
    {
        let gateway = try await gateway(Self.shop)
        let response = try await gateway.send(
            "OPTIONS", "/cart/items",
            headers: [
                ("Origin", Self.shop), ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", "content-type, idempotency-key"),
            ])
        #expect(response.status == 204 && response.body.isEmpty)
        let fields = headers(response)
        #expect(fields["Access-Control-Allow-Origin"] == Self.shop)
        #expect(fields["Access-Control-Allow-Methods"] == "POST, DELETE, OPTIONS")
        #expect(fields["Access-Control-Allow-Methods"] == fields["Allow"])
        #expect(
            fields["Access-Control-Allow-Headers"]
                == CrossOriginPolicy.requestHeaders)
        #expect(fields["Access-Control-Max-Age"] == "600")

        let foreign = try await gateway.send(
            "OPTIONS", "/cart/items",
            headers: [
                ("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST"),
            ])
        #expect(foreign.status == 204)
        #expect(!foreign.headers.contains { $0.0.hasPrefix("Access-Control") })
        let nowhere = try await gateway.send(
            "OPTIONS", "/nothing",
            headers: [("Origin", Self.shop), ("Access-Control-Request-Method", "POST")])
        #expect(nowhere.status == 404)
        #expect(headers(nowhere)["Access-Control-Allow-Methods"] == nil)
    }

    @Test(arguments: [
        [], ["http://gateway.example:8080"], ["https://gateway.example:8080"],
        ["HTTP://GATEWAY.example:8080"], [OriginTests.shop],
    ])
    func `a websocket is opened by the own pages, allowed ones, and no browser`(
        origins: [String]
    ) async throws {
        let gateway = try await gateway(Self.shop)
        guard case .webSocket = await upgrade(gateway, origins.map { ("Origin", $0) }) else {
            Issue.record("refused")
            return
        }
    }

    @Test(arguments: [
        ["https://evil.example"], ["null"], [""], ["*"], ["https://shop.example.evil"],
        ["http://shop.example"], ["https://shop.example/"], ["http://gateway.example"],
        ["http://gateway.example:80801"], [OriginTests.shop, OriginTests.shop],
    ])
    func `a websocket that a foreign page opens is refused`(origins: [String]) async throws {
        let gateway = try await gateway(Self.shop)
        guard
            case .response(let response) = await upgrade(gateway, origins.map { ("Origin", $0) })
        else {
            Issue.record("upgraded")
            return
        }
        #expect(response.status == 403)
        #expect(headers(response)["Content-Type"] == "application/problem+json")
        #expect(
            String(decoding: response.body, as: UTF8.self)
                .contains(#""slug":"origin-not-allowed""#))
    }

    @Test func `the port that a scheme implies may be left out of Host or Origin`() throws {
        let secure = try #require(WebOrigin("https://gateway.example"))
        #expect(secure.isServed(by: "gateway.example"))
        #expect(secure.isServed(by: "gateway.example:443"))
        #expect(!secure.isServed(by: "gateway.example:80"))
        #expect(!WebOrigin.any.isServed(by: ""))
    }
}
