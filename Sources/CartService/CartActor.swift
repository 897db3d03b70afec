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
    private let offers: any OfferBook
    private var cart: Cart
    /// Who waits for each pending request.
    private var askers: [RequestID: [Asker]] = [:]
    /// Whom the last turn told: they wait on if it turns out not to be stored.
    private var told: [RequestID: [Asker]] = [:]
    /// Other carts that ask for what is held, while it cannot be given; they ask again by themselves.
    private var handOvers: [RequestID: CartRequest] = [:]
    /// Whether the cart was read again, so that what happened to it may not have been told.
    private var mayHaveNews = false
    /// The gateways that are told of changes, and until when.
    private var watchers: [Int: Timestamp] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    init(
        _ cart: Cart, partition: Int, configuration: CartServiceConfiguration,
        offers: any OfferBook, executor: any SerialExecutor
    ) {
        self.cart = cart
        self.offers = offers
        self.partition = partition
        self.configuration = configuration
        self.executor = executor
        askers = Self.firstAskers(of: cart, configuration)
    }

    /// Whether the message's request may have been forgotten, so that its events must be looked up.
    ///
    /// - Parameter isReplay: whether the message may have been handled before.
    func mayHaveForgotten(_ message: CartMessage, isReplay: Bool) -> Bool {
        let hasForgotten = cart.memory.hasForgotten
        switch message {
        case .request(let request):
            switch request.action {
            // What was given stands in the event alone.
            case .handOver: return hasForgotten || knows(request.requestID)
            case .command, .lookup: return hasForgotten && !knows(request.requestID)
            case .handed: return hasForgotten && isReplay && !knows(request.requestID)
            case .check, .watch: return false
            }
        case .answer(let answer):
            guard hasForgotten, !knows(answer.requestID) else { return false }
            if case .holdDue = answer.answer { return true }
            return isReplay
        }
    }

    /// Whether the request is known, so that its events were stored before.
    func knows(_ requestID: RequestID) -> Bool { cart.memory[requestID] != nil }

    /// How many events the cart has had.
    var version: Int { cart.version }

    /// Whether the request waits for the inventory.
    func isPending(_ requestID: RequestID) -> Bool { cart.outcome(of: requestID) == .pending }

    /// Starts over from what the store has, after a turn of which it is unknown whether it was stored.
    func reset(to cart: Cart) {
        self.cart = cart
        askers.merge(told) { known, _ in known }
        askers.merge(Self.firstAskers(of: cart, configuration)) { known, _ in known }
        told = [:]
        handOvers = [:]
        askers = askers.filter { cart.outcome(of: $0.key) != nil }
        mayHaveNews = true
    }

    /// Decides the messages in their order.
    ///
    /// - Parameters:
    ///   - again: messages that may have been decided before, with nothing stored.
    ///   - unstored: the request of the only event that is not stored, where that is the latest.
    func take(
        _ inputs: [CartEngine.Input], again: Set<CartRequestKey>, recalled: CartRecall,
        unstored: RequestID?, now: Timestamp
    ) -> CartTurn {
        told = [:]
        var turn = CartTurn()
        if mayHaveNews { tellNews(now, &turn) }
        for input in inputs {
            switch input.message {
            case .request(let request): handle(request, again, recalled, now, &turn)
            case .answer(let answer): handle(answer, recalled, unstored, now, &turn)
            }
        }
        repeatHandOvers(&turn)
        if turn.changesLines { tellWatchers(now, &turn) }
        cart.forgetOldRequests()
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
        // A gateway that gets an outcome tells the cart with it to the cart's other sockets.
        let uninformed = turn.watchersToTell.subtracting(outcomes.map(\.replyPartition))
        let changes = uninformed.sorted().map { partition in
            CartResponse(cartID: cart.cartID, content: .changed(view), replyPartition: partition)
        }
        return outcomes + changes
    }

    private func handle(
        _ request: CartRequest, _ again: Set<CartRequestKey>, _ recalled: CartRecall,
        _ now: Timestamp, _ turn: inout CartTurn
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
        let former = recalled.entries[requestID]
        let isAgain = again.contains(CartMessage.request(request).key)
        switch request.action {
        case .watch(let since):
            if let asker { watch(asker.replyPartition, since: since, now, &turn) }
        case .check:
            reply(.outcome(.accepted))
        case .lookup:
            let known = cart.memory[requestID] ?? former
            reply(known.map { .outcome($0.outcome) } ?? .unknown)
        case .handOver(let other):
            handOver(to: other, for: request, recalled, now, &turn)
        case .handed(let items, let other):
            let events = cart.receive(
                items, from: other, for: requestID, askUntil: now + configuration.askWindow,
                offers: offers, now: now)
            apply(events, request.traceparent, &turn)
            if events.isEmpty {
                tellAgain(requestID, request.traceparent, recalled, &turn)
            } else {
                tellAskers(requestID, &turn)
            }
        case .command(let command):
            if cart.memory[requestID] == nil, let former {
                reply(
                    former.matches(command.fingerprint)
                        ? .outcome(former.outcome) : .turnedDown(.requestIDReused))
                if isAgain {
                    takeBackAsk(of: command.base, in: request, former.outcome, now, &turn)
                }
                return
            }
            let isNew = cart.memory[requestID] == nil
            do throws(Rejection) {
                let events = try cart.decide(
                    command.base, context(of: request, command.fingerprint, now))
                apply(events, request.traceparent, &turn)
                // One that depends on the version may be turned down the next time, with nothing stored.
                if case .addRequested? = events.first?.kind, request.ifVersion == nil,
                    command.base.earlyAsk != nil
                {
                    turn.earlyAsks.insert(
                        CartRequestKey(cartID: cart.cartID, requestID: requestID))
                }
            } catch {
                reply(.turnedDown(error.reason))
                return
            }
            let outcome = cart.outcome(of: requestID)
            if isNew || isAgain {
                takeBackAsk(of: command.base, in: request, outcome, now, &turn)
            }
            if outcome == .pending {
                if let asker { registerAsker(requestID, asker) }
            } else if let outcome {
                reply(.outcome(outcome))
            }
        }
    }

    /// Takes back an ask that may have left early, of a request that is rejected without having been
    /// asked for.
    ///
    /// A former try may have asked, and stored nothing, or stored that the cart turns the request down;
    /// and a former owner may that does not know yet that it is none, and sees an older cart. Nothing
    /// else would let go of what such an ask brings. It is owed, so that it is said until the inventory
    /// has done it. A rejected request never has pieces, so that it does no harm to say this once too
    /// often.
    private func takeBackAsk(
        of command: any CartCommand, in request: CartRequest, _ outcome: Outcome?,
        _ now: Timestamp, _ turn: inout CartTurn
    ) {
        let key = CartRequestKey(cartID: cart.cartID, requestID: request.requestID)
        guard case .rejected? = outcome, request.ifVersion == nil,
            let productCode = command.earlyAsk
        else { return }
        let lower = InventoryRequest(
            cartID: cart.cartID, requestID: request.requestID, userID: request.userID,
            productCode: productCode, action: .lower(to: 0), traceparent: request.traceparent)
        turn.owe(
            key,
            Obligation(
                message: .inventory(lower), partition: partition,
                dueAt: now + configuration.repeatDelay))
    }

    private func context(
        of request: CartRequest, _ fingerprint: Fingerprint, _ now: Timestamp
    ) -> CommandContext {
        CommandContext(
            requestID: request.requestID, userID: request.userID, now: now,
            askUntil: now + configuration.askWindow, replyPartition: request.replyPartition,
            fingerprint: fingerprint, ifVersion: request.ifVersion, offers: offers)
    }

    /// Gives another cart what it has asked for, or keeps the question until nothing is pending.
    private func handOver(
        to other: CartID, for request: CartRequest, _ recalled: CartRecall, _ now: Timestamp,
        _ turn: inout CartTurn
    ) {
        let requestID = request.requestID
        guard let parent = requestID.whole else { return }
        var given = recalled.handOvers[requestID]
        if given == nil, recalled.entries[requestID] == nil {
            if let event = cart.handOver(to: other, for: requestID, now: now) {
                apply([event], request.traceparent, &turn)
                if case .handedOver(let handOver) = event.kind { given = handOver }
            } else if !knows(requestID), handOvers.count < Self.listenersMax {
                handOvers[requestID] = request
            }
        }
        guard let given, given.to == other else { return }
        turn.cartRequests.append(
            CartRequest(
                cartID: other, requestID: parent, userID: request.userID,
                action: .handed(given.items, from: cart.cartID), traceparent: request.traceparent))
    }

    /// Asks itself again for what could not be given while the cart waited for the inventory.
    ///
    /// By way of the log, so that the events which follow have a message of their own: who reads it
    /// again publishes them again.
    private func repeatHandOvers(_ turn: inout CartTurn) {
        guard !handOvers.isEmpty, cart.pending.isEmpty else { return }
        turn.cartRequests += handOvers.values.sorted { $0.requestID.text < $1.requestID.text }
        handOvers = [:]
    }

    private func handle(
        _ answer: InventoryResponse, _ recalled: CartRecall, _ unstored: RequestID?,
        _ now: Timestamp, _ turn: inout CartTurn
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
        let isUnstored = requestID == unstored && turn.events.isEmpty
        let event = cart.decide(
            decided, to: requestID, of: answer.productCode, now: now, isUnstored: isUnstored)
        if let event {
            apply([event], answer.traceparent, &turn)
            tellAskers(requestID, &turn)
        } else {
            tellAgain(requestID.whole ?? requestID, answer.traceparent, recalled, &turn)
        }
    }

    /// Tells an outcome that a former owner stored, which may have died before it told it.
    private func tellAgain(
        _ requestID: RequestID, _ traceparent: String?, _ recalled: CartRecall,
        _ turn: inout CartTurn
    ) {
        guard let replyPartition = recalled.askers[requestID], !isPending(requestID),
            let outcome = cart.outcome(of: requestID) ?? recalled.entries[requestID]?.outcome,
            !turn.replies.contains(where: { $0.requestID == requestID })
        else { return }
        turn.replies.append(
            CartTurn.Reply(
                requestID: requestID, verdict: .outcome(outcome),
                asker: Asker(replyPartition: replyPartition, traceparent: traceparent)))
    }

    private func handle(
        _ pieces: InventoryResponse.HeldPieces, of due: InventoryResponse,
        _ recalled: CartRecall, _ now: Timestamp, _ turn: inout CartTurn
    ) {
        let requestID = due.requestID
        let former = recalled.entries[requestID]
        let decision = cart.decide(
            pieces, of: requestID, product: due.productCode, isForgotten: former != nil, now: now,
            lifetime: configuration.holdsFor)
        switch decision {
        case .event(let event):
            apply([event], due.traceparent, &turn)
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

    private func apply(
        _ events: [CartEvent], _ traceparent: String?, _ turn: inout CartTurn
    ) {
        for event in events { apply(event, traceparent, &turn) }
    }

    private func apply(_ event: CartEvent, _ traceparent: String?, _ turn: inout CartTurn) {
        let cartID = cart.cartID
        let (duties, settled) = cart.take(event)
        for duty in duties {
            let key = CartRequestKey(cartID: cartID, requestID: duty.requestID)
            let message = duty.message(of: cartID, traceparent: traceparent)
            turn.owe(
                key,
                message.map {
                    Obligation(
                        message: $0, partition: partition,
                        dueAt: event.at + configuration.repeatDelay)
                })
        }
        turn.events.append(event)
        turn.changesLines = turn.changesLines || event.changesLines
        for requestID in settled where requestID != event.requestID {
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
        guard let outcome = cart.outcome(of: requestID), outcome != .pending else { return }
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
        if cart.version != since { turn.watchersToTell.insert(replyPartition) }
    }

    /// The askers that the events themselves name, for a cart that was read from the store.
    private static func firstAskers(
        of cart: Cart, _ configuration: CartServiceConfiguration
    ) -> [RequestID: [Asker]] {
        var askers: [RequestID: [Asker]] = [:]
        let known =
            cart.pending.map { ($0.requestID, $0.request.replyPartition) }
            + cart.groups.map { ($0.requestID, $0.replyPartition) }
        for (requestID, replyPartition) in known {
            guard let partition = configuration.answerable(replyPartition) else { continue }
            askers[requestID] = [Asker(replyPartition: partition, traceparent: nil)]
        }
        return askers
    }
}
