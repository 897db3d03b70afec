import Adapters
import Catalogue
import KafkaShim
import Messages
import PostgresShim
import RedisLock
import RestGateway
import Settings
import Telemetry
import Threading
import WebServer

/// `holdfast gateway`: answers shoppers.
enum GatewayCommand {
    static func run(_ settings: Settings, _ logger: Logger) async throws {
        let stopSignal = StopSignal(logger: logger)
        let host = try ServiceHost(settings, logger, role: "gateway", connections: 5)
        let redis = RedisLock(
            try RedisConfiguration(url: settings[Configuration.redisURL].text),
            metrics: host.metrics, logger: logger.named("redis"))
        try await serve(
            until: stopSignal, deadline: settings[Configuration.stopDeadline], logger: logger
        ) { stopAction in
            try await serveShoppers(settings, host, redis, stopAction)
        }
        await redis.close()
        await host.postgres.close()
    }

    private static func serveShoppers(
        _ settings: Settings, _ host: ServiceHost, _ redis: RedisLock, _ stopAction: StopAction
    ) async throws {
        let loop = try EventLoop(name: "gateway")
        let partition = try replyPartition(settings, count: host.log.layout.replyPartitions)
        let producer = try host.makeProducer()
        let databaseURL = settings[Configuration.databaseURL].text
        let feed = CatalogueFeed(
            Catalogue(), host.postgres,
            reader: try host.makeReader(offsetsIn: nil, batchMax: 1_000), clock: host.clock,
            logger: host.logger, metrics: host.metrics)
        let relay = ProductRelay(
            host.postgres, producer: producer, clock: host.clock, logger: host.logger,
            metrics: host.metrics)
        let gateway = RestGateway(
            configuration: configuration(settings, replyPartition: partition),
            ports: GatewayPorts(
                log: KafkaRequestLog(producer), stock: PostgresStockReader(host.postgres),
                history: PostgresHistoryReader(host.postgres),
                inventory: PostgresInventoryLoading(databaseURL: databaseURL, logger: host.logger),
                catalogue: feed,
                products: PostgresProductStore(
                    host.postgres,
                    load: PostgresConfiguration(url: databaseURL, applicationName: "holdfast-load"),
                    logger: host.logger, onWrite: { relay.announce() }),
                probes: [
                    BrokerProbe(host.admin, host.topics),
                    PostgresProbe(host.postgres, isRequired: false),
                    RedisProbe(redis), CatalogueProbe(feed),
                ], clock: host.clock),
            metrics: host.metrics, logger: host.logger, executor: loop)
        let server = WebServer(
            configuration: webConfiguration(settings), loop: loop, logger: host.logger,
            metrics: host.metrics, handler: gateway.handler)
        let replies = KafkaReplyLog(try host.makeReader(offsetsIn: nil, batchMax: 1_000))

        // The port is taken first, so that a taken one is told at once; requests are answered with
        // 503 until the log is there.
        let port = try await server.start()
        host.logger.info(
            "Shoppers are answered.",
            ["host": settings[Configuration.gatewayHost], "port": "\(port)"])
        try await host.withTopics {
            try await startReplies(replies, partition, host)
            stopAction.set {
                await gateway.drain()
                await server.shutdown(deadline: .seconds(2))
                await replies.close()
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask(executorPreference: loop) { try await gateway.run() }
                group.addTask {
                    try await feed.start()
                    try await feed.run()
                }
                group.addTask { try await relay.run() }
                // On the shoppers' loop, so that a reply wakes no other thread on its way to them.
                try await withTaskExecutorPreference(loop) {
                    while let batch = try await replies.next() { await gateway.receive(batch) }
                }
                group.cancelAll()
            }
        }
        await feed.close()
        await producer.close(flushWithin: .seconds(5))
    }

    private struct UnknownPartition: Error, CustomStringConvertible {
        let partition: Int
        let count: Int
        var description: String {
            "--reply-partition \(partition) is not there: allowed are 0 to \(count - 1), less than "
                + "--reply-partitions"
        }
    }

    private static func replyPartition(_ settings: Settings, count: Int) throws -> Int {
        let partition = settings[Configuration.replyPartition] ?? Int.random(in: 0..<count)
        guard partition < count else {
            throw UnknownPartition(partition: partition, count: count)
        }
        return partition
    }

    /// Resolves the end of the reply partition, trying until the log tells it.
    private static func startReplies(
        _ replies: KafkaReplyLog, _ partition: Int, _ host: ServiceHost
    ) async throws {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        while true {
            do {
                try await replies.start(partition: partition)
                host.logger.info("Replies are read.", ["partition": "\(partition)"])
                return
            } catch {
                host.logger.warning(
                    "The end of the reply partition is not known yet.", ["reason": "\(error)"])
                try await host.clock.sleep(for: backoff.next(using: &generator))
            }
        }
    }

    private static func configuration(
        _ settings: Settings, replyPartition: Int
    ) -> GatewayConfiguration {
        var configuration = GatewayConfiguration(
            replyPartition: replyPartition, adminToken: settings[Configuration.adminToken])
        configuration.pendingAfter = settings[Configuration.requestDeadline]
        configuration.reaskAfter = settings[Configuration.retryInterval]
        configuration.watchRenewal = settings[Configuration.watchRenewal]
        configuration.waitingPerSocketMax = settings[Configuration.requestsPerSocketMax]
        configuration.jsonBytesMax = settings[Configuration.bodyMax]
        configuration.inventoryBytesMax = settings[Configuration.seedBodyMax]
        configuration.allowedOrigins = Set(settings[Configuration.corsOrigins] ?? [])
        configuration.trustedProxies = Set(settings[Configuration.trustedProxies] ?? [])
        configuration.clientRate = rateLimit(
            settings[Configuration.clientRate], burst: settings[Configuration.clientBurst])
        configuration.totalRate = rateLimit(
            settings[Configuration.totalRate], burst: settings[Configuration.totalBurst])
        return configuration
    }

    private static func rateLimit(_ perSecond: Int, burst: Int) -> RateLimit? {
        perSecond > 0 ? RateLimit(perSecond: perSecond, burst: burst) : nil
    }

    private static func webConfiguration(_ settings: Settings) -> WebServerConfiguration {
        var configuration = WebServerConfiguration()
        configuration.host = settings[Configuration.gatewayHost]
        configuration.port = settings[Configuration.gatewayPort]
        configuration.connectionsMax = settings[Configuration.connectionsMax]
        configuration.headerBytesMax = settings[Configuration.headersMax]
        configuration.bodyBytesMax = settings[Configuration.bodyMax]
        configuration.messageBytesMax = settings[Configuration.messageMax]
        configuration.unsentBytesMax = settings[Configuration.unsentMax]
        configuration.headerDeadline = settings[Configuration.receiveDeadline]
        configuration.keepAliveIdle = settings[Configuration.idleMax]
        configuration.idleLimit = settings[Configuration.idleMax]
        configuration.pingInterval = settings[Configuration.pingInterval]
        return configuration
    }
}
