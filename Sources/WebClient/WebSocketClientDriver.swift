import Threading
import WebWire

/// Drives a client's websocket on the loop.
final class WebSocketClientDriver: ClientConnectionUser, @unchecked Sendable {
    // `@unchecked`: after `start`, touched on the loop alone.
    private static let closeDeadline = Duration.seconds(5)

    private let connection: ClientConnection
    private let loop: EventLoop
    private var codec: WebSocketCodecHandle
    private var closeTimer: TimerID?
    private var receiveTimer: TimerID?
    /// Weak: the socket owns its driver.
    private weak var socket: WebSocketClient?

    init(
        socket: WebSocketClient, connection: ClientConnection,
        codec: consuming WebSocketCodecHandle, loop: EventLoop
    ) {
        self.socket = socket
        self.connection = connection
        self.codec = codec
        self.loop = loop
    }

    func start(_ leftOver: [UInt8]) {
        connection.user = self
        guard connection.isOpen else {
            ended(.disconnected)
            return
        }
        if !leftOver.isEmpty { received(leftOver.span) }
        look()
    }

    /// Sends what waits and reads on.
    func look() {
        guard let socket, connection.isOpen else { return }
        let outgoing = socket.takeOutgoing()
        for text in outgoing.texts { codec.queueText(text) }
        if let close = outgoing.close { codec.queueClose(code: close.code, reason: close.reason) }
        send()
        connection.pump()
    }

    func startReceiveTimer(_ serial: UInt64, _ timeout: Duration) {
        if let receiveTimer { loop.cancel(receiveTimer) }
        receiveTimer = loop.schedule(after: timeout) { [weak self] in
            self?.receiveTimer = nil
            self?.socket?.giveUp(serial, .timedOut)
        }
    }

    // MARK: - ClientConnectionUser

    /// After the last frame everything is read and dropped, up to the end of the stream: it is the
    /// server that should close first, RFC 6455 section 7.1.1.
    var wantsInput: Bool { !codec.wantsInput || socket?.wantsInput ?? false }

    func connected() {}

    func received(_ bytes: Span<UInt8>) {
        guard codec.wantsInput else { return }
        codec.receive(bytes)
        for event in codec.takeEvents() {
            switch event {
            case .text(let text): socket?.deliver(text)
            case .close(let code, _): socket?.end(code: code)
            case .binary, .ping, .pong: break
            }
        }
        send()
    }

    func ended(_ error: WebClientError) {
        for timer in [closeTimer, receiveTimer] {
            if let timer { loop.cancel(timer) }
        }
        closeTimer = nil
        receiveTimer = nil
        socket?.end(code: 1006)
    }

    /// Closes at once: nobody holds the socket any more.
    func abandon() {
        guard connection.isOpen else { return }
        connection.close()
        ended(.disconnected)
    }

    private func send() {
        connection.write { codec.drain(into: &$0) }
        guard codec.closeSent else { return }
        if !codec.wantsInput { socket?.end(code: codec.closeCodeSent) }
        guard closeTimer == nil else { return }
        closeTimer = loop.schedule(after: Self.closeDeadline) { [self] in abandon() }
    }
}
