package import Messages

/// How what one cart holds goes to another (ADR 0012).
extension Cart {
    /// Gives everything that is held to another cart, on its request.
    ///
    /// A cart that waits for the inventory gives nothing yet; it is asked again.
    package func handOver(
        to other: CartID, for requestID: RequestID, now: Timestamp
    ) -> CartEvent? {
        guard pending.isEmpty, memory[requestID] == nil else { return nil }
        let items = held.map { item in
            HandedItem(
                requestID: item.requestID, line: item.line, quantity: item.quantity,
                name: item.name, country: item.country, price: item.price)
        }
        return events(
            [CartFact(requestID, .handedOver(HandOver(to: other, items: items)))], now
        ).first
    }

    /// Takes what another cart gave: asks the inventory for each hold, with the one it replaces.
    ///
    /// What the cart cannot take is rejected, and its hold let go.
    package func receive(
        _ items: [HandedItem], from other: CartID, for requestID: RequestID,
        askUntil: Timestamp, offers: any OfferBook, now: Timestamp
    ) -> [CartEvent] {
        guard let group = groups.first(where: { $0.requestID == requestID }),
            let merge = group.merge, merge.from == other
        else { return [] }
        var currency = currency
        var room = Self.holdsMax - held.count - pending.count
        var adds: [CartFact] = []
        var outcomes: [ItemOutcome] = []
        var unwanted: [Int: HoldSource] = [:]
        for (index, item) in items.enumerated() {
            let offer = offers.offer(of: item.line.productCode)
            let price = offer?.price ?? item.price
            let source = HoldSource(cartID: other, requestID: item.requestID)
            var outcome = ItemOutcome(line: item.line, quantity: item.quantity, .pending)
            if room <= 0 {
                outcome.reason = .cartFull
            } else if let price, let currency, price.currency != currency {
                outcome.reason = .currencyMismatch
            }
            if outcome.reason == nil {
                room -= 1
                currency = currency ?? price?.currency
                adds.append(
                    CartFact(
                        requestID.part(index + 1),
                        .addRequested(
                            AddRequest(
                                line: item.line, quantity: item.quantity, userID: merge.userID,
                                country: item.country, name: offer?.name ?? item.name,
                                price: price, askUntil: askUntil, source: source,
                                replyPartition: nil, fingerprint: nil))))
            } else {
                outcome.status = .rejected
                unwanted[index + 1] = source
            }
            outcomes.append(outcome)
        }
        let parent = CartFact(
            requestID,
            .itemsRequested(
                ItemGroup(
                    fingerprint: group.fingerprint, items: outcomes, unwanted: unwanted,
                    replyPartition: group.replyPartition)))
        return events([parent] + adds, now)
    }
}
