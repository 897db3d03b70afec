package import Messages

/// Puts pieces into the cart, all or none.
package struct AddItem: CartCommand {
    package static var registration: KeyPath<CommandRegistry, Registered<Self>> { \.add }

    package static let specification = CommandSpecification(
        name: "add", summary: "Puts pieces of a product into the cart, all or none.",
        details: """
            The pieces are held for the cart. The request is pending until the inventory has answered.
            """,
        routes: [
            CommandRoute("POST", "/", requires: ["country"]),
            CommandRoute("GET", "/add/{sku}", fixed: ["quantity": .integer(1)]),
        ])

    package static let fields = [
        CommandField("productCode", alias: "sku", .productCode, "The product."),
        CommandField("quantity", .quantity, "How many pieces."),
        CommandField(
            "country", .country, isRequired: false, "Where the pieces are to go, by ISO 3166-1."),
        CommandField(
            "storeId", .storeID, isRequired: false, "The store that the pieces are to come from."),
    ]

    package let line: LineID
    package let quantity: Int
    package let country: Country?

    package init(_ line: LineID, quantity: Int, country: Country? = nil) {
        self.line = line
        self.quantity = quantity
        self.country = country
    }

    package init(_ values: FieldValues) throws(FieldProblem) {
        line = LineID(
            try values.required("productCode", \.productCode),
            storeID: try values.optional("storeId", \.storeID))
        quantity = try values.required("quantity", \.integer)
        country = try values.optional("country", \.country)
    }

    package var values: FieldValues {
        var values = FieldValues()
        values["productCode"] = .text(line.productCode.text)
        values["quantity"] = .integer(quantity)
        values["country"] = country.map { .text($0.code) }
        values["storeId"] = line.storeID.map { .text($0.text) }
        return values
    }

    package var earlyAsk: ProductCode? { line.productCode }

    package func decide(
        on cart: Cart, _ context: CommandContext
    ) throws(RejectionReason) -> [CartFact] {
        let request = try cart.addRequest(
            line, quantity: quantity, country: country, for: context.fingerprint, context)
        return [CartFact(context.requestID, .addRequested(request))]
    }
}
