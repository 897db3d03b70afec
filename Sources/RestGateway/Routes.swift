package import CartDomain

/// One thing that can be asked of the gateway over HTTP.
package struct Route: Sendable {
    /// What a route does.
    package enum Operation: String, CaseIterable, Sendable {
        case updateProduct, showUsersCart, addUsersItem, removeUsersItem, lookUpUsersRequest
        case showCart, dropCart, changeCart, lookUpRequest, openSession, showHistory
        case listProducts, showProduct, putProduct, patchProduct, removeProduct, loadProducts
        case showStock, test, live, ready, metrics, loadInventory
        case openAPI, asyncAPI, docs, docsFile
    }

    /// How the path tells which cart is meant.
    package enum Scope: String, CaseIterable, Sendable {
        /// Not at all: a cookie does.
        case cookie = "/cart"
        /// By its ID, the first argument.
        case byID = "/cart/byid/{cartID}"
    }

    /// A command and the route by which it is sent.
    package struct Command: Sendable {
        package let registered: any RegisteredCommand
        package let route: CommandRoute

        /// The fields that stand neither in the path nor in the route itself.
        var otherFields: [CommandField] {
            CommandInput(registered).fields.filter { field in
                route.fixed[field.name] == nil
                    && !route.pathFields.contains { $0 == field.name || $0 == field.alias }
            }
        }

        /// Whether a body tells them.
        var takesBody: Bool {
            ["POST", "PUT", "PATCH"].contains(route.method) && !otherFields.isEmpty
        }
    }

    package let method: String
    /// The path; a segment in braces stands for any text.
    package let pattern: String
    package let operation: Operation
    /// For the carts of shoppers.
    package let scope: Scope?
    /// For ``Operation/changeCart``.
    package let command: Command?

    init(
        _ method: String, _ pattern: String, _ operation: Operation, scope: Scope? = nil,
        command: Command? = nil
    ) {
        self.method = method
        self.pattern = pattern
        self.operation = operation
        self.scope = scope
        self.command = command
    }

    /// The paths that whoever runs the gateway asks; no rate limit hides its state from them.
    static let operatorPaths: Set<String> = ["/health/live", "/health/ready", "/metrics"]

    /// All routes of the gateway; of two that match a path, the first counts.
    package static let table =
        [
            Route("GET", "/cart/update-product", .updateProduct),
            Route("GET", "/cart", .showUsersCart),
            Route("POST", "/cart/items", .addUsersItem),
            Route("DELETE", "/cart/items/{productCode}", .removeUsersItem),
            Route("GET", "/requests/{requestID}", .lookUpUsersRequest),
            Route("GET", "/stock/{productCode}", .showStock),
            Route("GET", "/products", .listProducts),
            Route("GET", "/products/{productCode}", .showProduct),
            Route("PUT", "/products/{productCode}", .putProduct),
            Route("PATCH", "/products/{productCode}", .patchProduct),
            Route("DELETE", "/products/{productCode}", .removeProduct),
            Route("POST", "/migration/products", .loadProducts),
            Route("GET", "/test", .test),
            Route("GET", "/health/live", .live),
            Route("GET", "/health/ready", .ready),
            Route("GET", "/metrics", .metrics),
            Route("POST", "/migration/inventory", .loadInventory),
            Route("GET", "/openapi.json", .openAPI),
            Route("GET", "/asyncapi.json", .asyncAPI),
            Route("GET", "/docs", .docs),
            Route("GET", "/docs/{file}", .docsFile),
            Route("DELETE", "/cart/", .dropCart, scope: .cookie),
            Route("GET", "/cart/byid/{cartID}/history", .showHistory, scope: .byID),
        ] + Scope.allCases.flatMap(carts)

    private static func carts(_ scope: Scope) -> [Route] {
        func path(_ below: String) -> String {
            // The cart of the cookie has a slash at its end: without one, a user's cart is meant.
            scope == .byID && below == "/" ? scope.rawValue : scope.rawValue + below
        }
        let questions = [
            Route("GET", path("/"), .showCart, scope: scope),
            Route("GET", path("/session"), .openSession, scope: scope),
            Route("GET", path("/requests/{requestID}"), .lookUpRequest, scope: scope),
        ]
        let changes = CommandRegistry.commands.flatMap { command in
            command.specification.routes.map { route in
                Route(
                    route.method, path(route.path), .changeCart, scope: scope,
                    command: Command(registered: command, route: route))
            }
        }
        return questions + changes
    }
}

extension Route: Equatable {
    package static func == (left: Route, right: Route) -> Bool {
        left.method == right.method && left.pattern == right.pattern
    }
}
