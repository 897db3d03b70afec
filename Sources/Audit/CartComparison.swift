package import CartDomain
package import Messages

/// Compares one cart with its holds.
package enum CartComparison {
    /// The differences, those of the cart's lines first.
    ///
    /// - Parameters:
    ///   - cart: one that owes nothing.
    ///   - holds: what the ledger holds for it, without spent rows.
    package static func differences(
        _ cart: Cart, holds: [RequestID: LineDifference.Pieces]
    ) -> [Difference] {
        var differences: [Difference] = []
        var unmatched = holds
        func note(
            _ requestID: RequestID, _ fault: LineDifference.Fault,
            _ line: LineDifference.Pieces?, _ hold: LineDifference.Pieces?
        ) {
            differences.append(
                .line(
                    LineDifference(
                        cartID: cart.cartID, requestID: requestID, fault: fault, line: line,
                        hold: hold)))
        }
        for item in cart.held {
            let line = LineDifference.Pieces(
                productCode: item.productCode, quantity: item.quantity, userID: item.userID,
                askQuantity: item.quantity)
            let hold = unmatched.removeValue(forKey: item.requestID)
            if let fault = fault(line, hold) { note(item.requestID, fault, line, hold) }
        }
        for add in cart.pending {
            let line = LineDifference.Pieces(
                productCode: add.request.productCode, quantity: add.remaining,
                userID: add.request.userID, askQuantity: add.request.quantity)
            note(
                add.requestID, .forgottenRequest, line,
                unmatched.removeValue(forKey: add.requestID))
        }
        // What was handed over stays in the ledger until the cart that it goes to has asked for it.
        let given = Set(cart.given.map(\.requestID))
        for (requestID, hold) in unmatched.sorted(by: { $0.key.text < $1.key.text })
        where !given.contains(requestID) {
            note(requestID, .holdWithoutLine, nil, hold)
        }
        return differences
    }

    private static func fault(
        _ line: LineDifference.Pieces, _ hold: LineDifference.Pieces?
    ) -> LineDifference.Fault? {
        guard let hold else { return .lineWithoutHold }
        if hold.productCode != line.productCode { return .otherProduct }
        if hold.quantity < line.quantity { return .holdTooSmall }
        return hold.quantity > line.quantity ? .holdTooLarge : nil
    }
}
