import Catalogue
import Messages
import Synchronization
import Testing
import WebServer

@testable import RestGateway

struct ProductTests {
    private let token = ("Authorization", "Bearer secret")
    private let json = ("Content-Type", "application/json")
    private let drill = #"""
        {"name":"Drill","description":"Two gears.","price":{"minorUnits":129900,"currency":"SEK",
        "vatRate":2500},"images":["/images/drill.jpg"],"attributes":{"color":"red"}}
        """#
    private let drillRead =
        #""productCode":"HRD001","name":"Drill","description":"Two gears.","#
        + #""price":{"minorUnits":129900,"currency":"SEK","vatRate":2500},"#
        + #""images":["/images/drill.jpg"],"attributes":{"color":"red"},"active":true,"#
        + #""kind":"goods","revision":1"#

    private func put(
        _ gateway: GatewayFixture, _ code: String, _ body: String
    ) async throws -> HTTPResponse {
        try await gateway.send("PUT", "/products/\(code)", headers: [token, json], body: body)
    }

    @Test func `a product is created, replaced and told`() async throws {
        let stock = FakeStock(products: [
            "HRD001": Stock(
                code: ProductCode("HRD001")!, name: "x", quantity: 9, held: 2, available: 7)
        ])
        let gateway = await GatewayFixture(stock: stock)
        let created = try await put(gateway, "HRD001", drill)
        #expect(created.status == 201)
        #expect(header(created, "ETag") == "W/\"1\"")
        #expect(header(created, "Location") == "/products/HRD001")
        #expect(text(created) == "{\(drillRead)}")

        let again = try await put(gateway, "HRD001", drill)
        #expect(again.status == 200)
        #expect(header(again, "ETag") == "W/\"1\"", "nothing was changed")

        let shown = try await gateway.send("GET", "/products/HRD001")
        #expect(shown.status == 200)
        #expect(header(shown, "Cache-Control") == "no-cache")
        #expect(
            text(shown) == #"{\#(drillRead),"availability":{"state":"known","available":7}}"#)

        let replaced = try await put(gateway, "HRD001", #"{"name":"Saw","productCode":"HRD001"}"#)
        #expect(replaced.status == 200)
        #expect(
            text(replaced)
                == #"{"productCode":"HRD001","name":"Saw","description":"","images":[],"#
                + #""attributes":{},"active":true,"kind":"goods","revision":2}"#)
    }

    @Test func `a product that did not change is not told again`() async throws {
        let gateway = await GatewayFixture()
        _ = try await put(gateway, "P", drill)
        for condition in ["W/\"1\"", "\"1\"", "*", "\"7\", W/\"1\" ", "\"7\",\t\"1\""] {
            let response = try await gateway.send(
                "GET", "/products/P", headers: [("If-None-Match", condition)])
            #expect(response.status == 304, "\(condition)")
            #expect(header(response, "ETag") == "W/\"1\"")
            #expect(response.body.isEmpty)
        }
        for condition in ["W/\"2\"", "\"\"", "1", ""] {
            let response = try await gateway.send(
                "GET", "/products/P", headers: [("If-None-Match", condition)])
            #expect(response.status == 200, "\(condition)")
        }
    }

    @Test func `a stock that cannot be read does not hide the product`() async throws {
        let away = await GatewayFixture(stock: FakeStock(isAway: true))
        _ = try await put(away, "P", drill)
        let unknown = try await away.send("GET", "/products/P")
        #expect(unknown.status == 200)
        #expect(text(unknown).hasSuffix(#","availability":{"state":"unknown"}}"#))
        let without = await GatewayFixture()
        _ = try await put(without, "P", drill)
        let notStocked = try await without.send("GET", "/products/P")
        #expect(text(notStocked).hasSuffix(#","availability":{"state":"not-stocked"}}"#))
    }

    @Test(arguments: ["application/json", "application/merge-patch+json"])
    func `a patch changes what it names`(type: String) async throws {
        let gateway = await GatewayFixture()
        _ = try await put(gateway, "HRD001", drill)
        let patched = try await gateway.send(
            "PATCH", "/products/HRD001", headers: [token, ("Content-Type", type)],
            body: #"{"name":"Saw","price":null,"attributes":{"color":null,"size":"L"}}"#)
        #expect(patched.status == 200)
        #expect(
            text(patched)
                == #"{"productCode":"HRD001","name":"Saw","description":"Two gears.","#
                + #""images":["/images/drill.jpg"],"attributes":{"size":"L"},"active":true,"#
                + #""kind":"goods","revision":2}"#)
        let unknown = try await gateway.send(
            "PATCH", "/products/OTHER", headers: [token, json], body: "{}")
        #expect(unknown.status == 404)
    }

    @Test func `a product that is taken out is gone`() async throws {
        let gateway = await GatewayFixture()
        _ = try await put(gateway, "P", drill)
        let removed = try await gateway.send("DELETE", "/products/P", headers: [token])
        #expect(removed.status == 204)
        #expect(removed.body.isEmpty)
        for method in ["GET", "DELETE"] {
            let response = try await gateway.send(method, "/products/P", headers: [token])
            #expect(response.status == 404)
            #expect(text(response).contains("unknown-product"))
        }
    }

    @Test func `only who has the token changes products`() async throws {
        let gateway = await GatewayFixture()
        let calls = [
            ("PUT", "/products/P"), ("PATCH", "/products/P"), ("DELETE", "/products/P"),
            ("POST", "/migration/products"),
        ]
        for (method, path) in calls {
            for headers in [[json], [json, ("Authorization", "Bearer wrong")]] {
                let response = try await gateway.send(method, path, headers: headers, body: drill)
                #expect(response.status == 401, "\(method) \(path)")
            }
        }
        let closed = await GatewayFixture(adminToken: nil)
        for (method, path) in calls {
            let response = try await closed.send(method, path, headers: [token, json], body: drill)
            #expect(response.status == 403)
        }
    }

    @Test(arguments: [
        (#"{}"#, "missing-field"), (#"{"name":"n","revision":3}"#, "unknown-field"),
        (#"{"name":"n","x":1}"#, "unknown-field"), (#"{"name":"n","name":"m"}"#, "invalid-json"),
        (#"{"name":""}"#, "invalid-field"), (#"{"name":"n","productCode":"Q"}"#, "invalid-field"),
        (#"{"name":"n","images":["javascript:x"]}"#, "invalid-field"), ("", "invalid-json"),
        (
            #"{"name":"n","price":{"minorUnits":9007199254740993,"currency":"SEK","vatRate":0}}"#,
            "invalid-field"
        ),
    ])
    func `a product that breaks a rule is refused`(body: String, slug: String) async throws {
        let gateway = await GatewayFixture()
        let response = try await put(gateway, "P", body)
        #expect(response.status == 400)
        #expect(text(response).contains(#""slug":"\#(slug)""#), "\(text(response))")
        #expect(gateway.products.catalogue.count == 0)
    }

    @Test func `other bodies and codes are refused`() async throws {
        let gateway = await GatewayFixture { $0.jsonBytesMax = 100 }
        let type = try await gateway.send(
            "PUT", "/products/P", headers: [token, ("Content-Type", "text/csv")], body: drill)
        #expect(type.status == 415)
        let merge = ("Content-Type", "application/merge-patch+json")
        let patch = try await gateway.send(
            "PUT", "/products/P", headers: [token, merge], body: #"{"name":"n"}"#)
        #expect(patch.status == 415)
        #expect(try await put(gateway, "P", drill).status == 413)
        #expect(try await put(gateway, "a%20b", #"{"name":"n"}"#).status == 400)
        #expect(try await gateway.send("GET", "/products/a%2Fb").status == 400)
        #expect(try await gateway.send("GET", "/products/P?x=1").status == 400)
    }

    @Test func `trouble with the record is told, and loading is waited for`() async throws {
        let gateway = await GatewayFixture()
        gateway.products.setAway(true)
        let response = try await put(gateway, "P", drill)
        #expect(response.status == 503)
        #expect(text(response).contains("catalogue-unavailable"))
        #expect(header(response, "Retry-After") == "1")
        gateway.products.setLoaded(false)
        for target in ["/products", "/products/P"] {
            let response = try await gateway.send("GET", target)
            #expect(response.status == 503)
            #expect(text(response).contains("catalogue-unavailable"))
        }
    }

    @Test func `products are loaded as inventories are`() async throws {
        let gateway = await GatewayFixture()
        let csv = ("Content-Type", "text/csv")
        let path = "/migration/products"
        let loaded = try await gateway.send("POST", path, headers: [token, csv], body: "x")
        #expect(loaded.status == 200)
        #expect(gateway.products.inventory.state.withLock { $0.fed } == [Array("x".utf8)])
        #expect(gateway.inventory.state.withLock { $0.fed }.isEmpty)
        gateway.products.inventory.state.withLock { state in
            state.refusal = LoadRefusal(errors: [.init(line: 7, reason: "is wrong")])
        }
        let refused = try await gateway.send("POST", path, headers: [token, csv], body: "x")
        #expect(refused.status == 422)
        #expect(text(refused).contains(#""slug":"invalid-products""#))
        #expect(text(refused).contains(#""errors":[{"line":7,"reason":"is wrong"}]"#))
        gateway.products.inventory.state.withLock { $0.isAway = true }
        let away = try await gateway.send("POST", path, headers: [token, csv], body: "x")
        #expect(away.status == 503)
        #expect(text(away).contains("catalogue-unavailable"))
    }

    private func found(_ gateway: GatewayFixture, _ query: String) async throws -> [String] {
        let response = try await gateway.send("GET", "/products\(query)")
        #expect(response.status == 200, "\(text(response))")
        return text(response).split(separator: #""productCode":""#).dropFirst()
            .map { String($0.prefix { $0 != "\"" }) }
    }

    @Test func `products are searched, filtered, sorted and paged`() async throws {
        let gateway = await GatewayFixture()
        func product(
            _ code: String, _ name: String, _ price: Int, _ color: String, _ others: String = ""
        ) async throws {
            let response = try await put(
                gateway, code,
                #"{"name":"\#(name)","price":{"minorUnits":\#(price),"currency":"SEK","#
                    + #""vatRate":2500},"attributes":{"color":"\#(color)","x":"1"}\#(others)}"#)
            #expect(response.status == 201)
        }
        try await product("A1", "Drill", 300, "red")
        try await product("A2", "Hammer", 100, "blue")
        try await product("B1", "Drill bit", 200, "red")
        try await product("B2", "Old drill", 50, "red", #","active":false"#)
        try await product("POST", "Parcel", 49, "none", #","kind":"delivery""#)
        let cases = [
            ("", ["A1", "A2", "B1", "POST"]), ("?kind=goods", ["A1", "A2", "B1"]),
            ("?kind=delivery", ["POST"]), ("?active=false", ["B2"]),
            ("?active=any&order=desc", ["POST", "B2", "B1", "A2", "A1"]),
            ("?q=DRILL%20b", ["B1"]), ("?q=drill", ["A1", "B1"]), ("?prefix=A", ["A1", "A2"]),
            ("?prefix=a", []), ("?sort=price", ["POST", "A2", "B1", "A1"]),
            ("?sort=price&order=desc&limit=2", ["A1", "B1"]),
            ("?sort=price&order=desc&limit=2&offset=2", ["A2", "POST"]),
            ("?priceFrom=100&priceTo=200&sort=name", ["B1", "A2"]),
            ("?attribute=color:red&attribute=x:1", ["A1", "B1"]),
            ("?attribute=color:red&attribute=x:2", []), ("?currency=EUR", []),
            ("?after=A2", ["B1", "POST"]),
        ]
        for (query, expected) in cases {
            #expect(try await found(gateway, query) == expected, "\(query)")
        }
        let page = try await gateway.send("GET", "/products?limit=1&offset=9")
        #expect(text(page) == #"{"products":[],"total":4,"offset":9,"limit":1}"#)
    }

    @Test(arguments: [
        "limit=0", "limit=201", "limit=x", "offset=-1", "offset=10001", "kind=x", "currency=sek",
        "priceFrom=1.5", "priceTo=1000000001", "attribute=color", "attribute=:x",
        "attribute=a:", "attribute=a:1&attribute=a:2", "active=1", "sort=weight", "order=up",
        "after=%20", "after=A&sort=name", "after=A&q=x", "prefix=%20", "prefix=", "q=a&q=b",
        "what=1", "q=a%20b%20c%20d%20e%20f%20g%20h%20i%20j%20k%20l%20m%20n%20o%20p%20q",
    ])
    func `a query that breaks a rule is refused`(query: String) async throws {
        let gateway = await GatewayFixture()
        let response = try await gateway.send("GET", "/products?\(query)")
        #expect(response.status == 400, "\(query)")
        #expect(text(response).contains(#""parameter":""#), "\(text(response))")
    }
}
