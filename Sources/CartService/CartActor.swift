import CartDomain
import Messages

/// One cart, its pending requests, and who waits for them.
///
/// All carts of a service share its executor, so that a turn costs no hop; the engine sees to it that
/// a cart takes its next turn only after the events of the last one are stored.
actor CartActor {
    /// How many gateways are told the outcome of one request, and how many the cart's changes.
    private static let listenersMax = 64

    private let executor: any SerialExecutor
    private let partition: Int
    private let configuration: CartServiceConfiguration
    private var cart: Cart
    /// Who waits for each pending request.
    private var askers: [RequestID: [Asker]] = [:]
    /// Whom the last turn told: they wait on if it turns out not to be stored.
    private var told: [RequestID: [Asker]] = [:]
    /// Whether the cart was read again, so that what happened to it may not have been told.
    private var mayHaveNews = false
    /// The gateways that are told of changes, and until when.
    private var watchers: [Int: Timestamp] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    init(
        _ cart: Cart, partition: Int, configuration: CartServiceConfiguration,
        executor: any SerialExecutor
    ) {
        self.cart = cart
        self.partition = partition
        self.configuration = configuration
        self.executor = executor
        askers = Self.firstAskers(of: cart, configuration)
    }

    /// Whether the message's request may have been forgotten, so that its events must be looked up.
    ///
    /// - Parameter isReplay: whether the message may have been handled before.
    func mayHaveForgotten(_ message: CartMessage, isReplay: Bool) -> Bool {
        guard cart.memory.hasForgotten, cart.memory[message.key.requestID] == nil else {
            return false
        }
        switch message {
        case .request(let request):
            switch request.action {
            case .add, .remove, .lookup: return true
            case .check, .watch: return false
            }
        case .answer(let answer):
            if case .holdDue = answer.answer { return true }
            return isReplay
        }
    }

    /// Whether the request is known, so that its events were stored before.
    func knows(_ requestID: RequestID) -> Bool { cart.memory[requestID] != nil }

    /// Whether the request waits for the inventory.
    func isPending(_ requestID: RequestID) -> Bool { cart.outcome(of: requestID) == .pending }

    /// Starts over from what the store has, after a turn of which it is unknown whether it was stored.
    func reset(to cart: Cart) {
        self.cart = cart
        askers.merge(told) { known, _ in known }
        askers.merge(Self.firstAskers(of: cart, configuration)) { known, _ in known }
        told = [:]
        askers = askers.filter { cart.outcome(of: $0.key) != nil }
        mayHaveNews = true
    }

    /// Decides the messages in their order.
    func take(_ messages: [CartMessage], recalled: CartRecall, now: Timestamp) -> CartTurn {
        told = [:]
        var turn = CartTurn()
        keepWhatMayBeForgotten(messages, &turn)
        if mayHaveNews { tellNews(now, &turn) }
        for message in messages {
            switch message {
            case .request(let request): handle(request, recalled, now, &turn)
            case .answer(let answer): handle(answer, recalled, now, &turn)
            }
        }
        if turn.changesLines { tellWatchers(now, &turn) }
        if let first = turn.events.first?.version {
            let every = configuration.snapshotEvery
            turn.isSnapshotDue = (first - 1) / every < cart.version / every
        }
        return turn
    }

    /// The cart as the last turn left it, for the store.
    var snapshot: StoredSnapshot {
        StoredSnapshot(
            cartID: cart.cartID, version: cart.version, json: cart.snapshot.encoded())
    }

    /// A turn that settles many requests may forget one that comes again later in the same turn.
    private func keepWhatMayBeForgotten(_ messages: [CartMessage], _ turn: inout CartTurn) {
        guard cart.memory.forgets(within: cart.pending.count + 2 * messages.count) else { return }
        var kept: [RequestID: RequestMemory.Entry] = [:]
        for message in messages {
            let requestID = message.key.requestID
            kept[requestID] = cart.memory[requestID]
        }
        turn.kept = kept
    }

    /// Tells what a turn may have stored that could not tell it.
    private func tellNews(_ now: Timestamp, _ turn: inout CartTurn) {
        let settled = askers.keys.filter { !isPending($0) }
        for requestID in settled.sorted(by: { $0.text < $1.text }) {
            tellAskers(requestID, &turn)
        }
        tellWatchers(now, &turn)
        mayHaveNews = false
    }

    /// What the turn says to gateways, with the cart as it stands now.
    func responses(to turn: CartTurn) -> [CartResponse] {
        guard !(turn.replies.isEmpty && turn.watchersToTell.isEmpty) else { return [] }
        let view = cart.view
        let outcomes = turn.replies.map { reply in
            CartResponse(
                cartID: cart.cartID, content: reply.verdict.content(reply.requestID, view),
                replyPartition: reply.asker.replyPartition, traceparent: reply.asker.traceparent)
        }
        let changes = turn.watchersToTell.sorted().map { partition in
            CartResponse(cartID: cart.cartID, content: .changed(view), replyPartition: partition)
        }
        return outcomes + changes
    }

    private func handle(
        _ request: CartRequest, _ recalled: CartRecall, _ now: Timestamp, _ turn: inout CartTurn
    ) {
        let requestID = request.requestID
        let asker = request.replyPartition.map {
            Asker(replyPartition: $0, traceparent: request.traceparent)
        }
        func reply(_ verdict: CartTurn.Verdict) {
            guard let asker else { return }
            turn.replies.append(
                CartTurn.Reply(requestID: requestID, verdict: verdict, asker: asker))
        }

        // What became of the request, where the cart has forgotten it.
        let former = turn.kept?[requestID] ?? recalled.entries[requestID]
        let body: RequestBody
        switch request.action {
        case .watch(let since):
            if let asker { watch(asker.replyPartition, since: since, now, &turn) }
            return
        case .check:
            reply(.outcome(.accepted))
            return
        case .lookup:
            let known = cart.memory[requestID] ?? former
            reply(known.map { .outcome($0.outcome) } ?? .unknown)
            return
        case .add(let productCode, let quantity):
            body = .add(productCode, quantity: quantity)
        case .remove(let productCode, let quantity):
            body = .remove(productCode, quantity: quantity)
        }

        if cart.memory[requestID] == nil, let former {
            reply(former.body == body ? .outcome(former.outcome) : .reused)
            return
        }
        do throws(Rejection) {
            let command = command(for: request, body, now)
            for event in try cart.decide(command, now: now) {
                apply(event, request.traceparent, &turn)
            }
        } catch {
            reply(.reused)
            return
        }
        switch cart.outcome(of: requestID) {
        case .pending:
            if let asker { registerAsker(requestID, asker) }
        case let outcome?:
            reply(.outcome(outcome))
        case nil:
            preconditionFailure("a decided request has an outcome")
        }
    }

    private func command(
        for request: CartRequest, _ body: RequestBody, _ now: Timestamp
    ) -> CartCommand {
        switch body {
        case .add(let productCode, let quantity):
            .add(
                request.requestID,
                AddRequest(
                    productCode: productCode, quantity: quantity, userID: request.userID,
                    askUntil: now + configuration.askWindow,
                    replyPartition: request.replyPartition))
        case .remove(let productCode, let quantity):
            .remove(request.requestID, productCode, quantity: quantity)
        }
    }

    private func handle(
        _ answer: InventoryResponse, _ recalled: CartRecall, _ now: Timestamp,
        _ turn: inout CartTurn
    ) {
        let decided: AskAnswer
        switch answer.answer {
        case .lowered:
            // The engine knows what was owed, and ends the obligation.
            return
        case .holdDue(let pieces):
            handle(pieces, of: answer, recalled, now, &turn)
            return
        case .held(let quantity, let name, _):
            decided = .held(quantity: quantity, name: name)
        case .refused(let refusal, let available):
            decided = .refused(RejectionReason(refusal), available: available)
        }
        let requestID = answer.requestID
        let event = cart.decide(decided, to: requestID, of: answer.productCode, now: now)
        if let event {
            apply(event, answer.traceparent, &turn)
            tellAskers(requestID, &turn)
        } else if let replyPartition = recalled.askers[requestID], !isPending(requestID),
            let outcome = cart.outcome(of: requestID) ?? recalled.entries[requestID]?.outcome,
            !turn.replies.contains(where: { $0.requestID == requestID })
        {
            // A former owner stored this outcome, and may have died before it told it.
            turn.replies.append(
                CartTurn.Reply(
                    requestID: requestID, verdict: .outcome(outcome),
                    asker: Asker(
                        replyPartition: replyPartition, traceparent: answer.traceparent)))
        }
    }

    private func handle(
        _ pieces: InventoryResponse.HeldPieces, of due: InventoryResponse,
        _ recalled: CartRecall, _ now: Timestamp, _ turn: inout CartTurn
    ) {
        let requestID = due.requestID
        let former = turn.kept?[requestID] ?? recalled.entries[requestID]
        let decision = cart.decide(
            pieces, of: requestID, product: due.productCode, isForgotten: former != nil, now: now,
            lifetime: configuration.holdsFor)
        switch decision {
        case .event(let event):
            apply(event, due.traceparent, &turn)
        case .say(let actions):
            turn.remarks += actions.map { action in
                InventoryRequest(
                    cartID: cart.cartID, requestID: requestID, userID: pieces.userID,
                    productCode: due.productCode, action: action, traceparent: due.traceparent)
            }
        case .nothing:
            break
        }
    }

    private func apply(_ event: CartEvent, _ traceparent: String?, _ turn: inout CartTurn) {
        let cartID = cart.cartID
        for duty in cart.duties(from: event) {
            let key = CartRequestKey(cartID: cartID, requestID: duty.requestID)
            let action: InventoryRequest.Action
            switch duty.kind {
            case .ask(let quantity, let until): action = .ask(quantity: quantity, until: until)
            case .lower(let quantity): action = .lower(to: quantity)
            case .nothing:
                turn.owe(key, nil)
                continue
            }
            let request = InventoryRequest(
                cartID: cartID, requestID: duty.requestID, userID: duty.userID,
                productCode: duty.productCode, action: action, traceparent: traceparent)
            turn.owe(
                key,
                Obligation(
                    request: request, partition: partition,
                    dueAt: event.at + configuration.repeatDelay))
        }
        cart.evolve(event)
        if turn.kept != nil {
            for requestID in [event.requestID] + event.settledRequests {
                turn.kept?[requestID] = cart.memory[requestID]
            }
        }
        turn.events.append(
            StoredEvent(
                cartID: cartID, version: event.version, partition: partition,
                requestID: event.requestID, type: event.type,
                json: event.encoded(cartID: cartID), at: event.at))
        turn.changesLines = turn.changesLines || event.changesLines
        for requestID in event.settledRequests where requestID != event.requestID {
            tellAskers(requestID, &turn)
        }
    }

    private func registerAsker(_ requestID: RequestID, _ asker: Asker) {
        var known = askers[requestID] ?? []
        if known.count < Self.listenersMax,
            !known.contains(where: { $0.replyPartition == asker.replyPartition })
        {
            known.append(asker)
        }
        askers[requestID] = known
    }

    private func tellAskers(_ requestID: RequestID, _ turn: inout CartTurn) {
        guard let outcome = cart.outcome(of: requestID) else { return }
        guard let waiting = askers.removeValue(forKey: requestID) else { return }
        told[requestID] = waiting
        for asker in waiting {
            turn.replies.append(
                CartTurn.Reply(requestID: requestID, verdict: .outcome(outcome), asker: asker))
        }
    }

    private func tellWatchers(_ now: Timestamp, _ turn: inout CartTurn) {
        watchers = watchers.filter { $0.value > now }
        turn.watchersToTell.formUnion(watchers.keys)
    }

    private func watch(
        _ replyPartition: Int, since: Int, _ now: Timestamp, _ turn: inout CartTurn
    ) {
        if watchers.count >= Self.listenersMax { watchers = watchers.filter { $0.value > now } }
        if watchers.count < Self.listenersMax || watchers[replyPartition] != nil {
            watchers[replyPartition] = now + CartRequest.watchLease
        }
        if cart.version > since { turn.watchersToTell.insert(replyPartition) }
    }

    /// The askers that the events themselves name, for a cart that was read from the store.
    private static func firstAskers(
        of cart: Cart, _ configuration: CartServiceConfiguration
    ) -> [RequestID: [Asker]] {
        var askers: [RequestID: [Asker]] = [:]
        for add in cart.pending {
            guard let partition = configuration.answerable(add.request.replyPartition) else {
                continue
            }
            askers[add.requestID] = [Asker(replyPartition: partition, traceparent: nil)]
        }
        return askers
    }
}
