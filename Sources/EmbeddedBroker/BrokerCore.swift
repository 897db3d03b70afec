import Telemetry
import Threading

/// The broker behind its sockets: everything that requests read and change.
///
/// `@unchecked Sendable`: confined to the thread of its event loop. ``Broker`` makes it there, and what
/// other threads do (the sync) hands its results back to that thread.
///
/// The loop's turns matter: while descriptors are served, batches and offsets are only staged; at the
/// end of the turn each partition is written once, then producers are answered and waiting fetches
/// woken, then each connection is sent to once.
final class BrokerCore: ConnectionOwner, @unchecked Sendable {
    /// The only broker of the cluster.
    static let nodeID: Int32 = 1

    let loop: EventLoop
    let configuration: BrokerConfiguration
    let logger: Logger
    let metrics: BrokerMetrics
    let topics: TopicStore
    let offsets: OffsetStore
    let groups: GroupCoordinator
    /// What clients are told to connect to.
    var advertisedHost = ""
    var advertisedPort: Int32 = 0

    let receiveBlock = ByteBlock(capacity: 256 * 1_024)
    let blocks: BlockPool
    let limits: ConnectionLimits
    var traffic: TrafficMetrics { metrics.traffic }

    /// Produce requests and offset commits of this turn.
    var pendingAnswers: [any SafetyWaiter] = []
    /// Logs with batches to write.
    var logsToFlush: [PartitionLog] = []
    let syncer: Syncer

    private let dataDirectory: DataDirectory
    private var listener: Socket?
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var connectionsToFlush: [Connection] = []
    private var isTurnEndScheduled = false
    var retentionTimer: TimerID?
    var diskCheckTimer: TimerID?
    let environment: StorageEnvironment

    /// Opens the data directory; reads what an unclean stop left unchecked.
    init(
        configuration: BrokerConfiguration, loop: EventLoop, logger: Logger,
        metrics registry: MetricsRegistry
    ) throws(StorageError) {
        self.loop = loop
        self.configuration = configuration
        self.logger = logger
        metrics = BrokerMetrics(registry)
        blocks = BlockPool(bytesMax: configuration.requestMemoryMax)
        limits = ConnectionLimits(
            requestBytesMax: configuration.requestBytesMax,
            inFlightMax: configuration.inFlightMax,
            unsentBytesMax: configuration.unsentBytesMax)
        dataDirectory = try DataDirectory(path: configuration.dataDirectory)
        environment = StorageEnvironment(
            configuration: configuration, logger: logger, logBytes: metrics.logBytes)
        metrics.logBytes.set(0)
        topics = try TopicStore(directory: dataDirectory, environment: environment)
        offsets = try OffsetStore(path: dataDirectory.offsetsPath, logger: logger)
        groups = GroupCoordinator(configuration: configuration, loop: loop, logger: logger)
        syncer = try Syncer(
            configuration: configuration, loop: loop, logger: logger, offsets: offsets,
            seconds: metrics.syncSeconds)
        let topics = topics
        offsets.clamp { topics.log($0.topic, $0.partition)?.endOffset }
        try offsets.flush()
        syncer.didShow = { [weak self] logs in
            guard let self else { return }
            for log in logs { wakeFetches(of: log) }
        }
        groups.didCount = { [gauge = metrics.groups] in gauge.set($0) }
        groups.restore(offsets.snapshots.values)
        groups.didSettle = { [weak self] in
            guard let self else { return }
            offsets.keep($0)
            scheduleTurnEnd()
        }
        groups.didEmpty = { [weak self] in
            guard let self else { return }
            offsets.forgetMembers(of: $0)
            if offsets.hasStaged { scheduleTurnEnd() }
        }
        topics.forEachLog { syncer.note($0) }
        countPartitions()
    }

    /// Begins to serve; returns the port.
    func start() throws -> Int {
        let (listener, port) = try Socket.listen(
            host: configuration.host, port: configuration.port)
        self.listener = listener
        Socket.ignoreBrokenPipes()
        advertisedHost = configuration.advertisedHost ?? configuration.host
        advertisedPort = Int32(clamping: configuration.advertisedPort ?? port)
        try loop.register(listener.descriptor) { [weak self] _ in self?.acceptConnections() }
        scheduleRetention()
        logger.info(
            "broker ready",
            [
                "address": "\(configuration.host):\(port)",
                "advertised": "\(advertisedHost):\(advertisedPort)",
                "data": configuration.dataDirectory, "topics": String(topics.topics.count),
                "fsync": configuration.fsync.rawValue,
                "clean_start": String(dataDirectory.wasStoppedCleanly),
            ])
        return port
    }

    /// Closes all connections; what was acknowledged is written already.
    func stopServing() {
        if let listener {
            loop.deregister(listener.descriptor)
            self.listener = nil
        }
        if let retentionTimer { loop.cancel(retentionTimer) }
        if let diskCheckTimer { loop.cancel(diskCheckTimer) }
        endTurn()
        groups.stop()
        for connection in connections.values {
            connection.flush()
            connection.close()
        }
    }

    /// Forces everything to the device and leaves the marker of an orderly stop.
    func closeStorage(_ done: @escaping @Sendable () -> Void) {
        var logs: [PartitionLog] = []
        topics.forEachLog { logs.append($0) }
        syncer.close(logs) { [self] isClean in
            if isClean {
                do {
                    try dataDirectory.markCleanStop()
                } catch {
                    logger.error(
                        "the marker of an orderly stop could not be written",
                        ["error": "\(error)"])
                }
            }
            dataDirectory.release()
            done()
        }
    }

    func countPartitions() {
        metrics.partitions.set(topics.topics.values.reduce(0) { $0 + $1.partitions.count })
    }

    // MARK: - Connections

    private func acceptConnections() {
        do {
            while let listener, let socket = try listener.accept() {
                guard connections.count < configuration.connectionsMax else {
                    metrics.connectionsRefused.increment()
                    continue
                }
                let connection = Connection(socket: socket, owner: self)
                connections[ObjectIdentifier(connection)] = connection
                metrics.connections.set(connections.count)
                try loop.register(socket.descriptor) { [weak connection] readiness in
                    connection?.ready(readiness)
                }
            }
        } catch {
            // Out of descriptors, most likely. The edge is gone, so look again by the clock.
            logger.error("no connection could be accepted", ["error": "\(error)"])
            _ = loop.schedule(after: .milliseconds(200)) { [weak self] in
                self?.acceptConnections()
            }
        }
    }

    func needsFlush(_ connection: Connection) {
        guard !connection.isFlushScheduled else { return }
        connection.isFlushScheduled = true
        connectionsToFlush.append(connection)
        scheduleTurnEnd()
    }

    func needsReceive(_ connection: Connection) {
        let connection = Confined(connection)
        loop.execute { connection.value.receive() }
    }

    func didClose(_ connection: Connection) {
        loop.deregister(connection.socket.descriptor)
        for waiter in connection.parkedFetches { forget(waiter) }
        connection.parkedFetches = []
        groups.connectionClosed(connection)
        // The caller still works with it.
        let closed = Confined(connection)
        loop.execute { [self] in
            connections[ObjectIdentifier(closed.value)] = nil
            metrics.connections.set(connections.count)
        }
    }

    // MARK: - Turns

    /// Has ``endTurn()`` run once the descriptors of this turn were served.
    func scheduleTurnEnd() {
        guard !isTurnEndScheduled else { return }
        isTurnEndScheduled = true
        loop.execute { [self] in endTurn() }
    }

    private func endTurn() {
        isTurnEndScheduled = false
        writeStaged()
        while !connectionsToFlush.isEmpty {
            let batch = connectionsToFlush
            connectionsToFlush.removeAll(keepingCapacity: true)
            for connection in batch {
                connection.isFlushScheduled = false
                connection.flush()
            }
        }
    }

    private func writeStaged() {
        guard !logsToFlush.isEmpty || !pendingAnswers.isEmpty || offsets.hasStaged else { return }
        let logs = logsToFlush
        logsToFlush.removeAll(keepingCapacity: true)
        for log in logs {
            log.flush()
            syncer.note(log)
        }
        var offsetsFailed = false
        do {
            try offsets.flush()
        } catch {
            logger.error("offsets could not be written", ["error": error.description])
            offsetsFailed = true
        }
        let answers = pendingAnswers
        pendingAnswers.removeAll(keepingCapacity: true)
        for answer in answers { answer.written(offsetsFailed: offsetsFailed) }
        for log in logs { log.forgetFailedFlushes() }
        syncer.finish(answers)
        checkDiskCap()
        if configuration.fsync == .interval {
            for log in logs { wakeFetches(of: log) }
        }
    }
}

/// Carries something that is confined to the loop's thread through the loop's own queue.
///
/// `@unchecked Sendable`: made and read on that thread only.
struct Confined<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
