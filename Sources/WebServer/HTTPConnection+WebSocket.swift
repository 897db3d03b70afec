import Telemetry
import Threading
import WebWire

/// What a connection keeps while it is a websocket.
final class WebSocketSession {
    let webSocket: WebSocket
    var codec: WebSocketCodecHandle
    var lastHeard: Duration
    var lastPing: Duration
    /// When the peer must have answered our close frame.
    var closeDue: Duration?

    init(webSocket: WebSocket, codec: consuming WebSocketCodecHandle, now: Duration) {
        self.webSocket = webSocket
        self.codec = codec
        lastHeard = now
        lastPing = now
    }
}

extension HTTPConnection {
    /// Answers 101 and starts the consumer.
    func upgrade(
        key: String, _ headers: [(String, String)],
        _ consumer: @escaping @Sendable (WebSocket) async -> Void
    ) {
        guard
            let codec = WebSocketCodecHandle(
                .server, messageBytesMax: configuration.messageBytesMax)
        else {
            close()
            return
        }
        let webSocket = WebSocket(id: id, configuration: configuration) { [weak self] in
            guard let self else { return }
            server.loop.execute { [self] in lookAtWebSocket() }
        }
        let session = WebSocketSession(webSocket: webSocket, codec: codec, now: EventLoop.now)
        phase = .webSocket(session)
        server.metrics.webSockets.add(1)
        write {
            HTTPResponseEncoder.appendUpgrade(
                accept: WebSocketKey.accept(key), headers, date: server.date, to: &$0)
        }
        if server.isShuttingDown {
            webSocket.close(code: 1001, reason: "the server shuts down")
        }
        setWebSocketDeadline(session)
        flush()
        // The connection's only consumer: messages are handled in the order in which they came.
        Task(executorPreference: server.loop) {
            await consumer(webSocket)
            webSocket.close(code: 1000, reason: "")
        }
        pump()
    }

    /// Sends what the application wants sent, and reads on if it has caught up.
    private func lookAtWebSocket() {
        guard case .webSocket(let session) = phase else { return }
        let outgoing = session.webSocket.takeOutgoing()
        for text in outgoing.texts where session.codec.queueText(text) {
            server.metrics.messagesSent.increment()
        }
        if let close = outgoing.close {
            session.codec.queueClose(code: close.code, reason: close.reason)
        }
        send(session)
        pump()
    }

    /// Encodes and sends what the codec has.
    private func send(_ session: WebSocketSession) {
        write { session.codec.drain(into: &$0) }
        if session.codec.closeSent, session.closeDue == nil {
            session.webSocket.end()
            session.closeDue = EventLoop.now + configuration.closeDeadline
            setWebSocketDeadline(session)
        }
        flush()
    }

    /// After each write: tells the application what is unsent, and ends what is over.
    func webSocketFlushed(_ session: WebSocketSession) {
        session.webSocket.setBufferedBytes(output.count)
        guard session.codec.closeSent, !session.codec.wantsInput, output.isEmpty else { return }
        server.metrics.webSockets.add(-1)
        session.webSocket.end()
        linger()
    }

    /// Takes bytes of frames.
    func consumeWebSocket(_ bytes: Span<UInt8>, _ session: WebSocketSession) {
        session.lastHeard = EventLoop.now
        session.codec.receive(bytes)
        for event in session.codec.takeEvents() {
            switch event {
            case .text(let text):
                server.metrics.messagesReceived.increment()
                session.webSocket.deliver(text)
            case .binary:
                session.webSocket.close(code: 1003, reason: "only text messages are understood")
            case .close:
                session.webSocket.end()
            case .ping, .pong:
                break
            }
        }
        send(session)
    }

    // MARK: - Deadlines

    /// Pings a silent peer, gives up one that stays silent, cuts one that does not close.
    func webSocketExpired(_ session: WebSocketSession, now: Duration) {
        if let due = session.closeDue {
            if due <= now { cut() } else { setWebSocketDeadline(session) }
            return
        }
        // Whom we do not read, we cannot hear.
        if isPaused { session.lastHeard = now }
        if now >= session.lastHeard + configuration.idleLimit {
            server.metrics.cut.increment()
            session.webSocket.close(code: 1008, reason: "nothing was heard for too long")
        } else if now >= max(session.lastHeard, session.lastPing) + configuration.pingInterval {
            session.lastPing = now
            session.codec.queuePing()
            send(session)
        }
        if case .webSocket = phase { setWebSocketDeadline(session) }
    }

    private func setWebSocketDeadline(_ session: WebSocketSession) {
        inputDeadline =
            session.closeDue
            ?? min(
                session.lastHeard + configuration.idleLimit,
                max(session.lastHeard, session.lastPing) + configuration.pingInterval)
    }
}
