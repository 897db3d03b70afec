import CartDomain
import Messages
import Telemetry

extension GatewayCore {
    /// How long ``run()`` sleeps: how late a deadline may be noticed.
    private static let tick = Duration.milliseconds(50)
    /// After how long a watch that could not be sent is tried again.
    private static let watchRetry = Duration.seconds(1)

    /// Does what is due, until the task is cancelled; nobody is left waiting then.
    ///
    /// One sleep of a fixed length serves all deadlines, which are many times as long. Nearly all of
    /// them are met long before: to wake for each would cost more than the request did.
    func run() async throws {
        begin()
        defer { stop() }
        while true {
            if let deadline = nextDeadline, deadline <= clock.now() { advance() }
            try await clock.sleep(for: Self.tick)
        }
    }

    /// Takes requests from now on.
    func begin() {
        if phase == .starting { phase = .serving }
    }

    /// Refuses new requests, and returns when everyone who waits was told an outcome or that it is
    /// pending.
    func drain() async {
        if phase != .stopped { phase = .draining }
        while pending.untoldCount > 0, phase == .draining {
            do { try await clock.sleep(for: .milliseconds(10)) } catch { return }
        }
    }

    /// Does what is due by now.
    func advance() {
        let now = clock.now()
        let events = pending.advance(
            to: now,
            isThere: { asker in
                switch asker {
                case .socket(let socketID): sockets.isOpen(socketID)
                case .call: true
                }
            }, using: &randomness)
        var requests: [CartRequest] = []
        var givenUp: [PendingRequests.Key] = []
        for event in events {
            switch event {
            case .askAgain(let request): requests.append(request)
            case .tellPending(let waiter, let key): tellPending(waiter, key)
            case .giveUp(let waiter, let key):
                giveUp(waiter, key)
                givenUp.append(key)
            }
        }
        if let first = givenUp.first {
            metrics.gaveUp.increment(by: givenUp.count)
            logger.warning(
                "requests were never answered",
                [
                    "count": "\(givenUp.count)", "firstCart": "\(first.cartID)",
                    "firstRequest": first.requestID.text,
                ])
        }
        metrics.reasks.increment(by: requests.count)
        append(asking: requests, watching: sockets.renew(now: now))
        metrics.waiting.set(pending.waiterCount)
    }

    /// Sends repeated requests and watches.
    func append(asking requests: [CartRequest], watching watches: [CartSockets.DueWatch]) {
        guard !requests.isEmpty || !watches.isEmpty else { return }
        let watchRequests = watches.map { watch in
            makeRequest(
                Ask(
                    userID: watch.userID, cartID: watch.cartID,
                    action: .watch(since: watch.since)))
        }
        do {
            try log.append(requests + watchRequests)
            metrics.watches.increment(by: watches.count)
            logRefusesRepeats = false
        } catch {
            if !logRefusesRepeats {
                logger.warning(
                    "the log takes no repeated requests; they are tried again and again",
                    ["error": "\(error)"])
            }
            logRefusesRepeats = true
            for watch in watches {
                sockets.retryWatch(watch.cartID, at: clock.now() + Self.watchRetry)
            }
        }
    }

    private var nextDeadline: Timestamp? {
        switch (pending.nextDeadline, sockets.nextDeadline) {
        case (let request?, let watch?): min(request, watch)
        case (let request, let watch): request ?? watch
        }
    }

    private func tellPending(_ waiter: PendingRequests.Waiter, _ key: PendingRequests.Key) {
        metrics.count(.pending)
        switch waiter.asker {
        case .call(let callID):
            answerCall(callID, .unanswered(key.requestID))
        case .socket(let socketID):
            answerSocket(socketID, OutcomeText.pending(key.requestID), version: nil)
        }
    }

    private func giveUp(_ waiter: PendingRequests.Waiter, _ key: PendingRequests.Key) {
        if !waiter.wasTold { tellPending(waiter, key) }
        guard case .socket(let socketID) = waiter.asker else { return }
        let problem = Problem(
            .noAnswer, "the cart has not answered; ask again under the same request ID")
        answerSocket(socketID, problem.message(for: key.requestID), version: nil)
        sockets.endWaiting(socketID)
    }

    private func stop() {
        phase = .stopped
        for waiter in pending.takeAll() where !waiter.wasTold {
            if case .call(let callID) = waiter.asker {
                answerCall(
                    callID,
                    .refused(Problem(.shuttingDown, "this gateway stopped before the outcome")))
            }
        }
    }
}
