package import Messages

/// Says where a delivery is fetched; what happens is what was asked.
package struct SetPickupPoint: CartCommand, CartChange {
    package typealias Change = Self
    package typealias Part = Deliveries

    package static var registration: KeyPath<CommandRegistry, Registered<Self>> {
        \.setPickupPoint
    }

    package static let specification = CommandSpecification(
        name: "set-pickup-point", summary: "Says where a delivery is fetched.",
        routes: [CommandRoute("PUT", "/delivery/{deliveryID}/pickupPoint")])

    package static let type = "pickup-point-set"
    package static let summary = "It was said where a delivery is fetched."

    package static let fields = [Deliveries.idField] + PickupPoint.fields

    package let deliveryID: Int
    package let pickupPoint: PickupPoint

    package init(_ deliveryID: Int, _ pickupPoint: PickupPoint) {
        self.deliveryID = deliveryID
        self.pickupPoint = pickupPoint
    }

    package init(_ values: FieldValues) throws(FieldProblem) {
        deliveryID = try values.required("deliveryID", \.integer)
        pickupPoint = try PickupPoint(values)
    }

    package var values: FieldValues {
        var values = pickupPoint.values
        values["deliveryID"] = .integer(deliveryID)
        return values
    }

    package func decide(
        on cart: Cart, _ context: CommandContext
    ) throws(RejectionReason) -> [CartFact] {
        let deliveries = cart[part: Deliveries.self]
        let index = try deliveries.index(of: deliveryID)
        if deliveries.deliveries[index].pickupPoint == pickupPoint { return [] }
        return [
            CartFact(context.requestID, .changed(AnyCartChange(self, context.fingerprint)))
        ]
    }

    package func apply(to part: inout Deliveries) {
        for index in part.deliveries.indices where part.deliveries[index].id == deliveryID {
            part.deliveries[index].pickupPoint = pickupPoint
        }
    }
}
