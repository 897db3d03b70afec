import Messages

/// What commands are made of.
extension Cart {
    /// The request for more pieces on a line.
    ///
    /// - Parameter fingerprint: of the command; `nil` where it asks for several items.
    /// - Throws: why they cannot be asked for.
    func addRequest(
        _ line: LineID, quantity: Int, country: Country?, for fingerprint: Fingerprint?,
        _ context: CommandContext
    ) throws(RejectionReason) -> AddRequest {
        if isFull { throw .cartFull }
        let offer = context.offers.offer(of: line.productCode)
        if let offer, !offer.isActive || offer.isDelivery { throw .inactiveProduct }
        if let wanted = offer?.price?.currency, let currency, wanted != currency {
            throw .currencyMismatch
        }
        return AddRequest(
            line: line, quantity: quantity, userID: context.userID, country: country,
            name: offer?.name, price: offer?.price, askUntil: context.askUntil,
            // Who asked for several items is told of all together.
            replyPartition: fingerprint == nil ? nil : context.replyPartition,
            fingerprint: fingerprint)
    }

    /// How pieces come together: from holds, newest first, then from pending requests, newest first.
    ///
    /// - Parameters:
    ///   - quantity: how many; `nil`: all there are.
    ///   - isMeant: of which lines.
    /// - Throws: `notInCart` if there are not so many, or none at all.
    func removal(
        of quantity: Int?, for fingerprint: Fingerprint, where isMeant: (LineID) -> Bool
    ) throws(RejectionReason) -> Removal {
        var missing = quantity ?? .max
        let reductions = reductions(by: &missing, where: isMeant)
        let isEnough = quantity == nil ? !reductions.isEmpty : missing == 0
        guard isEnough else { throw .notInCart }
        return Removal(reductions, for: fingerprint)
    }

    /// What shrinks so that so many pieces of the lines stay.
    func reductions(to quantity: Int, where isMeant: (LineID) -> Bool) -> Removal.Reductions {
        let present =
            held.reduce(0) { isMeant($1.line) ? $0 + $1.quantity : $0 }
            + wanted.reduce(0) { isMeant($1.request.line) ? $0 + $1.remaining : $0 }
        var missing = max(0, present - quantity)
        return reductions(by: &missing, where: isMeant)
    }

    private func reductions(
        by missing: inout Int, where isMeant: (LineID) -> Bool
    ) -> Removal.Reductions {
        let holds = Self.reduce(
            held.reversed().filter { isMeant($0.line) }.map { ($0.requestID, $0.quantity) },
            by: &missing)
        let pendingAdds = Self.reduce(
            wanted.reversed().filter { isMeant($0.request.line) }
                .map { ($0.requestID, $0.remaining) }, by: &missing)
        return Removal.Reductions(holds: holds, pending: pendingAdds)
    }

    private static func reduce(
        _ items: [(RequestID, Int)], by missing: inout Int
    ) -> [Removal.Reduction] {
        var reductions: [Removal.Reduction] = []
        for (requestID, quantity) in items where missing > 0 {
            let taken = min(quantity, missing)
            missing -= taken
            reductions.append(Removal.Reduction(requestID: requestID, to: quantity - taken))
        }
        return reductions
    }
}
