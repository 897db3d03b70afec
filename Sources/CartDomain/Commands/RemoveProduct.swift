package import Messages

/// Takes pieces of a product out of the cart, whatever lines they are on.
package struct RemoveProduct: CartCommand {
    package static var registration: KeyPath<CommandRegistry, Registered<Self>> { \.remove }

    package static let specification = CommandSpecification(
        name: "remove", summary: "Takes pieces of a product out of the cart.",
        details: """
            The newest pieces go first, those that are pending last. More pieces than there are is \
            not-in-cart. A pending request that loses all its pieces is cancelled.
            """,
        routes: [])

    package static let fields = [
        CommandField("productCode", alias: "sku", .productCode, "The product."),
        CommandField(
            "quantity", .quantity, isRequired: false, "How many pieces; all of them without it."),
    ]

    package let productCode: ProductCode
    package let quantity: Int?

    package init(_ productCode: ProductCode, quantity: Int?) {
        self.productCode = productCode
        self.quantity = quantity
    }

    package init(_ values: FieldValues) throws(FieldProblem) {
        productCode = try values.required("productCode", \.productCode)
        quantity = try values.optional("quantity", \.integer)
    }

    package var values: FieldValues {
        var values = FieldValues()
        values["productCode"] = .text(productCode.text)
        values["quantity"] = quantity.map { .integer($0) }
        return values
    }

    package func decide(
        on cart: Cart, _ context: CommandContext
    ) throws(RejectionReason) -> [CartFact] {
        let removal = try cart.removal(of: quantity, for: context.fingerprint) {
            $0.productCode == productCode
        }
        return [CartFact(context.requestID, .removed(removal))]
    }
}
