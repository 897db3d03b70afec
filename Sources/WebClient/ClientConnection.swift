import Threading
import WebWire

/// Who gets the bytes of a client's connection.
protocol ClientConnectionUser: AnyObject {
    /// Whether bytes are wanted now.
    var wantsInput: Bool { get }
    func connected()
    func received(_ bytes: Span<UInt8>)
    /// The connection is gone; called once, and not after ``ClientConnection/close()``.
    func ended(_ error: WebClientError)
}

/// One outgoing TCP connection on a client's loop.
final class ClientConnection: @unchecked Sendable {
    // `@unchecked`: touched on the loop alone.
    private enum State {
        case connecting, open, closed
    }

    private let context: WebClientContext
    private let descriptor: CInt
    private var state = State.connecting
    private var output = OutputBuffer()
    private var isReadable = false
    private var hasHungUp = false
    /// Weak: the user owns the connection.
    weak var user: (any ClientConnectionUser)?

    /// Starts to connect.
    init(to address: SocketAddress, context: WebClientContext) throws(WebClientError) {
        self.context = context
        do {
            descriptor = try Socket.connect(to: address)
        } catch {
            throw .unreachable("\(error)")
        }
        do {
            try context.loop.register(descriptor) { [self] in react(to: $0) }
        } catch {
            Socket.close(descriptor)
            throw .unreachable("\(error)")
        }
    }

    var isOpen: Bool { state == .open }

    /// How many bytes the kernel has not taken.
    var unsentBytes: Int { output.count }

    func close() {
        guard state != .closed else { return }
        state = .closed
        context.loop.deregister(descriptor)
        Socket.close(descriptor)
    }

    /// Appends bytes and sends what the socket takes.
    func write(_ body: (inout [UInt8]) -> Void) {
        guard state != .closed else { return }
        output.append(body)
        if state == .open { flush() }
    }

    /// Hands on what is there, as long as the user wants it.
    func pump() {
        while state == .open, isReadable, let user, user.wantsInput { read(user) }
    }

    private func react(to readiness: EventLoop.Readiness) {
        if readiness.contains(.hangUp) { hasHungUp = true }
        if !readiness.isDisjoint(with: [.readable, .hangUp]) { isReadable = true }
        if state == .connecting {
            guard readiness.contains(.writable) || hasHungUp else { return }
            if let error = Socket.pendingError(descriptor) {
                end(.unreachable("\(error)"))
                return
            }
            state = .open
            user?.connected()
        }
        if state == .open, readiness.contains(.writable), !output.isEmpty { flush() }
        pump()
    }

    private func read(_ user: any ClientConnectionUser) {
        var buffer: [UInt8] = []
        swap(&buffer, &context.readBuffer)
        switch Socket.read(descriptor, into: &buffer) {
        case .bytes(let count):
            // Short reads empty the socket; but an end of stream already reported is to be read.
            if count < buffer.count, !hasHungUp { isReadable = false }
            user.received(buffer.span.extracting(0..<count))
        case .wouldBlock:
            isReadable = false
        case .endOfStream, .failed:
            end(.disconnected)
        }
        swap(&buffer, &context.readBuffer)
    }

    private func flush() {
        if case .failed = output.flush(to: descriptor) { end(.disconnected) }
    }

    private func end(_ error: WebClientError) {
        guard state != .closed else { return }
        close()
        user?.ended(error)
    }
}

/// What the connections of one client share; on the loop alone.
final class WebClientContext: @unchecked Sendable {
    let loop: EventLoop
    var readBuffer = [UInt8](repeating: 0, count: 65_536)
    /// Connections that wait for another request, by authority.
    private var idle: [String: [IdleConnection]] = [:]

    init(loop: EventLoop) { self.loop = loop }

    /// Takes an open connection to a server, if one waits.
    func takeIdle(_ authority: String) -> ClientConnection? {
        guard let idle = idle[authority]?.popLast() else { return nil }
        return idle.connection
    }

    /// Keeps a connection for the next request.
    func keep(_ connection: ClientConnection, _ authority: String) {
        let kept = IdleConnection(connection: connection, authority: authority, context: self)
        connection.user = kept
        idle[authority, default: []].append(kept)
    }

    fileprivate func forget(_ gone: IdleConnection) {
        idle[gone.authority]?.removeAll { $0 === gone }
    }

    func closeIdle() {
        for kept in idle.values.joined() { kept.connection.close() }
        idle = [:]
    }
}

/// A connection between two requests: whatever happens to it ends it.
private final class IdleConnection: ClientConnectionUser {
    let connection: ClientConnection
    let authority: String
    private unowned let context: WebClientContext

    init(connection: ClientConnection, authority: String, context: WebClientContext) {
        self.connection = connection
        self.authority = authority
        self.context = context
    }

    var wantsInput: Bool { true }
    func connected() {}
    func received(_ bytes: Span<UInt8>) {
        connection.close()
        context.forget(self)
    }
    func ended(_ error: WebClientError) { context.forget(self) }
}
