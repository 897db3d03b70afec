package import CartDomain
import Messages
import Telemetry

extension CartEngine {
    /// What the store remembers of requests that came again.
    struct Recalled {
        var carts: [CartID: CartRecall] = [:]
        /// Events that were stored but may not have been published.
        var replayed: [StoredEvent] = []
    }

    /// Brings the batches' carts into memory, and up to date.
    ///
    /// - Parameter epochs: the ownership under which this happens; if it ends, nothing is kept.
    func load(_ batches: [Batch], _ epochs: [Int: Int]) async throws(CartStoreError) {
        let missing = batches.filter { carts[$0.key] == nil || staleCarts.contains($0.key) }
        if missing.isEmpty { return }
        let stale = missing.filter { staleCarts.contains($0.key) }
        let histories = try await store.histories(of: missing.map(\.key))
        let obligations =
            stale.isEmpty
            ? [] : try await store.obligations(of: Set(stale.map(\.partition)).sorted())
        let now = clock.now()
        let current = missing.filter { partitions[$0.partition]?.epoch == epochs[$0.partition] }
        let reread = staleCarts.intersection(current.map(\.key))
        for batch in current {
            let cart = try histories[batch.key]?.cart() ?? Cart(cartID: batch.key)
            keep(cart, partition: batch.partition, now)
        }
        metrics.loads.increment(by: current.count)
        owe(
            obligations.filter { reread.contains($0.key.cartID) },
            insteadOf: { reread.contains($0.cartID) })
        metrics.carts.set(carts.count)
    }

    /// Takes over what the store says is owed, in place of what was known.
    func owe(_ obligations: [Obligation], insteadOf isReplaced: (CartRequestKey) -> Bool) {
        let former = owed.filter { isReplaced($0.key) }
        for key in former.keys { owed[key] = nil }
        for obligation in obligations {
            owed[obligation.key] =
                former[obligation.key].flatMap { $0.obligation == obligation ? $0 : nil }
                ?? Owed(
                    obligation: obligation, dueAt: obligation.dueAt,
                    delay: configuration.repeatDelay)
            nextRepetition = min(nextRepetition, obligation.dueAt)
        }
        metrics.obligations.set(owed.count)
    }

    private func keep(_ cart: Cart, partition: Int, _ now: Timestamp) {
        staleCarts.remove(cart.cartID)
        if let known = carts[cart.cartID] {
            known.assumeIsolated { $0.reset(to: cart) }
        } else {
            carts[cart.cartID] = CartActor(
                cart, partition: partition, configuration: configuration, offers: offers,
                executor: executor)
        }
        recency.use(cart.cartID, at: now)
    }

    /// Looks up what the carts themselves cannot tell of requests that came again.
    ///
    /// - Parameter isAgain: whether the batches' events may stand in the store by an earlier try.
    func recall(_ batches: [Batch], isAgain: Bool) async throws(CartStoreError) -> Recalled {
        let wanted = requestsToRecall(batches, isAgain: isAgain)
        var recalled = Recalled()
        if wanted.isEmpty { return recalled }
        let replayed = Set(wanted.filter(\.value.isReplayed).keys.map(\.whole))
        var histories: [CartRequestKey: [CartEvent]] = [:]
        for stored in try await store.events(of: Set(wanted.keys.map(\.whole)).sorted()) {
            let key = CartRequestKey(cartID: stored.cartID, requestID: stored.requestID)
            // What a request and its parts have caused was published together, or was not.
            let isReplayed = replayed.contains(key.whole)
            let need = wanted[key] ?? Need()
            let isOfForgotten = key != key.whole && wanted[key.whole]?.isForgotten == true
            guard isReplayed || isOfForgotten || wanted[key] != nil else { continue }
            // An append whose answer was lost may land once its cart has been read. To the cart the
            // request is then unknown, to the index it is not: taken together they would say that it
            // was settled long ago. The cart is read again.
            if isAhead(stored) { throw .conflict }
            let event = try stored.decoded()
            if need.isForgotten { histories[key, default: []].append(event) }
            if isOfForgotten { histories[key.whole, default: []].append(event) }
            if isReplayed { recalled.replayed.append(stored) }
            if need.isAnswered, let partition = event.kind.replyPartition {
                recalled.carts[key.cartID, default: CartRecall()].askers[key.requestID] =
                    configuration.answerable(partition)
            }
            if case .handedOver(let handOver) = event.kind {
                recalled.carts[key.cartID, default: CartRecall()].handOvers[key.requestID] =
                    handOver
            }
        }
        for (key, history) in histories {
            recalled.carts[key.cartID, default: CartRecall()].entries[key.requestID] =
                RequestMemory.Entry(forgotten: key.requestID, by: history)
        }
        return recalled
    }

    /// Whether the store is further than the event's cart in memory.
    private func isAhead(_ stored: StoredEvent) -> Bool {
        guard let cart = carts[stored.cartID] else { return false }
        return cart.assumeIsolated { $0.version } < stored.version
    }

    /// What is to be looked up of a request.
    private struct Need {
        var isForgotten = false
        var isReplayed = false
        var isAnswered = false
    }

    private func requestsToRecall(
        _ batches: [Batch], isAgain: Bool
    ) -> [CartRequestKey: Need] {
        var wanted: [CartRequestKey: Need] = [:]
        for batch in batches {
            carts[batch.key]?.assumeIsolated { cart in
                for input in batch.messages {
                    let key = input.key
                    let isReplay = isAgain || isReplay(input.origin)
                    let isForgotten = cart.mayHaveForgotten(input.message, isReplay: isReplay)
                    let isReplayed = isReplay && (isForgotten || cart.knows(key.requestID))
                    guard isForgotten || isReplayed else { continue }
                    var need = wanted[key] ?? Need()
                    need.isForgotten = need.isForgotten || isForgotten
                    need.isReplayed = need.isReplayed || isReplayed
                    if input.message.isAnswer { need.isAnswered = true }
                    wanted[key] = need
                    guard isReplayed, input.message.isAnswer, key != key.whole else { continue }
                    // The answer may have settled the whole request, and that may not have been told.
                    var whole = wanted[key.whole] ?? Need()
                    whole.isForgotten = whole.isForgotten || !cart.knows(key.whole.requestID)
                    whole.isAnswered = true
                    wanted[key.whole] = whole
                }
            }
        }
        return wanted
    }

    /// Lets a cart decide its messages, and say what follows.
    func decide(
        _ batch: Batch, isAgain: Bool, recalled: CartRecall, now: Timestamp
    ) -> (CartTurn, [CartResponse], StoredSnapshot?) {
        guard let cart = carts[batch.key] else {
            preconditionFailure("a cart that was loaded is kept while its batch is worked on")
        }
        recency.use(batch.key, at: now)
        let again = Set(
            batch.messages.lazy.filter { isAgain || self.isReplay($0.origin) }.map { $0.key })
        let adds = unstored[batch.key] ?? []
        let latest = adds.count == 1 ? adds[0].key.requestID : nil
        return cart.assumeIsolated { cart in
            let turn = cart.take(
                batch.messages, again: again, recalled: recalled, unstored: latest, now: now)
            let responses = cart.responses(to: turn)
            let snapshot = turn.isSnapshotDue ? cart.snapshot : nil
            return (turn, responses, snapshot)
        }
    }

    /// The obligations that answers of the inventory end without an event.
    func acknowledged(by batch: Batch, _ turn: CartTurn) -> [CartRequestKey] {
        batch.messages.compactMap { input in
            guard case .answer(let answer) = input.message, !turn.changesDebt(for: input.key),
                case .inventory(let open)? = owed[input.key]?.obligation.message
            else { return nil }
            switch (open.action, answer.answer) {
            case (.lower(let wanted, _), .lowered(let left)):
                return left <= wanted ? input.key : nil
            case (.ask, .held), (.ask, .refused):
                // An answer that did not settle the request is not the answer to what is asked.
                let isPending = carts[batch.key]?.assumeIsolated {
                    $0.isPending(input.key.requestID)
                }
                return isPending == true ? nil : input.key
            default:
                return nil
            }
        }
    }

    /// Takes note of the obligations that were stored and ended.
    ///
    /// Those of a partition that changed hands meanwhile were read from the store since, or are
    /// another owner's.
    func remember(_ append: CartAppend) {
        let now = clock.now()
        for key in append.discharged {
            guard let open = owed.removeValue(forKey: key) else { continue }
            let askedAt = open.obligation.dueAt + (.zero - configuration.repeatDelay)
            answerTime.note(from: askedAt, to: now)
        }
        for obligation in append.obligations {
            let partition = obligation.partition
            guard partitions[partition]?.epoch == append.epochs[partition] else { continue }
            owed[obligation.key] = Owed(
                obligation: obligation, dueAt: obligation.dueAt, delay: configuration.repeatDelay)
            nextRepetition = min(nextRepetition, obligation.dueAt)
        }
        metrics.obligations.set(owed.count)
    }

    /// When what is owed is taken for lost, if it has not been acknowledged.
    ///
    /// Not before it is due; later, where the inventory is slow to answer.
    func lostAt(_ obligation: Obligation) -> Timestamp {
        obligation.dueAt + (answerTime.patience - configuration.repeatDelay)
    }

    /// Says again what was not acknowledged in time.
    func repeatObligations() async {
        let now = clock.now()
        if now < nextRepetition { return }
        var output = CartOutput()
        var due: [(key: CartRequestKey, open: Owed)] = []
        for (key, open) in owed
        where open.dueAt <= now && partitions[open.obligation.partition]?.phase == .active {
            let lostAt = lostAt(open.obligation)
            if lostAt <= now { due.append((key, open)) } else { owed[key]?.dueAt = lostAt }
        }
        due.sort { ($0.open.dueAt, $0.key) < ($1.open.dueAt, $1.key) }
        // After a takeover all are due at once; what is left over is due in the next round.
        for (key, open) in due.prefix(configuration.messagesWaitingMax) {
            output.say(open.obligation.message)
            let delay = min(open.delay * 2, configuration.repeatDelayMax)
            owed[key]?.delay = delay
            owed[key]?.dueAt = now + open.delay * Double.random(in: 1...1.25, using: &generator)
        }
        nextRepetition =
            owed.values.filter { partitions[$0.obligation.partition]?.phase == .active }
            .map(\.dueAt).min() ?? Timestamp(millis: .max)
        metrics.repeated.increment(by: output.inventoryRequests.count + output.cartRequests.count)
        if output.isEmpty { return }
        do {
            try await outbox.send(output)
        } catch {
            logger.warning(
                "The log does not take repeated asks; they are due again later.",
                ["reason": "\(error)"])
        }
    }

    /// Lets carts go that were not used for long, and the least recently used while there are too many.
    func passivate() {
        let now = clock.now()
        var kept = 0
        while let oldest = recency.oldest, kept < carts.count,
            carts.count > configuration.cartsMax || oldest.usedAt + configuration.idleFor <= now
        {
            if mailboxes.isBusy(oldest.key) || unstored[oldest.key] != nil {
                recency.use(oldest.key, at: now)
                kept += 1
            } else {
                forget(oldest.key)
                metrics.passivated.increment()
            }
        }
        metrics.carts.set(carts.count)
    }

    /// Forgets old events that snapshots cover, of all carts in turn.
    ///
    /// One of the services does it for all: the one that owns the first partition.
    func prune() async {
        do {
            while !Task.isCancelled, partitions[0]?.phase == .active {
                let (count, next) = try await store.pruneEvents(
                    from: prunedTo, olderThan: configuration.historyFor)
                metrics.pruned.increment(by: count)
                prunedTo = next ?? CartID(bits: 0)
                if next == nil { return }
            }
        } catch {
            logger.warning(
                "Old events cannot be pruned; it is tried again.", ["reason": "\(error)"])
        }
    }

    func forget(_ cartID: CartID) {
        carts[cartID] = nil
        unstored[cartID] = nil
        staleCarts.remove(cartID)
        recency.remove(cartID)
    }
}

extension CartHistory {
    /// The cart as its events add up.
    package func cart() throws(CartStoreError) -> Cart? {
        var cart: Cart
        if let snapshot {
            do {
                cart = Cart(try CartSnapshot(decoding: snapshot.json))
            } catch {
                throw .refused(
                    "snapshot \(snapshot.version) of cart \(snapshot.cartID) cannot be read: \(error)"
                )
            }
        } else if let first = events.first {
            cart = Cart(cartID: first.cartID)
        } else {
            return nil
        }
        for event in events { cart.evolve(try event.decoded()) }
        cart.forgetOldRequests()
        return cart
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

extension Mailboxes<CartID, CartEngine.Input>.Batch {
    /// The partition of the batch's cart.
    var partition: Int { messages[0].origin.partition }
}
