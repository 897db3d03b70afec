package import Messages

/// Takes a whole line out of the cart.
package struct RemoveLine: CartCommand {
    package static var registration: KeyPath<CommandRegistry, Registered<Self>> { \.removeLine }

    package static let specification = CommandSpecification(
        name: "remove-line", summary: "Takes a line out of the cart, with all its pieces.",
        details: "Pending requests for the line are cancelled.",
        routes: [CommandRoute("DELETE", "/{id}")])

    package static let fields = [CommandField("id", .lineID, "The line.")]

    package let line: LineID

    package init(_ line: LineID) { self.line = line }

    package init(_ values: FieldValues) throws(FieldProblem) {
        line = try values.required("id", \.lineID)
    }

    package var values: FieldValues {
        var values = FieldValues()
        values["id"] = .text("\(line)")
        return values
    }

    package func decide(
        on cart: Cart, _ context: CommandContext
    ) throws(RejectionReason) -> [CartFact] {
        let removal = try cart.removal(of: nil, for: context.fingerprint) { $0 == line }
        return [CartFact(context.requestID, .removed(removal))]
    }
}
