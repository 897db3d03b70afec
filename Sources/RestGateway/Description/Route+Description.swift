extension Route.Operation {
    /// What the documents say of it; an operation without a description does not build.
    package var description: OperationDescription {
        switch self {
        case .updateProduct: CartOperations.updateProduct
        case .showCart: CartOperations.showCart
        case .addItem: CartOperations.addItem
        case .removeItem: CartOperations.removeItem
        case .lookUpRequest: CartOperations.lookUpRequest
        case .showHistory: CartOperations.showHistory
        case .showStock: StockOperations.showStock
        case .loadInventory: StockOperations.loadInventory
        case .test: HealthOperations.test
        case .live: HealthOperations.live
        case .ready: HealthOperations.ready
        case .metrics: HealthOperations.metrics
        case .openAPI: DescriptionOperations.openAPI
        case .asyncAPI: DescriptionOperations.asyncAPI
        case .docs: DescriptionOperations.docs
        case .docsFile: DescriptionOperations.docsFile
        }
    }
}

extension Route {
    /// What the documents say of the route.
    package var description: OperationDescription { operation.description }

    /// What can go wrong here.
    package var problems: [Problem.Slug] {
        description.allProblems.filter { slug in
            slug != .rateLimited || !Self.operatorPaths.contains(pattern)
        }
    }
}
