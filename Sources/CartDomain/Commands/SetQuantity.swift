package import Messages

/// Sets how many pieces a line has.
package struct SetQuantity: CartCommand {
    package static var registration: KeyPath<CommandRegistry, Registered<Self>> { \.setQuantity }

    package static let specification = CommandSpecification(
        name: "set-quantity", summary: "Sets how many pieces a line of the cart has.",
        details: """
            Pending pieces count. What is missing is asked for, all or none, and the request is pending \
            until the inventory has answered; what is too much is let go at once.
            """,
        routes: [CommandRoute("PUT", "/")])

    package static let fields = [
        CommandField("id", .lineID, "The line, which the cart has to have."),
        CommandField(
            "quantity", .integer(QuantityLimits.held), "How many pieces; 0 takes the line out."),
    ]

    package let line: LineID
    package let quantity: Int

    package init(_ line: LineID, quantity: Int) {
        self.line = line
        self.quantity = quantity
    }

    package init(_ values: FieldValues) throws(FieldProblem) {
        line = try values.required("id", \.lineID)
        quantity = try values.required("quantity", \.integer)
    }

    package var values: FieldValues {
        var values = FieldValues()
        values["id"] = .text("\(line)")
        values["quantity"] = .integer(quantity)
        return values
    }

    package func decide(
        on cart: Cart, _ context: CommandContext
    ) throws(RejectionReason) -> [CartFact] {
        let present = cart.quantity(of: line)
        if present == 0 { throw .notInCart }
        let fingerprint = context.fingerprint
        if quantity > present {
            let request = try cart.addRequest(
                line, quantity: quantity - present, country: cart.country(of: line),
                for: fingerprint, context)
            return [CartFact(context.requestID, .addRequested(request))]
        }
        if quantity == present { return [] }
        let reductions = cart.reductions { $0 == line ? quantity : nil }
        return [CartFact(context.requestID, .removed(Removal(reductions, for: fingerprint)))]
    }
}
