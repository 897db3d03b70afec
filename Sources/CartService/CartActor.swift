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
    /// The gateways that are told of changes, and until when.
    private var watchers: [Int: Timestamp] = [:]
    /// When the cart was last used.
    private(set) var lastUsed: Timestamp

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    init(
        _ cart: Cart, partition: Int, configuration: CartServiceConfiguration, now: Timestamp,
        executor: any SerialExecutor
    ) {
        self.cart = cart
        self.partition = partition
        self.configuration = configuration
        self.executor = executor
        lastUsed = now
        askers = Self.firstAskers(of: cart)
    }

    /// Whether the request may have been forgotten, so that its events must be looked up.
    func mayHaveForgotten(_ requestID: RequestID) -> Bool {
        cart.memory.hasForgotten && cart.memory[requestID] == nil
    }

    /// Whether the request is known, so that its events were stored before.
    func knows(_ requestID: RequestID) -> Bool { cart.memory[requestID] != nil }

    /// Starts over from what the store has, after a turn that was not stored.
    func reset(to cart: Cart) {
        self.cart = cart
        askers.merge(Self.firstAskers(of: cart)) { known, _ in known }
        askers = askers.filter { cart.outcome(of: $0.key) == .pending }
    }

    /// Decides the messages in their order.
    ///
    /// - Parameter recalled: requests that the cart had forgotten, as the store remembers them.
    func take(
        _ messages: [CartMessage], recalled: [RequestID: RequestMemory.Entry], now: Timestamp
    ) -> CartTurn {
        lastUsed = now
        var turn = CartTurn()
        for message in messages {
            switch message {
            case .request(let request): handle(request, recalled, now, &turn)
            case .answer(let answer): handle(answer, now, &turn)
            }
        }
        if turn.changesLines {
            watchers = watchers.filter { $0.value > now }
            turn.watchersToTell.formUnion(watchers.keys)
        }
        return turn
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
        _ request: CartRequest, _ recalled: [RequestID: RequestMemory.Entry], _ now: Timestamp,
        _ turn: inout CartTurn
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

        let body: RequestBody
        switch request.action {
        case .watch(let since):
            if let asker { watch(asker.replyPartition, since: since, now, &turn) }
            return
        case .check:
            reply(.outcome(.accepted))
            return
        case .lookup:
            let outcome = cart.outcome(of: requestID) ?? recalled[requestID]?.outcome
            reply(outcome.map { .outcome($0) } ?? .unknown)
            return
        case .add(let productCode, let quantity):
            body = .add(productCode, quantity: quantity)
        case .remove(let productCode, let quantity):
            body = .remove(productCode, quantity: quantity)
        }

        if cart.memory[requestID] == nil, let known = recalled[requestID] {
            reply(known.body == body ? .outcome(known.outcome) : .reused)
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

    private func handle(_ answer: InventoryResponse, _ now: Timestamp, _ turn: inout CartTurn) {
        let decided: AskAnswer
        switch answer.answer {
        case .lowered:
            // The engine knows what was owed, and ends the obligation.
            return
        case .held(_, let name, _):
            decided = .held(name: name)
        case .refused(let refusal, let available):
            decided = .refused(RejectionReason(refusal), available: available)
        }
        guard let event = cart.decide(decided, to: answer.requestID, now: now) else { return }
        apply(event, answer.traceparent, &turn)
        tellAskers(answer.requestID, &turn)
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
                turn.owed[key] = .some(nil)
                continue
            }
            turn.owed[key] = Obligation(
                request: InventoryRequest(
                    cartID: cartID, requestID: duty.requestID, userID: duty.userID,
                    productCode: duty.productCode, action: action, traceparent: traceparent),
                partition: partition, dueAt: event.at + configuration.repeatDelay)
        }
        cart.evolve(event)
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
        for asker in askers.removeValue(forKey: requestID) ?? [] {
            turn.replies.append(
                CartTurn.Reply(requestID: requestID, verdict: .outcome(outcome), asker: asker))
        }
    }

    private func watch(
        _ replyPartition: Int, since: Int, _ now: Timestamp, _ turn: inout CartTurn
    ) {
        if watchers.count < Self.listenersMax || watchers[replyPartition] != nil {
            watchers[replyPartition] = now + CartRequest.watchLease
        }
        if cart.version > since { turn.watchersToTell.insert(replyPartition) }
    }

    /// The askers that the events themselves name, for a cart that was read from the store.
    private static func firstAskers(of cart: Cart) -> [RequestID: [Asker]] {
        var askers: [RequestID: [Asker]] = [:]
        for add in cart.pending {
            guard let partition = add.request.replyPartition else { continue }
            askers[add.requestID] = [Asker(replyPartition: partition, traceparent: nil)]
        }
        return askers
    }
}
