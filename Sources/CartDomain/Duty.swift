package import Messages

/// What a cart owes the inventory for one of its requests, from an event on.
package struct Duty: Hashable, Sendable {
    /// What has to be said, until it is acknowledged.
    package enum Kind: Hashable, Sendable {
        /// Ask for so many pieces, until that moment.
        case ask(quantity: Int, until: Timestamp)
        /// Lower the hold to so many pieces.
        case lower(to: Int)
        /// Nothing any more.
        case nothing
    }

    package let requestID: RequestID
    package let userID: UserID
    package let productCode: ProductCode
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
        switch event.kind {
        case .addRequested(let request):
            return [
                Duty(
                    requestID: event.requestID, userID: request.userID,
                    productCode: request.productCode,
                    kind: .ask(quantity: request.quantity, until: request.askUntil))
            ]
        case .addConfirmed:
            guard let add = pending.first(where: { $0.requestID == event.requestID }) else {
                return []
            }
            let isTrimmed = add.remaining < add.request.quantity
            return [duty(of: add, isTrimmed ? .lower(to: add.remaining) : .nothing)]
        case .addRefused:
            return pending.filter { $0.requestID == event.requestID }.map { duty(of: $0, .nothing) }
        case .removed(let removal):
            let fromHolds = removal.holds.compactMap { reduction in
                held.first { $0.requestID == reduction.requestID }.map { item in
                    Duty(
                        requestID: item.requestID, userID: item.userID,
                        productCode: item.productCode, kind: .lower(to: reduction.to))
                }
            }
            let fromPending = removal.pending.filter { $0.to == 0 }.compactMap { reduction in
                pending.first { $0.requestID == reduction.requestID }
                    .map { duty(of: $0, .lower(to: 0)) }
            }
            return fromHolds + fromPending
        case .expired:
            return held.filter { $0.requestID == event.requestID }.map { item in
                Duty(
                    requestID: item.requestID, userID: item.userID,
                    productCode: item.productCode, kind: .lower(to: 0))
            }
        case .disowned(let hold):
            return [
                Duty(
                    requestID: event.requestID, userID: hold.userID,
                    productCode: hold.productCode, kind: .lower(to: 0))
            ]
        case .rejected, .shrunk:
            return []
        }
    }

    private func duty(of add: PendingAdd, _ kind: Duty.Kind) -> Duty {
        Duty(
            requestID: add.requestID, userID: add.request.userID,
            productCode: add.request.productCode, kind: kind)
    }
}

extension CartEvent {
    /// The requests whose outcome the event fixes.
    package var settledRequests: [RequestID] {
        switch kind {
        case .addRequested, .expired, .shrunk: []
        case .addConfirmed, .addRefused, .rejected, .disowned: [requestID]
        case .removed(let removal):
            [requestID] + removal.pending.filter { $0.to == 0 }.map(\.requestID)
        }
    }

    /// Whether the event changes what is in the cart.
    package var changesLines: Bool {
        switch kind {
        case .addRequested, .addRefused, .rejected, .disowned: false
        case .addConfirmed, .removed, .expired, .shrunk: true
        }
    }

    /// Whether by the event the shopper has changed what is in the cart, so that its holds last anew.
    package var isShoppersChange: Bool {
        switch kind {
        case .addConfirmed, .removed: true
        case .addRequested, .addRefused, .rejected, .expired, .shrunk, .disowned: false
        }
    }
}
