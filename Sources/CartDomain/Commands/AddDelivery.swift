package import Messages

/// Has lines of the cart delivered by a provider.
package struct AddDelivery: CartCommand {
    package static var registration: KeyPath<CommandRegistry, Registered<Self>> { \.addDelivery }

    package static let specification = CommandSpecification(
        name: "add-delivery", summary: "Chooses a delivery for lines of the cart.",
        details: """
            The provider is a delivery in the catalogue, from where its price and name are taken. \
            Without items it delivers all lines that have no delivery yet; lines that are named and \
            have one change to the new one. A delivery goes with its last line.
            """,
        routes: [CommandRoute("POST", "/delivery")])

    package static let fields = [
        CommandField("provider", .productCode, "The delivery's code in the catalogue."),
        CommandField(
            "items", .list(.lineID, countMax: Cart.holdsMax), isRequired: false,
            "The lines; all without a delivery if there are none."),
    ]

    package let provider: ProductCode
    package let items: [LineID]

    package init(_ provider: ProductCode, items: [LineID] = []) {
        self.provider = provider
        self.items = items
    }

    package init(_ values: FieldValues) throws(FieldProblem) {
        provider = try values.required("provider", \.productCode)
        items = try values.optional("items", \.lineIDs) ?? []
    }

    package var values: FieldValues {
        var values = FieldValues()
        values["provider"] = .text(provider.text)
        if !items.isEmpty { values["items"] = .list(items.map { .text("\($0)") }) }
        return values
    }

    package func decide(
        on cart: Cart, _ context: CommandContext
    ) throws(RejectionReason) -> [CartFact] {
        guard let offer = context.offers.offer(of: provider), offer.isDelivery, offer.isActive,
            let price = offer.price
        else { throw .unknownProvider }
        if let currency = cart.currency, currency != price.currency { throw .currencyMismatch }
        let deliveries = cart[part: Deliveries.self]
        let present = cart.lines
        let lines: [LineID]
        if items.isEmpty {
            let delivered = Set(deliveries.deliveries.flatMap(\.lines))
            lines = present.filter { !delivered.contains($0) }
        } else {
            var named: Set<LineID> = []
            lines = items.filter { named.insert($0).inserted }
            if !named.isSubset(of: present) { throw .notInCart }
        }
        if lines.isEmpty { throw .noLines }
        let delivery = Deliveries.Delivery(
            id: deliveries.lastID + 1, provider: provider, name: offer.name, price: price,
            lines: lines)
        return [
            CartFact(
                context.requestID,
                .changed(AnyCartChange(Change(delivery: delivery), context.fingerprint)))
        ]
    }

    /// A delivery was chosen.
    package struct Change: CartChange {
        package typealias Part = Deliveries

        package static let type = "delivery-added"
        package static let summary = "A delivery was chosen for some lines."
        package static let fields = Deliveries.Delivery.fields

        let delivery: Deliveries.Delivery

        package init(delivery: Deliveries.Delivery) { self.delivery = delivery }

        package init(_ values: FieldValues) throws(FieldProblem) {
            delivery = try Deliveries.Delivery(values)
        }

        package var values: FieldValues { delivery.values }

        package func apply(to part: inout Deliveries) {
            let lines = Set(delivery.lines)
            for index in part.deliveries.indices {
                part.deliveries[index].lines.removeAll { lines.contains($0) }
            }
            part.deliveries.removeAll { $0.lines.isEmpty }
            part.deliveries.append(delivery)
            part.lastID = max(part.lastID, delivery.id)
        }
    }
}
