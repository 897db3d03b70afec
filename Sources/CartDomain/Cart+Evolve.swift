import Messages

extension Cart {
    /// Takes an event into account; it is never refused.
    package mutating func evolve(_ event: CartEvent) {
        version = event.version
        switch event.kind {
        case .addRequested(let request):
            pending.append(
                PendingAdd(
                    requestID: event.requestID, request: request, remaining: request.quantity))
            memory.insert(
                event.requestID,
                RequestMemory.Entry(
                    body: .add(request.productCode, quantity: request.quantity),
                    outcome: .pending))
        case .addConfirmed(let name):
            if let add = takePending(event.requestID) {
                held.append(
                    HeldItem(
                        requestID: add.requestID, userID: add.request.userID,
                        productCode: add.request.productCode, name: name,
                        quantity: add.remaining))
            }
            memory.settle(event.requestID, .accepted)
        case .addRefused(let reason, let available):
            _ = takePending(event.requestID)
            memory.settle(event.requestID, .rejected(reason, available: available))
        case .removed(let removal):
            apply(removal)
            memory.insert(
                event.requestID,
                RequestMemory.Entry(
                    body: .remove(removal.productCode, quantity: removal.quantity),
                    outcome: .accepted))
        case .rejected(let body, let reason):
            memory.insert(
                event.requestID,
                RequestMemory.Entry(body: body, outcome: .rejected(reason, available: nil)))
        case .expired:
            reduceHold(event.requestID, to: 0)
        case .shrunk(let quantity):
            reduceHold(event.requestID, to: quantity)
        case .disowned(let hold):
            memory.insert(
                event.requestID,
                RequestMemory.Entry(body: hold.body, outcome: .rejected(.tooLate, available: nil)))
        }
        if event.isShoppersChange { changedAt = event.at }
    }

    private mutating func reduceHold(_ requestID: RequestID, to quantity: Int) {
        guard let index = held.firstIndex(where: { $0.requestID == requestID }) else { return }
        if quantity == 0 {
            held.remove(at: index)
        } else {
            held[index].quantity = quantity
        }
    }

    private mutating func takePending(_ requestID: RequestID) -> PendingAdd? {
        guard let index = pending.firstIndex(where: { $0.requestID == requestID }) else {
            return nil
        }
        return pending.remove(at: index)
    }

    private mutating func apply(_ removal: Removal) {
        for reduction in removal.holds { reduceHold(reduction.requestID, to: reduction.to) }
        for reduction in removal.pending {
            guard let index = pending.firstIndex(where: { $0.requestID == reduction.requestID })
            else { continue }
            if reduction.to == 0 {
                pending.remove(at: index)
                memory.settle(reduction.requestID, .rejected(.cancelled, available: nil))
            } else {
                pending[index].remaining = reduction.to
            }
        }
    }
}
