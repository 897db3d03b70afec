package import Messages

/// What somebody who runs the shop wants of a product.
package enum ProductChange: Hashable, Sendable {
    /// Let it be this, whatever it was.
    case put(ProductPatch)
    /// Change these fields of it.
    case patch(ProductPatch)
    /// Take it out of the catalogue.
    case remove

    /// What is to be written.
    package enum Decision: Hashable, Sendable {
        /// The product is so already.
        case unchanged
        /// Write the product with a new revision.
        case write(Product)
        /// Write that the product is gone, with a new revision.
        case remove
        /// There is no such product to be changed.
        case unknownProduct
    }

    /// Decides on the product as it stands, `nil` where there is none.
    package func decide(
        _ code: ProductCode, _ current: Product?
    ) throws(ProductFault) -> Decision {
        switch (self, current) {
        case (.put(let fields), nil): return .write(try fields.product(code))
        case (.put(let fields), let current?):
            var product = try fields.product(code)
            product.revision = current.revision
            return product == current ? .unchanged : .write(product)
        case (.patch(let fields), let current?):
            let product = try fields.applied(to: current)
            return product == current ? .unchanged : .write(product)
        case (.remove, .some): return .remove
        case (.patch, nil), (.remove, nil): return .unknownProduct
        }
    }
}
