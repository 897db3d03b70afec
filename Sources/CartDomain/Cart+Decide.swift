package import Messages

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
    /// The cart has moved on from the version that the request was made for.
    ///
    /// Versions only grow, so the same request can never be taken later.
    case versionMismatch
}

extension Cart {
    /// Decides a command: what happens, or nothing where it was decided before.
    ///
    /// A repeated request yields no event; ``outcome(of:)`` tells what it was answered.
    package func decide(
        _ command: any CartCommand, _ context: CommandContext
    ) throws(Rejection) -> [CartEvent] {
        let fingerprint = context.fingerprint
        if let known = memory[context.requestID] {
            guard known.matches(fingerprint) else { throw .requestIDReused }
            return []
        }
        if let wanted = context.ifVersion, wanted < version { throw .versionMismatch }
        var facts: [CartFact]
        do throws(RejectionReason) {
            if let wanted = context.ifVersion, wanted > version {
                throw RejectionReason.versionMismatch
            }
            facts = try command.decide(on: self, context)
            if facts.isEmpty { facts = [CartFact(context.requestID, .accepted(fingerprint))] }
        } catch {
            facts = [CartFact(context.requestID, .rejected(fingerprint, error))]
        }
        return events(facts, context.now)
    }

    /// Decides an answer of the inventory: what happens, or nothing if no such request is pending.
    ///
    /// An ask may leave although its request is never stored. The answer to that ask must not settle a
    /// later request that bears the same ID and asks for something else.
    ///
    /// - Parameter isUnstored: whether the request is the cart's latest event, and is not stored. If
    ///   its pieces are held, request and answer are one event then, in the place of the request's.
    package func decide(
        _ answer: AskAnswer, to requestID: RequestID, of productCode: ProductCode, now: Timestamp,
        isUnstored: Bool = false
    ) -> CartEvent? {
        guard let add = pending.first(where: { $0.requestID == requestID }),
            add.request.productCode == productCode
        else { return nil }
        switch answer {
        case .held(let quantity, let name):
            guard quantity == add.request.quantity else { return nil }
            guard isUnstored else { return next(requestID, now, .addConfirmed(name: name)) }
            var request = add.request
            request.name = request.name ?? name
            return CartEvent(
                version: version, requestID: requestID, at: now, kind: .added(request))
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
            // The cart that it went to will ask for it, or let it go.
            if given.contains(where: {
                $0.requestID == requestID && now < $0.at + Self.handOverLasts
            }) {
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

    func events(_ facts: [CartFact], _ now: Timestamp) -> [CartEvent] {
        facts.enumerated().map { index, fact in
            CartEvent(
                version: version + 1 + index, requestID: fact.requestID, at: now, kind: fact.kind)
        }
    }
}
