package import Messages

/// What a cart owes for one of its requests, from an event on.
package struct Duty: Hashable, Sendable {
    /// What has to be said, until it is acknowledged.
    package enum Kind: Hashable, Sendable {
        /// Ask the inventory for so many pieces, until that moment.
        case ask(ProductCode, quantity: Int, until: Timestamp, from: HoldSource?)
        /// Have the hold lowered to so many pieces, and its source let go.
        case lower(ProductCode, to: Int, from: HoldSource? = nil)
        /// Ask another cart for what it has.
        case fetch(from: CartID)
        /// Nothing any more.
        case nothing
    }

    package let requestID: RequestID
    package let userID: UserID
    package let kind: Kind
}

extension Cart {
    /// What the cart owes because of an event that is about to happen to it.
    ///
    /// A pending request that a removal trims goes on asking for all its pieces: what was trimmed is
    /// let go once they are held, so that ask and lower cannot overtake each other. Only a request
    /// that is cancelled is lowered unanswered, to nothing, which the inventory keeps as a tombstone.
    ///
    /// - Parameter event: the next event; call this before ``evolve(_:)``.
    package func duties(from event: CartEvent) -> [Duty] {
        let requestID = event.requestID
        switch event.kind {
        case .addRequested(let request):
            return [
                Duty(
                    requestID: requestID, userID: request.userID,
                    kind: .ask(
                        request.productCode, quantity: request.quantity, until: request.askUntil,
                        from: request.source))
            ]
        case .added, .addConfirmed:
            return pending.filter { $0.requestID == requestID }.map { add in
                add.remaining < add.request.quantity
                    ? duty(of: add, lowerTo: add.remaining)
                    : Duty(requestID: requestID, userID: add.request.userID, kind: .nothing)
            }
        case .addRefused:
            return pending.filter { $0.requestID == requestID }.map {
                Duty(requestID: requestID, userID: $0.request.userID, kind: .nothing)
            }
        case .removed(let removal):
            return duties(from: removal.reductions)
        case .mergeRequested(let merge):
            return [
                Duty(requestID: requestID, userID: merge.userID, kind: .fetch(from: merge.from))
            ]
        case .itemsRequested(let group):
            guard let merge = groups.first(where: { $0.requestID == requestID })?.merge else {
                return []
            }
            let unwanted = group.unwanted.sorted { $0.key < $1.key }.map { number, source in
                Duty(
                    requestID: requestID.part(number), userID: merge.userID,
                    kind: .lower(
                        group.items[number - 1].line.productCode, to: 0, from: source))
            }
            return [Duty(requestID: requestID, userID: merge.userID, kind: .nothing)] + unwanted
        case .expired:
            return held.filter { $0.requestID == requestID }.map { duty(of: $0, lowerTo: 0) }
        case .disowned(let hold):
            return [
                Duty(
                    requestID: requestID, userID: hold.userID,
                    kind: .lower(hold.productCode, to: 0))
            ]
        case .countriesSet, .accepted, .rejected, .handedOver, .changed, .shrunk:
            return []
        }
    }

    private func duties(from reductions: Removal.Reductions) -> [Duty] {
        let fromHolds = reductions.holds.compactMap { reduction in
            held.first { $0.requestID == reduction.requestID }
                .map { duty(of: $0, lowerTo: reduction.to) }
        }
        let fromPending = reductions.pending.filter { $0.to == 0 }.compactMap { reduction in
            pending.first { $0.requestID == reduction.requestID }.map { duty(of: $0, lowerTo: 0) }
        }
        return fromHolds + fromPending
    }

    private func duty(of add: PendingAdd, lowerTo quantity: Int) -> Duty {
        Duty(
            requestID: add.requestID, userID: add.request.userID,
            kind: .lower(add.request.productCode, to: quantity, from: add.request.source))
    }

    private func duty(of item: HeldItem, lowerTo quantity: Int) -> Duty {
        Duty(
            requestID: item.requestID, userID: item.userID,
            kind: .lower(item.productCode, to: quantity))
    }
}

extension Cart {
    /// Takes the next event into account.
    ///
    /// - Returns: what the cart owes because of it, and the requests whose outcome it has fixed.
    package mutating func take(_ event: CartEvent) -> (duties: [Duty], settled: [RequestID]) {
        let duties = duties(from: event)
        evolve(event)
        return (duties, settlements(by: event))
    }

    /// The requests whose outcome the latest event has fixed.
    ///
    /// A request is settled by the event that settles the last of its parts.
    package func settlements(by event: CartEvent) -> [RequestID] {
        let settled = event.settledRequests
        var wholes: [RequestID] = []
        for whole in settled.compactMap(\.whole) where !wholes.contains(whole) {
            if case .settled? = outcome(of: whole) { wholes.append(whole) }
        }
        return settled + wholes
    }
}

extension CartEvent {
    /// The requests whose outcome the event fixes, without those that have a part among them.
    package var settledRequests: [RequestID] {
        switch kind {
        case .addRequested, .mergeRequested, .expired, .shrunk: []
        case .itemsRequested(let group):
            group.items.contains { $0.status == .pending } ? [] : [requestID]
        case .added, .addConfirmed, .addRefused, .countriesSet, .accepted, .rejected,
            .handedOver, .changed, .disowned:
            [requestID]
        case .removed(let removal):
            [requestID] + removal.reductions.pending.filter { $0.to == 0 }.map(\.requestID)
        }
    }

    /// Whether the event changes what shoppers see in the cart, apart from what is pending.
    package var changesLines: Bool {
        switch kind {
        case .addRequested, .addRefused, .accepted, .rejected, .itemsRequested,
            .mergeRequested, .disowned:
            false
        case .added, .addConfirmed, .removed, .countriesSet, .handedOver, .changed, .expired,
            .shrunk:
            true
        }
    }

    /// Whether by the event lines may have left the cart.
    var mayEndLines: Bool {
        switch kind {
        case .addRefused, .removed, .handedOver, .expired, .shrunk: true
        case .added, .addRequested, .addConfirmed, .countriesSet, .accepted, .rejected,
            .itemsRequested, .mergeRequested, .changed, .disowned:
            false
        }
    }

    /// Whether by the event the shopper has changed what is in the cart, so that its holds last anew.
    package var isShoppersChange: Bool {
        switch kind {
        case .added, .addConfirmed, .removed, .countriesSet, .changed: true
        case .addRequested, .addRefused, .accepted, .rejected, .itemsRequested,
            .mergeRequested, .handedOver, .expired, .shrunk, .disowned:
            false
        }
    }
}
