import Threading
import WebClient

extension LoadEngine {
    /// Opens a websocket for each of so many new shoppers; `done` once each is open or has failed.
    func open(_ count: Int, phase: Int, _ done: @escaping () -> Void) {
        precondition(toOpen.isEmpty && opening == 0, "sockets are being opened already")
        slots = (0..<count).map { _ in Slot() }
        toOpen = Array((0..<count).reversed())
        openPhase = phase
        openDeadline = EventLoop.nanoseconds + configuration.deadline.wholeNanoseconds
        opened = done
        openMore(EventLoop.nanoseconds)
    }

    /// Closes all websockets; `done` once the last is gone.
    func close(_ done: @escaping () -> Void) {
        closed = done
        toOpen = []
        for index in slots.indices {
            switch slots[index].state {
            case .open, .opening:
                if slots[index].state == .opening { opening -= 1 }
                slots[index].state = .closing
                slots[index].socket?.close()
            case .closed: slots[index].state = .failed
            case .closing, .failed: break
            }
        }
        finishClosing()
    }

    private func finishClosing() {
        guard let done = closed, slots.allSatisfy({ $0.state == .failed }) else { return }
        closed = nil
        done()
    }

    func openMore(_ now: UInt64) {
        while opening < Self.openingMax, let index = toOpen.popLast() {
            if opened != nil, now >= openDeadline {
                slots[index].state = .failed
                continue
            }
            opening += 1
            slots[index].state = .opening
            slots[index].user = users
            slots[index].adds = 0
            slots[index].lines = []
            slots[index].openedAt = now
            let target =
                "/cart/update-product?userID=\(userID(users))&quantity=0"
                + "&requestID=\(AnswerText.greetingID)"
            users += 1
            slots[index].socket = LoopWebSocket(
                client, peer(of: index), target, timeout: configuration.deadline, tag: index,
                user: self)
        }
        finishOpening()
    }

    private func finishOpening() {
        guard let done = opened, opening == 0, toOpen.isEmpty else { return }
        opened = nil
        done()
    }

    func peer(of slot: Int) -> WebPeer { peers[slot % peers.count] }
}

extension LoadEngine: LoopWebSocketUser {
    func opened(_ tag: Int) {}

    func received(_ text: [UInt8], _ tag: Int) {
        switch AnswerText(text) {
        case .outcome(let number, let outcome): answer(number, outcome)
        case .refused(let number?): answer(number, .refused)
        case .greeting: greeted(tag)
        case .pending: pendingAnswers += 1
        case .changed: break
        case .refused(number: nil), .malformed: malformedAnswers += 1
        }
    }

    func ended(_ tag: Int, _ error: WebClientError) {
        let before = slots[tag].state
        slots[tag].socket = nil
        slots[tag].state = .closed
        switch before {
        case .opening:
            opening -= 1
            handshakesFailed += 1
        case .open:
            connectionsLost += 1
            // What was asked stays unanswered.
            pace?.answered(slots[tag].waiting)
            slots[tag].waiting = 0
        case .closing, .closed, .failed:
            break
        }
        if closed != nil {
            if before == .closing { slots[tag].state = .failed }
            finishClosing()
            return
        }
        // Another shopper takes the place; in a wave only as long as it gathers.
        if isWave, opened == nil {
            slots[tag].state = .failed
        } else {
            toOpen.insert(tag, at: 0)
        }
        if pace?.inFlight == 0 { finish() }
    }

    private func greeted(_ tag: Int) {
        guard slots[tag].state == .opening else { return }
        slots[tag].state = .open
        opening -= 1
        if opened != nil {
            phases[openPhase].note(
                micros(since: slots[tag].openedAt, EventLoop.nanoseconds), nil, .shown)
            phases[openPhase].answeredInTime += 1
        }
        openMore(EventLoop.nanoseconds)
    }
}
