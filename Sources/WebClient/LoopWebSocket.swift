import Threading
import WebWire

/// Who owns a ``LoopWebSocket``; called on the loop, and told which of its sockets speaks.
package protocol LoopWebSocketUser: AnyObject {
    /// The handshake is done: messages can be sent.
    func opened(_ tag: Int)
    /// A text message came.
    func received(_ text: [UInt8], _ tag: Int)
    /// The websocket is gone, or was never opened; called once, and nothing after it.
    func ended(_ tag: Int, _ error: WebClientError)
}

/// A websocket whose owner lives on the client's loop: no locks, no tasks, no queues.
///
/// Made for load generators, which have ten thousand of them. Loop thread only.
package final class LoopWebSocket: ClientConnectionUser {
    private enum State {
        case connecting, open, closing, closed
    }

    private static let closeDeadline = Duration.seconds(5)
    private static let messageBytesMax = 16_777_216

    private let loop: EventLoop
    private let tag: Int
    private weak var user: (any LoopWebSocketUser)?
    private var state = State.connecting
    private var connection: ClientConnection?
    private var codec: WebSocketCodecHandle?

    /// Starts to open a websocket.
    ///
    /// - Parameters:
    ///   - target: path and query, percent-encoded.
    ///   - tag: by which the user knows this socket.
    ///   - user: kept weakly.
    package init(
        _ client: WebClient, _ peer: WebPeer, _ target: String, timeout: Duration, tag: Int,
        user: any LoopWebSocketUser
    ) {
        loop = client.loop
        self.tag = tag
        self.user = user
        let key = WebSocketKey.random()
        let call = HTTPCall(
            context: client.context, authority: peer.authority, address: peer.address,
            request: requestBytes("GET", target, upgradeFields(peer.authority, key: key), []),
            method: "GET", bodyBytesMax: 1_048_576)
        call.begin(timeout: timeout) { [self] in upgrade($0, key) }
    }

    /// Whether messages can be sent.
    package var isOpen: Bool { state == .open }

    /// Sends a text message, unless the websocket is closed or closing.
    package func send(_ text: [UInt8]) {
        guard state == .open else { return }
        codec?.queueText(text)
        drain()
    }

    /// Says good-bye; the user is told when the server has closed, or after a few seconds.
    package func close() {
        switch state {
        case .open:
            state = .closing
            codec?.queueClose(code: 1000, reason: "")
            drain()
            _ = loop.schedule(after: Self.closeDeadline) { [weak self] in
                self?.connection?.close()
                self?.end(.timedOut)
            }
        case .connecting:
            // Nothing was asked yet; the handshake's end is no news any more.
            state = .closing
        case .closing, .closed:
            break
        }
    }

    private func upgrade(_ result: Result<HTTPCall.Outcome, WebClientError>, _ key: String) {
        switch result {
        case .failure(let error):
            end(error)
        case .success(let outcome):
            guard let (connection, leftOver) = outcome.upgraded else {
                end(.upgradeRefused(outcome.response))
                return
            }
            guard state == .connecting,
                outcome.response.header("sec-websocket-accept") == WebSocketKey.accept(key)
            else {
                connection.close()
                end(
                    state == .connecting
                        ? .malformed("the handshake's Sec-WebSocket-Accept is wrong") : .cancelled)
                return
            }
            codec = WebSocketCodecHandle(.client, messageBytesMax: Self.messageBytesMax)
            self.connection = connection
            connection.user = self
            state = .open
            user?.opened(tag)
            if !leftOver.isEmpty { received(leftOver.span) }
            connection.pump()
        }
    }

    private func drain() {
        connection?.write { codec?.drain(into: &$0) }
    }

    private func end(_ error: WebClientError) {
        guard state != .closed else { return }
        state = .closed
        connection = nil
        codec = nil
        user?.ended(tag, error)
    }

    // MARK: - ClientConnectionUser

    var wantsInput: Bool { true }

    func connected() {}

    func received(_ bytes: Span<UInt8>) {
        guard codec?.wantsInput ?? false else { return }
        codec?.receive(bytes)
        for event in codec?.takeEvents() ?? [] {
            switch event {
            case .text(let text): if state == .open { user?.received(text, tag) }
            case .close: if state == .open { state = .closing }
            case .binary, .ping, .pong: break
            }
        }
        drain()
    }

    func ended(_ error: WebClientError) { end(error) }
}
