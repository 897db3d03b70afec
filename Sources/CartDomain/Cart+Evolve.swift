import Messages

extension Cart {
    /// Takes an event into account; it is never refused.
    package mutating func evolve(_ event: CartEvent) {
        version = event.version
        let requestID = event.requestID
        switch event.kind {
        case .added(let request):
            // The cart that decides it has noted the request before, in memory only.
            if takePending(requestID) == nil {
                memory.insert(requestID, request.fingerprint, .pending)
            }
            let add = PendingAdd(
                requestID: requestID, request: request, remaining: request.quantity)
            hold(add, name: request.name ?? "")
            settle(requestID, .accepted)
        case .addRequested(let request):
            pending.append(
                PendingAdd(requestID: requestID, request: request, remaining: request.quantity))
            memory.insert(requestID, request.fingerprint, .pending)
        case .addConfirmed(let name):
            if let add = takePending(requestID) { hold(add, name: name) }
            settle(requestID, .accepted)
        case .addRefused(let reason, let available):
            _ = takePending(requestID)
            settle(requestID, .rejected(reason, available: available))
        case .removed(let removal):
            apply(removal.reductions)
            memory.insert(requestID, removal.fingerprint, .accepted)
        case .countriesSet(let countries):
            for index in held.indices {
                held[index].country = countries[held[index].line] ?? held[index].country
            }
            for index in pending.indices {
                let country = countries[pending[index].request.line]
                pending[index].request.country = country ?? pending[index].request.country
            }
            memory.insert(requestID, nil, .accepted)
        case .accepted(let fingerprint):
            memory.insert(requestID, fingerprint, .accepted)
        case .rejected(let fingerprint, let reason):
            memory.insert(requestID, fingerprint, .rejected(reason, available: nil))
        case .itemsRequested(let group):
            apply(group, of: requestID)
        case .mergeRequested(let merge):
            groups.append(
                PendingGroup(
                    requestID: requestID, fingerprint: merge.fingerprint,
                    replyPartition: merge.replyPartition, merge: merge, items: []))
            memory.insert(requestID, merge.fingerprint, .pending)
        case .handedOver(let handOver):
            let handed = Set(handOver.items.map(\.requestID))
            held.removeAll { handed.contains($0.requestID) }
            given.removeAll { $0.at + Self.handOverLasts <= event.at }
            given += handOver.items.map { GivenHold(requestID: $0.requestID, at: event.at) }
            given.removeFirst(max(0, given.count - Self.holdsMax))
            memory.insert(requestID, nil, .accepted)
        case .changed(let change):
            apply(change.base)
            memory.insert(requestID, change.fingerprint, .accepted)
        case .expired:
            reduceHold(requestID, to: 0)
        case .shrunk(let quantity):
            reduceHold(requestID, to: quantity)
        case .disowned:
            memory.insert(requestID, nil, .rejected(.tooLate, available: nil))
        }
        if event.mayEndLines, !parts.isEmpty {
            let left = Set(lines)
            for name in parts.keys { parts[name]?.base.keep(only: left) }
        }
        if event.isShoppersChange { changedAt = event.at }
    }

    private mutating func hold(_ add: PendingAdd, name: String) {
        let request = add.request
        // The price and name that were confirmed last hold for the whole line.
        if let price = request.price {
            for index in held.indices where held[index].line == request.line {
                held[index].price = price
                held[index].name = request.name ?? held[index].name
            }
        }
        held.append(
            HeldItem(
                requestID: add.requestID, userID: request.userID, line: request.line,
                name: request.name ?? name, quantity: add.remaining, country: request.country,
                price: request.price ?? held.first { $0.line == request.line }?.price))
    }

    /// Notes a request's outcome, also with the request that it is a part of.
    private mutating func settle(_ requestID: RequestID, _ outcome: Outcome) {
        memory.settle(requestID, outcome)
        guard let number = requestID.partNumber, let whole = requestID.whole,
            let group = groups.firstIndex(where: { $0.requestID == whole }),
            groups[group].items.indices.contains(number - 1)
        else { return }
        groups[group].items[number - 1] = groups[group].items[number - 1].settled(outcome)
        settleIfComplete(group)
    }

    /// Settles a request once all of its items are.
    private mutating func settleIfComplete(_ index: Int) {
        let group = groups[index]
        guard group.items.allSatisfy({ $0.status != .pending }) else { return }
        groups.remove(at: index)
        memory.settle(group.requestID, .settled(group.items))
    }

    private mutating func apply(_ group: ItemGroup, of requestID: RequestID) {
        if let index = groups.firstIndex(where: { $0.requestID == requestID }) {
            groups[index].merge = nil
            groups[index].items = group.items
            settleIfComplete(index)
        } else {
            groups.append(
                PendingGroup(
                    requestID: requestID, fingerprint: group.fingerprint,
                    replyPartition: group.replyPartition, merge: nil, items: group.items))
            memory.insert(requestID, group.fingerprint, .pending)
            settleIfComplete(groups.count - 1)
        }
    }

    private mutating func apply<Change: CartChange>(_ change: Change) {
        change.apply(to: &self[part: Change.Part.self])
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

    private mutating func apply(_ reductions: Removal.Reductions) {
        for reduction in reductions.holds { reduceHold(reduction.requestID, to: reduction.to) }
        for reduction in reductions.pending {
            guard let index = pending.firstIndex(where: { $0.requestID == reduction.requestID })
            else { continue }
            if reduction.to == 0 {
                pending.remove(at: index)
                settle(reduction.requestID, .rejected(.cancelled, available: nil))
            } else {
                pending[index].remaining = reduction.to
            }
        }
    }
}
