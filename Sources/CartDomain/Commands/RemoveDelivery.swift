package import Messages

/// Takes a delivery back; what happens is what was asked.
package struct RemoveDelivery: CartCommand, CartChange {
    package typealias Change = Self
    package typealias Part = Deliveries

    package static var registration: KeyPath<CommandRegistry, Registered<Self>> {
        \.removeDelivery
    }

    package static let specification = CommandSpecification(
        name: "remove-delivery", summary: "Takes a delivery back; its lines stay in the cart.",
        routes: [CommandRoute("DELETE", "/delivery/{deliveryID}")])

    package static let type = "delivery-removed"
    package static let summary = "A delivery was taken back."

    package static let fields = [Deliveries.idField]

    package let deliveryID: Int

    package init(_ deliveryID: Int) { self.deliveryID = deliveryID }

    package init(_ values: FieldValues) throws(FieldProblem) {
        deliveryID = try values.required("deliveryID", \.integer)
    }

    package var values: FieldValues {
        var values = FieldValues()
        values["deliveryID"] = .integer(deliveryID)
        return values
    }

    package func decide(
        on cart: Cart, _ context: CommandContext
    ) throws(RejectionReason) -> [CartFact] {
        _ = try cart[part: Deliveries.self].index(of: deliveryID)
        return [
            CartFact(context.requestID, .changed(AnyCartChange(self, context.fingerprint)))
        ]
    }

    package func apply(to part: inout Deliveries) {
        part.deliveries.removeAll { $0.id == deliveryID }
    }
}
