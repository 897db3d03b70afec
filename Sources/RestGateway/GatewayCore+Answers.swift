import Messages
import Telemetry

extension GatewayCore {
    /// Takes replies from the log: outcomes first, so that who asked is not told a change twice.
    ///
    /// An outcome with a cart is a change too, for the cart's other sockets.
    func receive(_ replies: [GatewayReply]) {
        let now = clock.now()
        for reply in replies {
            if let requestID = reply.requestID { settle(requestID, by: reply, now: now) }
        }
        for reply in replies {
            if let version = reply.cartVersion {
                let count = sockets.change(reply.cartID, version: version) {
                    reply.requestID == nil ? reply.value : CartResponse.change(in: reply.value)
                }
                metrics.changesPushed.increment(by: count)
            } else if reply.requestID == nil {
                noteMalformed(reply)
            }
        }
        metrics.waiting.set(pending.waiterCount)
    }

    private func settle(_ requestID: RequestID, by reply: GatewayReply, now: Timestamp) {
        guard let status = reply.status else {
            noteMalformed(reply)
            return
        }
        var key = PendingRequests.Key(cartID: reply.cartID, requestID: requestID)
        var waiters: [PendingRequests.Waiter] = []
        // "Pending" and "unknown" answer lookups only: a request waits for its outcome.
        if status == .accepted || status == .rejected {
            waiters = pending.settle(key, now: now) ?? []
        }
        key.isLookup = true
        if pending.isAwaited(key), !refusesReuse(reply) {
            waiters += pending.settle(key, now: now) ?? []
        }
        if waiters.isEmpty { metrics.repliesDropped.increment() }
        for waiter in waiters {
            metrics.count(status)
            metrics.outcomeTime.observe(.milliseconds(now.millis - waiter.askedAt.millis))
            switch waiter.asker {
            case .call(let callID):
                answerCall(
                    callID,
                    .outcome(
                        requestID, status, version: reply.cartVersion, text: reply.value))
            case .socket(let socketID):
                sockets.endWaiting(socketID)
                // Another cart's version says nothing about what the socket has seen of its own.
                let isOwn = sockets.shopper(of: socketID)?.cartID == reply.cartID
                answerSocket(socketID, reply.value, version: isOwn ? reply.cartVersion : nil)
            }
        }
    }

    /// Whether a reply refuses another request under the same ID, which is not what became of the
    /// request that a lookup asks for.
    private func refusesReuse(_ reply: GatewayReply) -> Bool {
        reply.status == .rejected && OutcomeText.reason(in: reply.value) == .requestIDReused
    }

    private func noteMalformed(_ reply: GatewayReply) {
        metrics.repliesMalformed.increment()
        logger.warning(
            "a reply does not say what it is and was dropped", ["cart": "\(reply.cartID)"])
    }

    func answerSocket(_ socketID: Int, _ text: [UInt8], version: Int?) {
        // The watch is sent before the answer: what the client does next comes after it.
        if let watch = sockets.startWatch(of: socketID, version: version, now: clock.now()) {
            append(asking: [], watching: [watch])
        }
        sockets.answer(socketID, text, version: version)
    }

    func answerCall(_ callID: Int, _ answer: CallAnswer) {
        calls.removeValue(forKey: callID)?.resume(returning: answer)
    }
}
