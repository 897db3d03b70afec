import Synchronization
import Threading
import WebWire

/// The client's end of a websocket: text messages out and in.
///
/// Any number of tasks may send; one at a time may receive.
package final class WebSocketClient: Sendable {
    private struct State {
        var inbox: [[UInt8]] = []
        var inboxStart = 0
        var hasEnded = false
        var closeCode: UInt16?
        var receiver: (serial: UInt64, continuation: Continuation)?
        var lastSerial: UInt64 = 0
        var outgoing: [[UInt8]] = []
        var close: (code: UInt16, reason: String)?
        var isClosed = false
        var isLookPending = false
    }

    private typealias Continuation = CheckedContinuation<
        Result<[UInt8]?, WebClientError>, Never
    >

    /// Messages that wait unread before the socket is read no further.
    private static let messagesPause = 1_024

    private let loop: EventLoop
    private let state = Mutex(State())
    private let driver = Mutex<WebSocketClientDriver?>(nil)

    private init(loop: EventLoop) { self.loop = loop }

    deinit {
        let driver = driver.withLock { $0 }
        loop.execute { driver?.abandon() }
    }

    /// Opens a websocket.
    ///
    /// - Parameters:
    ///   - url: `ws://host[:port]/path?query`; `http://` means the same.
    ///   - client: whose loop carries the socket.
    ///   - timeout: for connect and handshake.
    ///   - messageBytesMax: longer messages end the websocket.
    /// - Throws: `upgradeRefused` with status and body when the server answers otherwise.
    package static func connect(
        _ url: String, headers: [(String, String)] = [], client: WebClient,
        timeout: Duration = .seconds(30), messageBytesMax: Int = 16_777_216
    ) async throws(WebClientError) -> WebSocketClient {
        let url = try WebURL(url)
        guard let address = await client.resolve(url) else {
            throw .unreachable("\(url.host) has no address")
        }
        let key = WebSocketKey.random()
        let fields = upgradeFields(url.authority, key: key) + headers
        let call = HTTPCall(
            context: client.context, authority: url.authority, address: address,
            request: requestBytes("GET", url.target, fields, []), method: "GET",
            bodyBytesMax: 1_048_576)
        let outcome = try await call.run(timeout: timeout)
        guard let (connection, leftOver) = outcome.upgraded else {
            throw .upgradeRefused(outcome.response)
        }
        let socket = WebSocketClient(loop: client.loop)
        guard outcome.response.header("sec-websocket-accept") == WebSocketKey.accept(key),
            let codec = WebSocketCodecHandle(.client, messageBytesMax: messageBytesMax)
        else {
            client.loop.execute { connection.close() }
            throw .malformed("the handshake's Sec-WebSocket-Accept is wrong")
        }
        let driver = WebSocketClientDriver(
            socket: socket, connection: connection, codec: codec, loop: client.loop)
        socket.driver.withLock { $0 = driver }
        client.loop.execute { driver.start(leftOver) }
        return socket
    }

    /// Sends a text message; any thread.
    ///
    /// - Returns: false once the websocket is closed: the message will not be sent.
    @discardableResult
    package func send(_ text: [UInt8]) -> Bool {
        let mustLook: Bool? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.outgoing.append(text)
            return Self.mustLook(&state)
        }
        if mustLook == true { look() }
        return mustLook != nil
    }

    /// Sends a text message; any thread.
    ///
    /// - Returns: false once the websocket is closed: the message will not be sent.
    @discardableResult
    package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// The next text message; `nil` once the websocket is closed and all is read.
    ///
    /// - Parameter timeout: how long to wait; without end unless told.
    /// - Throws: `timedOut` or `cancelled`; the websocket stays open.
    package func receive(
        timeout: Duration? = nil
    ) async throws(WebClientError) -> [UInt8]? {
        if let ready = take() { return ready }
        let serial = state.withLock { state in
            state.lastSerial += 1
            return state.lastSerial
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: Continuation) in
                let ready: [UInt8]?? = state.withLock { state in
                    let ready = Self.take(&state)
                    if ready == nil {
                        precondition(state.receiver == nil, "a websocket has one receiver")
                        state.receiver = (serial, continuation)
                    }
                    return ready
                }
                if let ready {
                    continuation.resume(returning: .success(ready))
                } else if Task.isCancelled {
                    giveUp(serial, .cancelled)
                } else if let timeout {
                    loop.execute { [self] in
                        driver.withLock { $0 }?.startReceiveTimer(serial, timeout)
                    }
                }
            }
        } onCancel: {
            giveUp(serial, .cancelled)
        }
        return try result.get()
    }

    /// The next text message as text; see ``receive(timeout:)``.
    package func receiveText(
        timeout: Duration? = nil
    ) async throws(WebClientError) -> String? {
        try await receive(timeout: timeout).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The code with which the server closed, 1006 if it just went; `nil` while open.
    package var closeCode: UInt16? { state.withLock { $0.closeCode } }

    /// Says good-bye after what was sent; any thread, idempotent.
    ///
    /// What came before the server's close frame is still received.
    package func close(code: UInt16 = 1000, reason: String = "") {
        let mustLook = state.withLock { state in
            guard !state.isClosed else { return false }
            state.isClosed = true
            state.close = (code, reason)
            return Self.mustLook(&state)
        }
        if mustLook { look() }
    }

    // MARK: - For the driver

    struct Outgoing {
        var texts: [[UInt8]] = []
        var close: (code: UInt16, reason: String)?
    }

    func takeOutgoing() -> Outgoing {
        state.withLock { state in
            state.isLookPending = false
            let taken = Outgoing(texts: state.outgoing, close: state.close)
            state.outgoing = []
            state.close = nil
            return taken
        }
    }

    var wantsInput: Bool {
        state.withLock { $0.inbox.count - $0.inboxStart < Self.messagesPause }
    }

    func deliver(_ message: [UInt8]) {
        let receiver = state.withLock { state in
            let receiver = state.receiver
            state.receiver = nil
            if receiver == nil { state.inbox.append(message) }
            return receiver
        }
        receiver?.continuation.resume(returning: .success(message))
    }

    /// Notes the end; nobody receives after it.
    func end(code: UInt16) {
        let receiver = state.withLock { state in
            state.isClosed = true
            state.hasEnded = true
            if state.closeCode == nil { state.closeCode = code }
            let receiver = state.receiver
            state.receiver = nil
            return receiver
        }
        receiver?.continuation.resume(returning: .success(nil))
    }

    func giveUp(_ serial: UInt64, _ error: WebClientError) {
        let receiver = state.withLock { state in
            guard let receiver = state.receiver, receiver.serial == serial else {
                return nil as (serial: UInt64, continuation: Continuation)?
            }
            state.receiver = nil
            return receiver
        }
        receiver?.continuation.resume(returning: .failure(error))
    }

    // MARK: - State

    private func take() -> [UInt8]?? {
        let (taken, mustLook) = state.withLock { state in
            let wasPaused = state.inbox.count - state.inboxStart >= Self.messagesPause
            let taken = Self.take(&state)
            return (taken, wasPaused && Self.mustLook(&state))
        }
        if mustLook { look() }
        return taken
    }

    private static func take(_ state: inout State) -> [UInt8]?? {
        guard state.inboxStart < state.inbox.count else {
            return state.hasEnded ? .some(nil) : nil
        }
        var message: [UInt8] = []
        swap(&message, &state.inbox[state.inboxStart])
        state.inboxStart += 1
        if state.inboxStart == state.inbox.count {
            state.inbox.removeAll(keepingCapacity: true)
            state.inboxStart = 0
        }
        return message
    }

    private static func mustLook(_ state: inout State) -> Bool {
        defer { state.isLookPending = true }
        return !state.isLookPending
    }

    private func look() {
        loop.execute { [self] in driver.withLock { $0 }?.look() }
    }
}

/// What asks a server for a websocket.
func upgradeFields(_ authority: String, key: String) -> [(String, String)] {
    [
        ("Host", authority), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key),
    ]
}
