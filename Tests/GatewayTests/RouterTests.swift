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
        ("GET", "/test", .test, []),
        ("GET", "/health/live", .live, []),
        ("GET", "/health/ready", .ready, []),
        ("GET", "/metrics", .metrics, []),
        ("POST", "/migration/inventory", .loadInventory, []),
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
            try router.match(method: "GET", path: "/cart/items/P1")
                == .otherMethods(["DELETE", "OPTIONS"]))
        #expect(
            try router.match(method: "get", path: "/test")
                == .otherMethods(["GET", "HEAD", "OPTIONS"]))
    }

    @Test(arguments: [
        "", "*", "cart", "/", "//cart", "/cart//", "/Cart", "/cart/items/P1/x", "/cart/items//",
        "/../cart", "/stock", "/stock/a/b", "/cart%2Fitems",
    ])
    func `there is nothing under other paths`(path: String) throws {
        #expect(try router.match(method: "GET", path: path) == .nothing)
    }

    @Test(arguments: ["/%", "/cart/items/%zz", "/stock/%00", "/stock/%C0%AF", "/stock/ä", "/a b"])
    func `a badly encoded path is refused`(path: String) {
        #expect(throws: Problem.self) { try router.match(method: "GET", path: path) }
    }
}
