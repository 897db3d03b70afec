package import Messages

/// Replaces what is in the cart.
package struct ReplaceItems: CartCommand {
    package static var registration: KeyPath<CommandRegistry, Registered<Self>> { \.replaceItems }

    /// How many lines one request may name.
    package static let itemsMax = 200

    package static let specification = CommandSpecification(
        name: "set", summary: "Replaces the contents of the cart.",
        details: """
            Lines that are not named leave the cart. Each item has an outcome of its own: one that is \
            rejected leaves its line as it was. The request is accepted once every item has its outcome.
            """,
        routes: [CommandRoute("POST", "/set")])

    package static let fields = [
        CommandField(
            "items",
            .list(
                .object([
                    CommandField("productCode", alias: "sku", .productCode, "The product."),
                    CommandField(
                        "quantity", .integer(QuantityLimits.held), "How many pieces there shall be."
                    ),
                    CommandField(
                        "country", .country, isRequired: false,
                        "Where the line's pieces are to go, by ISO 3166-1."),
                    CommandField(
                        "storeId", .storeID, isRequired: false,
                        "The store that the pieces are to come from."),
                ]), countMax: itemsMax),
            "What shall be in the cart, each line once.")
    ]

    /// A line as it shall be.
    package struct Item: Hashable, Sendable {
        package let line: LineID
        package let quantity: Int
        package let country: Country?

        package init(_ line: LineID, quantity: Int, country: Country? = nil) {
            self.line = line
            self.quantity = quantity
            self.country = country
        }
    }

    package let items: [Item]

    package init(_ items: [Item]) { self.items = items }

    package init(_ values: FieldValues) throws(FieldProblem) {
        items = try values.objects("items") { item throws(FieldProblem) in
            Item(
                LineID(
                    try item.required("productCode", \.productCode),
                    storeID: try item.optional("storeId", \.storeID)),
                quantity: try item.required("quantity", \.integer),
                country: try item.optional("country", \.country))
        }
        var lines: Set<LineID> = []
        for (index, item) in items.enumerated() where !lines.insert(item.line).inserted {
            throw FieldProblem("items[\(index)]", .invalid("names a line that is named before"))
        }
    }

    package var values: FieldValues {
        var values = FieldValues()
        values["items"] = .list(
            items.map { item in
                .object(AddItem(item.line, quantity: item.quantity, country: item.country).values)
            })
        return values
    }

    package func decide(
        on cart: Cart, _ context: CommandContext
    ) throws(RejectionReason) -> [CartFact] {
        let quantities = cart.quantities
        let limits = Dictionary(items.map { ($0.line, $0.quantity) }) { first, _ in first }
        let reductions = cart.reductions { limits[$0] ?? 0 }
        var removals: [CartFact] = []
        if !reductions.isEmpty {
            removals.append(
                CartFact(context.requestID.part(0), .removed(Removal(reductions, for: nil))))
        }
        // What leaves makes room, and may take its currency and its deliveries along.
        var draft = cart
        for event in cart.events(removals, context.now) { draft.evolve(event) }
        var outcomes: [ItemOutcome] = []
        var adds: [CartFact] = []
        var countries: [LineID: Country] = [:]
        for (index, item) in items.enumerated() {
            let present = quantities[item.line] ?? 0
            if present > 0, item.quantity > 0, let country = item.country,
                draft.country(of: item.line) != country
            {
                countries[item.line] = country
            }
            var outcome = ItemOutcome(line: item.line, quantity: item.quantity, .accepted)
            if item.quantity > present {
                do {
                    let part = context.requestID.part(index + 1)
                    let request = try draft.addRequest(
                        item.line, quantity: item.quantity - present, country: item.country,
                        for: nil, context)
                    draft.pending.append(
                        Cart.PendingAdd(
                            requestID: part, request: request, remaining: request.quantity))
                    adds.append(CartFact(part, .addRequested(request)))
                    outcome.status = .pending
                } catch {
                    outcome.status = .rejected
                    outcome.reason = error
                }
            }
            outcomes.append(outcome)
        }
        let group = ItemGroup(
            fingerprint: context.fingerprint, items: outcomes,
            replyPartition: context.replyPartition)
        let moves =
            countries.isEmpty
            ? [] : [CartFact(context.requestID.part(0), .countriesSet(countries))]
        return [CartFact(context.requestID, .itemsRequested(group))] + removals + moves + adds
    }
}
