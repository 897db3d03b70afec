/// One thing that can be asked of the gateway over HTTP.
package struct Route: Hashable, Sendable {
    /// What a route does.
    package enum Operation: String, CaseIterable, Sendable {
        case updateProduct, showCart, addItem, removeItem, lookUpRequest, showStock, showHistory
        case test, live, ready, metrics, loadInventory
        case openAPI, asyncAPI, docs, docsFile
    }

    package let method: String
    /// The path; a segment in braces stands for any text.
    package let pattern: String
    package let operation: Operation

    /// The paths that whoever runs the gateway asks; no rate limit hides its state from them.
    static let operatorPaths: Set<String> = ["/health/live", "/health/ready", "/metrics"]

    /// All routes of the gateway.
    package static let table = [
        Route(method: "GET", pattern: "/cart/update-product", operation: .updateProduct),
        Route(method: "GET", pattern: "/cart", operation: .showCart),
        Route(method: "POST", pattern: "/cart/items", operation: .addItem),
        Route(method: "DELETE", pattern: "/cart/items/{productCode}", operation: .removeItem),
        Route(method: "GET", pattern: "/cart/byid/{cartID}/history", operation: .showHistory),
        Route(method: "GET", pattern: "/requests/{requestID}", operation: .lookUpRequest),
        Route(method: "GET", pattern: "/stock/{productCode}", operation: .showStock),
        Route(method: "GET", pattern: "/test", operation: .test),
        Route(method: "GET", pattern: "/health/live", operation: .live),
        Route(method: "GET", pattern: "/health/ready", operation: .ready),
        Route(method: "GET", pattern: "/metrics", operation: .metrics),
        Route(method: "POST", pattern: "/migration/inventory", operation: .loadInventory),
        Route(method: "GET", pattern: "/openapi.json", operation: .openAPI),
        Route(method: "GET", pattern: "/asyncapi.json", operation: .asyncAPI),
        Route(method: "GET", pattern: "/docs", operation: .docs),
        Route(method: "GET", pattern: "/docs/{file}", operation: .docsFile),
    ]
}
