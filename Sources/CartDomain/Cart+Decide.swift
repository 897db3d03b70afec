package import Messages

/// What a shopper tells a cart to do.
package enum CartCommand: Hashable, Sendable {
    /// Put pieces into the cart.
    case add(RequestID, AddRequest)
    /// Take pieces out; `quantity` is `nil` for all of the product.
    case remove(RequestID, ProductCode, quantity: Int?)
}

/// What the inventory answers to an ask.
package enum AskAnswer: Hashable, Sendable {
    /// So many pieces are held.
    case held(quantity: Int, name: String)
    /// They cannot be held.
    case refused(RejectionReason, available: Int)
}

/// What a cart makes of a hold that is due.
package enum HoldDecision: Hashable, Sendable {
    /// This happens to the cart.
    case event(CartEvent)
    /// The inventory is told this, once.
    case say([InventoryRequest.Action])
    /// It will settle by itself.
    case nothing
}

/// Why a command is turned down without leaving a trace in the cart's history.
package enum Rejection: Error, Hashable, Sendable {
    /// The request ID was used before, for another request.
    case requestIDReused
}

extension Cart {
    /// Decides a command: what happens, or nothing where it was decided before.
    ///
    /// A repeated request yields no event; ``outcome(of:)`` tells what it was answered.
    ///
    /// - Parameter now: the moment that the events will bear.
    /// - Throws: `Rejection.requestIDReused` for a known request ID with another body.
    package func decide(
        _ command: CartCommand, now: Timestamp
    ) throws(Rejection) -> [CartEvent] {
        switch command {
        case .add(let requestID, let request):
            let body = RequestBody.add(request.productCode, quantity: request.quantity)
            guard try isNew(requestID, body) else { return [] }
            guard pending.count < Self.itemsMax, held.count + pending.count < 2 * Self.itemsMax
            else { return [next(requestID, now, .rejected(body, .cartFull))] }
            return [next(requestID, now, .addRequested(request))]
        case .remove(let requestID, let productCode, let quantity):
            let body = RequestBody.remove(productCode, quantity: quantity)
            guard try isNew(requestID, body) else { return [] }
            guard let removal = removal(of: productCode, quantity: quantity) else {
                return [next(requestID, now, .rejected(body, .notInCart))]
            }
            return [next(requestID, now, .removed(removal))]
        }
    }

    /// Decides an answer of the inventory: what happens, or nothing if no such request is pending.
    ///
    /// An ask may leave although its request is never stored. The answer to that ask must not settle a
    /// later request that bears the same ID and asks for something else.
    package func decide(
        _ answer: AskAnswer, to requestID: RequestID, of productCode: ProductCode, now: Timestamp
    ) -> CartEvent? {
        guard let add = pending.first(where: { $0.requestID == requestID }),
            add.request.productCode == productCode
        else { return nil }
        switch answer {
        case .held(let quantity, let name):
            guard quantity == add.request.quantity else { return nil }
            return next(requestID, now, .addConfirmed(name: name))
        case .refused(let reason, let available):
            return next(requestID, now, .addRefused(reason, available: available))
        }
    }

    /// Decides what becomes of a hold that the inventory calls due (rule I5).
    ///
    /// The inventory says it until the hold is neither due nor at odds with the cart, so what is only
    /// said need not be kept. A lower that is said without an event can do no harm however late it
    /// comes: a request whose pieces are gone from the cart never gets them back.
    ///
    /// - Parameters:
    ///   - pieces: the hold as the inventory's ledger has it.
    ///   - isForgotten: whether the request is known to have been settled, though not by ``memory``.
    ///   - lifetime: how long holds last after the shopper's last change.
    package func decide(
        _ pieces: InventoryResponse.HeldPieces, of requestID: RequestID, product: ProductCode,
        isForgotten: Bool, now: Timestamp, lifetime: Duration
    ) -> HoldDecision {
        guard let item = held.first(where: { $0.requestID == requestID }) else {
            if memory[requestID]?.outcome == .pending || pieces.quantity == 0 {
                return .nothing
            }
            if isForgotten || memory[requestID] != nil { return .say([.lower(to: 0)]) }
            let hold = DisownedHold(
                productCode: product, quantity: pieces.askQuantity, userID: pieces.userID)
            return .event(next(requestID, now, .disowned(hold)))
        }
        guard item.productCode == product else { return .nothing }
        if pieces.quantity < item.quantity {
            return .event(next(requestID, now, .shrunk(to: pieces.quantity)))
        }
        let until = (changedAt ?? now) + lifetime
        if until <= now { return .event(next(requestID, now, .expired)) }
        return pieces.quantity == item.quantity
            ? .say([.extend(until: until)])
            : .say([.lower(to: item.quantity), .extend(until: until)])
    }

    private func next(
        _ requestID: RequestID, _ now: Timestamp, _ kind: CartEvent.Kind
    ) -> CartEvent {
        CartEvent(version: version + 1, requestID: requestID, at: now, kind: kind)
    }

    private func isNew(
        _ requestID: RequestID, _ body: RequestBody
    ) throws(Rejection) -> Bool {
        guard let known = memory[requestID] else { return true }
        guard known.body == body else { throw .requestIDReused }
        return false
    }

    /// How the pieces come together: from holds, newest first, then from pending requests, newest
    /// first; `nil` if there are not so many, or none at all.
    private func removal(of productCode: ProductCode, quantity: Int?) -> Removal? {
        var missing = quantity ?? .max
        let holds = Self.reduce(
            held.reversed().filter { $0.productCode == productCode }
                .map { ($0.requestID, $0.quantity) }, by: &missing)
        let pendingAdds = Self.reduce(
            pending.reversed().filter { $0.request.productCode == productCode }
                .map { ($0.requestID, $0.remaining) }, by: &missing)
        let isEnough = quantity == nil ? !(holds.isEmpty && pendingAdds.isEmpty) : missing == 0
        guard isEnough else { return nil }
        return Removal(
            productCode: productCode, quantity: quantity, holds: holds, pending: pendingAdds)
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
