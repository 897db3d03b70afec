extension Route {
    /// What the documents say of the route; an operation without a description does not build.
    package var description: OperationDescription {
        switch operation {
        case .updateProduct: UserCartOperations.updateProduct
        case .showUsersCart: UserCartOperations.show
        case .addUsersItem: UserCartOperations.addItem
        case .removeUsersItem: UserCartOperations.removeItem
        case .lookUpUsersRequest: UserCartOperations.lookUpRequest
        case .showCart: carts.show
        case .dropCart: carts.drop
        case .changeCart: changesCart
        case .lookUpRequest: carts.lookUpRequest
        case .openSession: carts.openSession
        case .showHistory: carts.history
        case .listProducts: CatalogueOperations.list
        case .showProduct: CatalogueOperations.show
        case .putProduct: CatalogueOperations.put
        case .patchProduct: CatalogueOperations.patch
        case .removeProduct: CatalogueOperations.remove
        case .loadProducts: CatalogueOperations.load
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

    /// What can go wrong here.
    package var problems: [Problem.Slug] {
        description.allProblems.filter { slug in
            slug != .rateLimited || !Self.operatorPaths.contains(pattern)
        }
    }

    private var carts: CartOperations { CartOperations(scope: scope ?? .cookie) }

    private var changesCart: OperationDescription {
        guard let command else {
            preconditionFailure("a route that changes carts has a command")
        }
        return carts.change(command)
    }
}
