package import CartDomain
package import Catalogue
package import Messages

/// Tells carts what the catalogue says.
package struct CatalogueOffers: OfferBook {
    private let catalogue: Catalogue

    package init(_ catalogue: Catalogue) { self.catalogue = catalogue }

    package func offer(of productCode: ProductCode) -> Offer? {
        catalogue.product(productCode).map { product in
            Offer(
                name: product.name, price: product.price, isActive: product.isActive,
                isDelivery: product.kind == .delivery)
        }
    }
}
