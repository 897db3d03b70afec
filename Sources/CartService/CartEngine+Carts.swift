import CartDomain
import Messages
import Telemetry

extension CartEngine {
    /// What the store remembers of requests that came again.
    struct Recalled {
        /// Requests that their carts have forgotten.
        var entries: [CartID: [RequestID: RequestMemory.Entry]] = [:]
        /// Events that a former owner stored but may not have published.
        var replayed: [StoredEvent] = []
    }

    /// Brings the batches' carts into memory, and up to date.
    func load(_ batches: [Batch]) async throws(CartStoreError) {
        let missing = batches.filter { carts[$0.key] == nil || staleCarts.contains($0.key) }
        if missing.isEmpty { return }
        let events = try await store.events(of: missing.map(\.key))
        let now = clock.now()
        for batch in missing {
            var cart = Cart(cartID: batch.key)
            for event in events[batch.key] ?? [] { cart.evolve(try event.decoded()) }
            keep(cart, partition: batch.messages[0].origin.partition, now)
        }
        metrics.carts.set(carts.count)
    }

    private func keep(_ cart: Cart, partition: Int, _ now: Timestamp) {
        staleCarts.remove(cart.cartID)
        if let known = carts[cart.cartID] {
            known.assumeIsolated { $0.reset(to: cart) }
        } else {
            carts[cart.cartID] = CartActor(
                cart, partition: partition, configuration: configuration, now: now,
                executor: executor)
        }
    }

    /// Looks up what the carts themselves cannot tell of requests that came again.
    func recall(_ batches: [Batch]) async throws(CartStoreError) -> Recalled {
        let (forgotten, replayed) = requestsToRecall(batches)
        var recalled = Recalled()
        let keys = forgotten.union(replayed)
        if keys.isEmpty { return recalled }
        var histories: [CartRequestKey: [CartEvent]] = [:]
        for stored in try await store.events(of: Array(keys)) {
            let key = CartRequestKey(cartID: stored.cartID, requestID: stored.requestID)
            if forgotten.contains(key) { histories[key, default: []].append(try stored.decoded()) }
            if replayed.contains(key) { recalled.replayed.append(stored) }
        }
        for (key, history) in histories {
            recalled.entries[key.cartID, default: [:]][key.requestID] =
                RequestMemory.Entry(forgotten: history)
        }
        return recalled
    }

    private func requestsToRecall(
        _ batches: [Batch]
    ) -> (forgotten: Set<CartRequestKey>, replayed: Set<CartRequestKey>) {
        var forgotten: Set<CartRequestKey> = []
        var replayed: Set<CartRequestKey> = []
        for batch in batches {
            carts[batch.key]?.assumeIsolated { cart in
                for input in batch.messages {
                    let key = input.message.key
                    let isForgotten = cart.mayHaveForgotten(key.requestID)
                    if isForgotten { forgotten.insert(key) }
                    if input.isReplay, isForgotten || cart.knows(key.requestID) {
                        replayed.insert(key)
                    }
                }
            }
        }
        return (forgotten, replayed)
    }

    /// Lets a cart decide its messages, and say what follows.
    func decide(
        _ batch: Batch, recalled: [RequestID: RequestMemory.Entry], now: Timestamp
    ) -> (CartTurn, [CartResponse]) {
        guard let cart = carts[batch.key] else {
            preconditionFailure("a cart that was loaded is kept while its batch is worked on")
        }
        return cart.assumeIsolated { cart in
            let turn = cart.take(batch.messages.map(\.message), recalled: recalled, now: now)
            return (turn, cart.responses(to: turn))
        }
    }

    /// The obligations that answers of the inventory end without an event.
    func acknowledged(by batch: Batch, _ turn: CartTurn) -> [CartRequestKey] {
        batch.messages.map(\.message).compactMap { message in
            guard case .answer(let answer) = message, turn.owed[message.key] == nil,
                let open = owed[message.key]?.obligation.request.action
            else { return nil }
            switch (open, answer.answer) {
            case (.lower(let wanted), .lowered(let left)):
                return left <= wanted ? message.key : nil
            case (.ask, .held), (.ask, .refused):
                return message.key
            case (.ask, .lowered), (.lower, .held), (.lower, .refused):
                return nil
            }
        }
    }

    /// Takes note of the obligations that were stored and ended.
    func remember(_ append: CartAppend) {
        for key in append.discharged { owed[key] = nil }
        for obligation in append.obligations {
            owed[obligation.key] = Owed(
                obligation: obligation, dueAt: obligation.dueAt, delay: configuration.repeatDelay)
        }
        metrics.obligations.set(owed.count)
    }

    /// Says again what was not acknowledged in time.
    func repeatObligations() async {
        let now = clock.now()
        var output = CartOutput()
        for (key, open) in owed where open.dueAt <= now {
            guard partitions[open.obligation.partition]?.phase == .active else { continue }
            output.inventoryRequests.append(open.obligation.request)
            let delay = min(open.delay * 2, configuration.repeatDelayMax)
            owed[key]?.delay = delay
            owed[key]?.dueAt = now + open.delay * Double.random(in: 1...1.25, using: &generator)
        }
        metrics.repeated.increment(by: output.inventoryRequests.count)
        if output.isEmpty { return }
        do {
            try await outbox.send(output)
        } catch {
            logger.warning(
                "The log does not take repeated asks; they are due again later.",
                ["reason": "\(error)"])
        }
    }

    /// Lets the least recently used carts go while there are too many.
    func passivate() {
        let surplus = carts.count - configuration.cartsMax
        guard surplus > 0 else { return }
        let idle = carts.filter { !mailboxes.isBusy($0.key) }
            .map { (id: $0.key, lastUsed: $0.value.assumeIsolated { $0.lastUsed }) }
            .sorted { $0.lastUsed < $1.lastUsed }
        // A tenth more than needed, so that the sorting is not for a few carts each time.
        for cart in idle.prefix(surplus + configuration.cartsMax / 10) { forget(cart.id) }
        metrics.carts.set(carts.count)
    }

    func forget(_ cartID: CartID) {
        carts[cartID] = nil
        staleCarts.remove(cartID)
    }
}

extension StoredEvent {
    fileprivate func decoded() throws(CartStoreError) -> CartEvent {
        do {
            return try CartEvent(decoding: json)
        } catch {
            throw .refused("event \(version) of cart \(cartID) cannot be read: \(error)")
        }
    }
}
