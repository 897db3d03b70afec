package import Messages

/// Brings what is in another cart into this one, holds included.
package enum MergeCart: CartCommand {
    /// As clients send it to the cart that is to be merged: into that user's cart.
    case into(UserID)
    /// As the user's cart gets it: from that cart.
    case from(CartID)

    package static var registration: KeyPath<CommandRegistry, Registered<Self>> { \.merge }

    package static let specification = CommandSpecification(
        name: "merge", summary: "Moves what is in the cart into a user's cart, holds included.",
        details: """
            No piece is let go on the way: each hold changes its cart in one transaction. The outcome \
            tells the user's cart, with an item for each hold. What is pending in the cart is waited \
            for; deliveries are not taken along. Sessions of the cart stay with it: the user's cart has its own.
            """,
        routes: [CommandRoute("POST", "/merge")], logOnly: ["from"])

    package static let fields = [
        CommandField(
            "userID", .userID, isRequired: false, "The user into whose cart everything goes."),
        CommandField("from", .cartID, isRequired: false, "The cart that is merged."),
    ]

    package init(_ values: FieldValues) throws(FieldProblem) {
        if let cartID = try values.optional("from", \.cartID) {
            self = .from(cartID)
        } else {
            self = .into(try values.required("userID", \.userID))
        }
    }

    package var values: FieldValues {
        var values = FieldValues()
        switch self {
        case .into(let userID): values["userID"] = .text(userID.text)
        case .from(let cartID): values["from"] = .text("\(cartID)")
        }
        return values
    }

    package func readdressed(
        from cart: CartID
    ) -> (cartID: CartID, userID: UserID, command: Self)? {
        guard case .into(let userID) = self else { return nil }
        return (CartID(of: userID), userID, .from(cart))
    }

    package func decide(
        on cart: Cart, _ context: CommandContext
    ) throws(RejectionReason) -> [CartFact] {
        guard case .from(let other) = self else { throw .failed }
        if other == cart.cartID { throw .sameCart }
        if cart.isFull { throw .cartFull }
        let merge = Merge(
            from: other, userID: context.userID, replyPartition: context.replyPartition,
            fingerprint: context.fingerprint)
        return [CartFact(context.requestID, .mergeRequested(merge))]
    }
}
