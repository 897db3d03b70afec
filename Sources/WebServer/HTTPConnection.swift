import Telemetry
import Threading
import WebWire

/// One TCP connection: reads, writes and deadlines; what the bytes mean is in the extensions.
final class HTTPConnection: @unchecked Sendable {
    // `@unchecked`: touched on the server's loop alone. Tasks refer to it because they run there.

    /// What the bytes that come next are.
    enum Phase {
        /// A request's head.
        case head
        /// The body of the request whose handler runs.
        case body(HTTPBodyStream)
        /// Not to be read: the handler of a complete request runs.
        case answering
        case webSocket(WebSocketSession)
        /// Of no interest: the last response is being written, then the peer may close.
        case lingering
        case closed
    }

    let id: UInt64
    let descriptor: CInt
    let remoteAddress: String
    let server: WebServerCore

    var phase = Phase.head
    var parser: HTTPParserHandle
    var output = OutputBuffer()
    /// The request that is being answered.
    var exchange: HTTPExchange?
    /// When the phase's own deadline is; ``inputExpired(now:)`` knows what it means.
    var inputDeadline: Duration?
    /// Bytes of the body since the rate was last judged.
    var bodyBytesInWindow = 0
    var wasPausedInWindow = false

    private var writeDeadline: Duration?
    private var bytesWrittenInWindow = 0
    private var timer: (id: TimerID, due: Duration)?
    /// Bytes that were read together with the end of a request.
    private var leftOver: [UInt8] = []
    private var isReadable = false
    private var hasHungUp = false
    private var isPumping = false
    private var hasShutDownWriting = false
    private(set) var peerEnded = false

    var configuration: WebServerConfiguration { server.configuration }

    init(id: UInt64, descriptor: CInt, remoteAddress: String, server: WebServerCore) {
        self.id = id
        self.descriptor = descriptor
        self.remoteAddress = remoteAddress
        self.server = server
        parser = HTTPParserHandle(
            .request,
            limits: HTTPHeadLimits(
                targetBytes: server.configuration.targetBytesMax,
                headerBytes: server.configuration.headerBytesMax))
    }

    func start() {
        inputDeadline = EventLoop.now + configuration.headerDeadline
        armTimer()
    }

    /// What the loop calls.
    func react(to readiness: EventLoop.Readiness) {
        if !readiness.isDisjoint(with: [.readable, .hangUp]) { isReadable = true }
        if readiness.contains(.hangUp) { hasHungUp = true }
        if readiness.contains(.writable), !output.isEmpty { flush() }
        pump()
    }

    /// Closes at once, whatever is in flight.
    func close() {
        if case .closed = phase { return }
        let last = phase
        phase = .closed
        switch last {
        case .body(let stream): stream.fail(.disconnected)
        case .webSocket(let session):
            session.webSocket.end()
            server.metrics.webSockets.add(-1)
        case .head, .answering, .lingering, .closed: break
        }
        if let timer { server.loop.cancel(timer.id) }
        timer = nil
        server.loop.deregister(descriptor)
        Socket.close(descriptor)
        server.remove(id)
    }

    // MARK: - Reading

    /// Whether the phase has a use for bytes now.
    private var wantsInput: Bool {
        switch phase {
        case .head: output.count <= configuration.unsentBytesPause
        case .body(let stream):
            stream.buffered < configuration.bodyBufferBytes
        case .webSocket(let session):
            session.codec.wantsInput && output.count <= configuration.unsentBytesPause
                && !session.webSocket.pausesReading()
        case .lingering: true
        case .answering, .closed: false
        }
    }

    /// Whether reading waits for the application or for the peer's reading.
    var isPaused: Bool { !wantsInput }

    /// Reads and hands on as much as is there and wanted.
    func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        while wantsInput {
            if !leftOver.isEmpty {
                var bytes: [UInt8] = []
                swap(&bytes, &leftOver)
                consume(bytes.span)
                continue
            }
            if peerEnded {
                inputEnded()
                break
            }
            guard isReadable else { break }
            read()
        }
        if !wantsInput { wasPausedInWindow = true }
        armTimer()
    }

    /// Reads without waiting for the loop to say that there is something.
    func readNow() {
        isReadable = true
        pump()
    }

    private func read() {
        switch Socket.read(descriptor, into: &server.readBuffer) {
        case .bytes(let count):
            // A short read emptied the socket, and what comes later is a new edge; unless the end
            // of the stream, already reported, is still to be read.
            if count < server.readBuffer.count, !hasHungUp { isReadable = false }
            var buffer: [UInt8] = []
            swap(&buffer, &server.readBuffer)
            consume(buffer.span.extracting(0..<count))
            swap(&buffer, &server.readBuffer)
        case .endOfStream:
            isReadable = false
            peerEnded = true
        case .wouldBlock:
            isReadable = false
        case .failed:
            close()
        }
    }

    private func consume(_ bytes: Span<UInt8>) {
        switch phase {
        case .head, .body: consumeHTTP(bytes)
        case .webSocket(let session): consumeWebSocket(bytes, session)
        case .answering: keep(bytes, from: 0)
        case .lingering, .closed: break
        }
    }

    /// Keeps bytes that belong to the next request, or to the websocket to be.
    func keep(_ bytes: Span<UInt8>, from offset: Int) {
        leftOver += WebWire.bytes(of: bytes, from: offset)
    }

    /// Whether nothing of a next request has come.
    var isIdle: Bool {
        guard case .head = phase else { return false }
        return !parser.hasBegun && leftOver.isEmpty
    }

    private func inputEnded() {
        switch phase {
        case .head where !output.isEmpty: linger()
        default: close()
        }
    }

    // MARK: - Writing

    /// Appends bytes for the peer; ``flush()`` sends them.
    func write(_ body: (inout [UInt8]) -> Void) { output.append(body) }

    /// Sends what waits, as far as the socket takes it.
    func flush() {
        let before = output.count
        switch output.flush(to: descriptor) {
        case .failed:
            close()
            return
        case .bytes, .wouldBlock, .endOfStream:
            bytesWrittenInWindow += before - output.count
        }
        if output.isEmpty {
            writeDeadline = nil
        } else if writeDeadline == nil {
            writeDeadline = EventLoop.now + configuration.rateWindow
            bytesWrittenInWindow = 0
            armTimer()
        }
        switch phase {
        case .lingering: lingerOn()
        case .webSocket(let session): webSocketFlushed(session)
        default: break
        }
    }

    /// Ends the connection once everything is written.
    ///
    /// Not with `close`: the kernel would answer bytes that the peer still sends with a reset,
    /// which may destroy the response before it is read.
    func linger() {
        phase = .lingering
        inputDeadline = nil
        flush()
    }

    private func lingerOn() {
        guard output.isEmpty, !hasShutDownWriting else { return }
        if peerEnded {
            close()
            return
        }
        hasShutDownWriting = true
        Socket.shutdownWrite(descriptor)
        inputDeadline = EventLoop.now + configuration.lingerDeadline
        armTimer()
    }

    // MARK: - Deadlines

    /// Sees to it that the timer goes off at the next deadline, or before.
    ///
    /// A deadline that moves away does not move the timer: it goes off early and is set again.
    /// So a busy connection costs one timer per deadline's length, not one per request.
    func armTimer() {
        if case .closed = phase { return }
        let due: Duration
        switch (inputDeadline, writeDeadline) {
        case (let input?, let write?): due = min(input, write)
        case (let input?, nil): due = input
        case (nil, let write?): due = write
        case (nil, nil): return
        }
        if let timer {
            guard timer.due > due else { return }
            server.loop.cancel(timer.id)
        }
        let delay = due - EventLoop.now
        timer = (server.loop.schedule(after: delay) { [self] in timerFired() }, due)
    }

    private func timerFired() {
        timer = nil
        let now = EventLoop.now
        if let due = writeDeadline, due <= now {
            writeDeadline = now + configuration.rateWindow
            if bytesWrittenInWindow < bytesDue(configuration.writeBytesPerSecondMin) {
                cut()
                return
            }
            bytesWrittenInWindow = 0
        }
        if let due = inputDeadline, due <= now {
            inputDeadline = nil
            inputExpired(now: now)
        }
        armTimer()
    }

    private func inputExpired(now: Duration) {
        switch phase {
        case .head: headExpired()
        case .body(let stream): bodyWindowEnded(stream, now: now)
        case .webSocket(let session): webSocketExpired(session, now: now)
        case .lingering: close()
        case .answering, .closed: break
        }
    }

    /// Closes a connection whose peer broke a deadline.
    func cut() {
        server.metrics.cut.increment()
        close()
    }

    /// The bytes that a rate demands of one window; at least one.
    func bytesDue(_ perSecond: Int) -> Int {
        max(1, Int(configuration.rateWindow / .seconds(1) * Double(perSecond)))
    }
}
