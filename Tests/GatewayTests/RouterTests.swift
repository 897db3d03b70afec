import Testing

@testable import RestGateway

struct RouterTests {
    private let router = Router()

    @Test(arguments: [
        ("GET", "/cart/update-product", Route.Operation.updateProduct, []),
        ("GET", "/cart", .showUsersCart, []),
        ("HEAD", "/cart", .showUsersCart, []),
        ("GET", "/c%61rt", .showUsersCart, []),
        ("POST", "/cart/items", .addUsersItem, []),
        ("DELETE", "/cart/items/P1", .removeUsersItem, ["P1"]),
        ("GET", "/requests/r%3A1", .lookUpUsersRequest, ["r:1"]),
        ("GET", "/stock/P%31", .showStock, ["P1"]),
        ("GET", "/cart/byid/x/history", .showHistory, ["x"]),
        ("GET", "/products", .listProducts, []),
        ("GET", "/products/P1", .showProduct, ["P1"]),
        ("PUT", "/products/P1", .putProduct, ["P1"]),
        ("PATCH", "/products/P1", .patchProduct, ["P1"]),
        ("DELETE", "/products/P1", .removeProduct, ["P1"]),
        ("POST", "/migration/products", .loadProducts, []),
        ("GET", "/test", .test, []),
        ("GET", "/health/live", .live, []),
        ("GET", "/health/ready", .ready, []),
        ("GET", "/metrics", .metrics, []),
        ("POST", "/migration/inventory", .loadInventory, []),
        ("GET", "/openapi.json", .openAPI, []),
        ("GET", "/asyncapi.json", .asyncAPI, []),
        ("GET", "/docs", .docs, []),
        ("GET", "/docs/docs.js", .docsFile, ["docs.js"]),
        ("GET", "/cart/", .showCart, []),
        ("HEAD", "/cart/", .showCart, []),
        ("DELETE", "/cart/", .dropCart, []),
        ("POST", "/cart/", .changeCart, []),
        ("PUT", "/cart/", .changeCart, []),
        ("GET", "/cart/add/P%31", .changeCart, ["P1"]),
        ("DELETE", "/cart/items", .changeCart, ["items"]),
        ("DELETE", "/cart/P1%40S1", .changeCart, ["P1@S1"]),
        ("POST", "/cart/set", .changeCart, []),
        ("POST", "/cart/merge", .changeCart, []),
        ("POST", "/cart/delivery", .changeCart, []),
        ("DELETE", "/cart/delivery", .changeCart, ["delivery"]),
        ("DELETE", "/cart/delivery/7", .changeCart, ["7"]),
        ("PUT", "/cart/delivery/7/pickupPoint", .changeCart, ["7"]),
        ("GET", "/cart/session", .openSession, []),
        ("GET", "/cart/requests/r1", .lookUpRequest, ["r1"]),
        ("GET", "/cart/byid/x", .showCart, ["x"]),
        ("GET", "/cart/byid/x/", .showCart, ["x"]),
        ("POST", "/cart/byid/x", .changeCart, ["x"]),
        ("POST", "/cart/byid/x/", .changeCart, ["x"]),
        ("PUT", "/cart/byid/x/", .changeCart, ["x"]),
        ("GET", "/cart/byid/x/add/P1", .changeCart, ["x", "P1"]),
        ("DELETE", "/cart/byid/x/P1", .changeCart, ["x", "P1"]),
        ("DELETE", "/cart/byid/x/delivery/7", .changeCart, ["x", "7"]),
        ("GET", "/cart/byid/x/session", .openSession, ["x"]),
        ("GET", "/cart/byid/x/requests/r1", .lookUpRequest, ["x", "r1"]),
    ])
    func `every operation has its path`(
        method: String, path: String, operation: Route.Operation, arguments: [String]
    ) throws {
        guard case .route(let route, let found) = try router.match(method: method, path: path)
        else {
            Issue.record("there is nothing under \(path)")
            return
        }
        #expect(route.operation == operation)
        #expect(found == arguments)
    }

    @Test func `every operation stands in the table, and every route once`() {
        #expect(Set(Route.table.map(\.operation)) == Set(Route.Operation.allCases))
        #expect(Set(Route.table.map { $0.method + $0.pattern }).count == Route.table.count)
    }

    @Test func `another method gets those that the path has`() throws {
        #expect(
            try router.match(method: "PUT", path: "/cart")
                == .otherMethods(["GET", "HEAD", "OPTIONS"]))
        #expect(
            try router.match(method: "PATCH", path: "/cart/")
                == .otherMethods(["DELETE", "GET", "HEAD", "POST", "PUT", "OPTIONS"]))
        #expect(
            try router.match(method: "HEAD", path: "/cart/add/P1")
                == .otherMethods(["GET", "OPTIONS"]))
        #expect(
            try router.match(method: "GET", path: "/cart/items/P1")
                == .otherMethods(["DELETE", "OPTIONS"]))
        #expect(
            try router.match(method: "get", path: "/test")
                == .otherMethods(["GET", "HEAD", "OPTIONS"]))
    }

    @Test(arguments: [
        "", "*", "cart", "/", "//cart", "/cart//", "/Cart", "/cart/items/P1/x", "/cart/items//",
        "/../cart", "/stock", "/stock/a/b", "/cart%2Fitems", "/cart/byid/", "/cart/byid//",
        "/cart/byid/x//", "/cart/byid/x/history/", "/cart/byid//history", "/cart/add/",
        "/cart/%2F/",
        "/cart/session/", "/cart/delivery/1/pickupPoint/",
    ])
    func `there is nothing under other paths`(path: String) throws {
        #expect(try router.match(method: "GET", path: path) == .nothing)
    }

    @Test(arguments: ["/%", "/cart/items/%zz", "/stock/%00", "/stock/%C0%AF", "/stock/ä", "/a b"])
    func `a badly encoded path is refused`(path: String) {
        #expect(throws: Problem.self) { try router.match(method: "GET", path: path) }
    }
}
