import Glibc
import Telemetry
import Threading
import WebWire

/// A web server's state on its loop: the listener and the table of connections.
final class WebServerCore: @unchecked Sendable {
    // `@unchecked`: after `init`, everything that changes is touched on the loop alone.
    let configuration: WebServerConfiguration
    let loop: EventLoop
    let logger: Logger
    let metrics: WebServerMetrics
    let handler: any RequestHandler

    /// Filled by the connection that reads, and used up before the next one does.
    var readBuffer = [UInt8](repeating: 0, count: 65_536)
    private(set) var isShuttingDown = false

    private var listener: CInt?
    private var connections: [UInt64: HTTPConnection] = [:]
    /// Those beyond the limit, which are being told so.
    private var turnedAway: Set<UInt64> = []
    private var nextID: UInt64 = 1
    private var isAcceptPaused = false
    private var crowdLogged = Duration.zero
    private var retry: TimerID?
    private var onDrained: [() -> Void] = []
    private var dates = HTTPDateCache()

    init(
        configuration: WebServerConfiguration, loop: EventLoop, logger: Logger,
        metrics: WebServerMetrics, handler: any RequestHandler
    ) {
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        self.metrics = metrics
        self.handler = handler
    }

    /// The value of a `Date` field now.
    var date: [UInt8] { dates.now() }

    func start() throws -> Int {
        precondition(listener == nil && !isShuttingDown, "a web server starts once")
        let (host, port) = (configuration.host, configuration.port)
        guard let address = SocketAddress(numericHost: host, port: port) else {
            throw WebServerError.hostNotNumeric(host)
        }
        Socket.raiseDescriptorLimit()
        do {
            let (descriptor, bound) = try Socket.listen(on: address, backlog: 4_096)
            // Edge-triggered like all the others: a level would make the loop spin when there is
            // no descriptor left for the connection that waits.
            try loop.register(descriptor) { [weak self] _ in self?.acceptAll() }
            listener = descriptor
            return bound
        } catch let error as SocketError {
            if error.isAddressInUse { throw WebServerError.portTaken(host: host, port: port) }
            throw WebServerError.refused("\(host) port \(port): \(error)")
        }
    }

    func shutdown(deadline: Duration, _ done: @escaping () -> Void) {
        onDrained.append(done)
        if !isShuttingDown {
            // Whoever connected before now is served: their requests may be here already.
            acceptAll()
            isShuttingDown = true
            if let listener {
                loop.deregister(listener)
                Socket.close(listener)
            }
            listener = nil
            if let retry { loop.cancel(retry) }
            for connection in connections.values { connection.beginShutdown() }
        }
        _ = loop.schedule(after: deadline) { [self] in
            for connection in connections.values { connection.close() }
        }
        checkDrained()
    }

    /// Called by a connection that has closed its descriptor.
    func remove(_ id: UInt64) {
        guard connections.removeValue(forKey: id) != nil else { return }
        turnedAway.remove(id)
        metrics.connections.add(-1)
        if isAcceptPaused, !isShuttingDown {
            isAcceptPaused = false
            // Not at once: several connections may be about to close.
            loop.execute { [weak self] in self?.acceptAll() }
        }
        checkDrained()
    }

    private func checkDrained() {
        guard isShuttingDown, connections.isEmpty else { return }
        let waiting = onDrained
        onDrained = []
        for done in waiting { done() }
    }

    private func acceptAll() {
        guard let listener else { return }
        while true {
            let isFull = connections.count - turnedAway.count >= configuration.connectionsMax
            guard !isFull || turnedAway.count < configuration.connectionsTurnedAwayMax else {
                pauseAccept("the limit of connections is reached")
                return
            }
            switch Socket.accept(listener) {
            case .accepted(let descriptor, let peer):
                isAcceptPaused = false
                open(descriptor, peer, isFull: isFull)
            case .wouldBlock:
                return
            case .exhausted(let error):
                pauseAccept("\(error)")
                retry = loop.schedule(after: .seconds(1)) { [weak self] in self?.acceptAll() }
                return
            }
        }
    }

    private func pauseAccept(_ reason: String) {
        guard !isAcceptPaused else { return }
        isAcceptPaused = true
        metrics.acceptPauses.increment()
        warn("new connections have to wait", reason)
    }

    /// Warns of a crowd now and then: at the limit, each connection that closes lets one in.
    private func warn(_ message: String, _ reason: String) {
        let now = EventLoop.now
        guard now - crowdLogged > .seconds(10) else { return }
        crowdLogged = now
        logger.warning(message, ["reason": reason, "connections": "\(connections.count)"])
    }

    private func open(_ descriptor: CInt, _ peer: SocketAddress, isFull: Bool) {
        let id = nextID
        nextID += 1
        let connection = HTTPConnection(
            id: id, descriptor: descriptor, remoteAddress: peer.host, server: self)
        do {
            try loop.register(descriptor) { connection.react(to: $0) }
        } catch {
            logger.warning("a connection cannot be watched", ["reason": "\(error)"])
            Socket.close(descriptor)
            return
        }
        connections[id] = connection
        metrics.accepted.increment()
        metrics.connections.add(1)
        guard isFull else {
            connection.start()
            return
        }
        turnedAway.insert(id)
        metrics.turnedAway.increment()
        warn("new connections are turned away", "the limit of connections is reached")
        connection.turnAway()
    }
}
