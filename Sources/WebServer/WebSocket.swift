import Synchronization

/// One open websocket: text messages in, text messages out.
///
/// Sending and closing may be done from any thread. Receiving is for the connection's one consumer.
package final class WebSocket: Sendable {
    /// What a connection has to put on the wire.
    struct Outgoing {
        var texts: [[UInt8]] = []
        var close: (code: UInt16, reason: String)?
    }

    private enum Next {
        case message([UInt8])
        case ended
        case nothingYet
    }

    private struct State {
        var inbox: [[UInt8]] = []
        var inboxStart = 0
        var consumer: CheckedContinuation<[UInt8]?, Never>?
        var isReadingPaused = false
        /// No message will come any more.
        var hasEnded = false
        /// Nothing will be sent any more.
        var isClosed = false
        var outgoing = Outgoing()
        var outgoingBytes = 0
        /// Bytes that the connection has encoded and the kernel has not taken.
        var bufferedBytes = 0
        /// Whether the connection has something to look at, and whether it was told so.
        var needsLook = false
        var isLookPending = false

        var unsent: Int { outgoingBytes + bufferedBytes }
        var inboxCount: Int { inbox.count - inboxStart }
    }

    /// Unique among the connections of this server.
    package let id: UInt64
    private let messagesPause: Int
    private let unsentPause: Int
    private let unsentMax: Int
    private let state = Mutex(State())
    private let wake: @Sendable () -> Void

    /// - Parameter wake: makes the connection look at ``takeOutgoing()`` and its reading again;
    ///   called on any thread, once per look.
    init(
        id: UInt64, configuration: WebServerConfiguration, wake: @escaping @Sendable () -> Void
    ) {
        self.id = id
        messagesPause = configuration.messagesPause
        unsentPause = configuration.unsentBytesPause
        unsentMax = configuration.unsentBytesMax
        self.wake = wake
    }

    // MARK: - For the application

    /// The next text message, in the order in which they came; `nil` when the websocket is closed.
    ///
    /// While the peer does not read what it was sent, nothing is received: whoever answers each
    /// message cannot be made to pile up answers. A binary message closes the websocket with 1003.
    package func receive() async -> [UInt8]? {
        switch update({ takeNext(&$0) }) {
        case .message(let message): return message
        case .ended: return nil
        case .nothingYet: break
        }
        return await withCheckedContinuation { continuation in
            update { state in
                precondition(state.consumer == nil, "a websocket has one consumer")
                // A message that came in between is found by the update itself.
                state.consumer = continuation
            }
        }
    }

    /// Sends a text message; any thread.
    ///
    /// A peer that reads so slowly that its unsent bytes would pass
    /// ``WebServerConfiguration/unsentBytesMax`` is closed with 1013.
    ///
    /// - Parameter text: UTF-8.
    /// - Returns: false once the websocket is closed: the message will not be sent.
    @discardableResult
    package func send(text: [UInt8]) -> Bool {
        update { state in
            guard !state.isClosed else { return false }
            guard state.unsent + text.count <= unsentMax else {
                state.outgoing = Outgoing(close: (1013, "messages are not read fast enough"))
                state.outgoingBytes = 0
                endInput(&state)
                return false
            }
            state.outgoing.texts.append(text)
            state.outgoingBytes += text.count
            state.needsLook = true
            return true
        }
    }

    /// Closes the websocket after what was sent; any thread, idempotent.
    ///
    /// - Parameters:
    ///   - code: RFC 6455 section 7.4; 1000 for a normal end.
    ///   - reason: at most 123 bytes, the rest is cut.
    package func close(code: UInt16, reason: String) {
        update { state in
            guard !state.isClosed else { return }
            state.outgoing.close = (code, reason)
            endInput(&state)
        }
    }

    // MARK: - For the connection

    /// Hands a message to the consumer.
    func deliver(_ message: [UInt8]) {
        update { state in
            guard !state.hasEnded else { return }
            state.inbox.append(message)
        }
    }

    /// Whether so many messages wait that no more should be read; the connection is told when the
    /// consumer has caught up.
    func pausesReading() -> Bool {
        update { state in
            state.isReadingPaused = state.inboxCount >= messagesPause
            return state.isReadingPaused
        }
    }

    /// Notes how many bytes the kernel has not taken yet.
    func setBufferedBytes(_ count: Int) {
        update { $0.bufferedBytes = count }
    }

    /// Everything to be sent since the last call.
    func takeOutgoing() -> Outgoing {
        update { state in
            var taken = Outgoing()
            swap(&taken, &state.outgoing)
            // What is taken counts until the connection says what is left of it.
            state.bufferedBytes += state.outgoingBytes
            state.outgoingBytes = 0
            state.isLookPending = false
            return taken
        }
    }

    /// Notes that the connection is closing: messages already received may still be taken.
    func end() {
        update { state in
            state.isClosed = true
            state.hasEnded = true
            state.outgoing = Outgoing()
            state.outgoingBytes = 0
            state.bufferedBytes = 0
        }
    }

    // MARK: - State

    /// Changes the state, then gives the consumer what it waits for and tells the connection.
    private func update<Result>(_ change: (inout State) -> Result) -> Result {
        let (result, consumer, message, mustWake) = state.withLock { state in
            let result = change(&state)
            var consumer: CheckedContinuation<[UInt8]?, Never>?
            var message: [UInt8]?
            if state.consumer != nil {
                switch takeNext(&state) {
                case .message(let next):
                    message = next
                    consumer = state.consumer.take()
                case .ended:
                    consumer = state.consumer.take()
                case .nothingYet:
                    break
                }
            }
            let mustWake = state.needsLook && !state.isLookPending
            if mustWake { state.isLookPending = true }
            state.needsLook = false
            return (result, consumer, message, mustWake)
        }
        consumer?.resume(returning: message)
        if mustWake { wake() }
        return result
    }

    private func takeNext(_ state: inout State) -> Next {
        guard state.inboxCount > 0 else { return state.hasEnded ? .ended : .nothingYet }
        guard state.hasEnded || state.unsent <= unsentPause else { return .nothingYet }
        var message: [UInt8] = []
        swap(&message, &state.inbox[state.inboxStart])
        state.inboxStart += 1
        if state.inboxStart == state.inbox.count {
            state.inbox.removeAll(keepingCapacity: state.inbox.count <= 256)
            state.inboxStart = 0
        }
        if state.isReadingPaused, state.inboxCount <= messagesPause / 2 {
            state.isReadingPaused = false
            state.needsLook = true
        }
        return .message(message)
    }

    private func endInput(_ state: inout State) {
        state.isClosed = true
        state.hasEnded = true
        state.inbox = []
        state.inboxStart = 0
        state.needsLook = true
    }
}
