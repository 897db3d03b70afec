import Adapters
import InventoryDomain
import InventoryService
import KafkaShim
import Messages
import PostgresShim
import RedisLock
import Settings
import Telemetry
import Threading

/// `holdfast inventory`: decides holds.
enum InventoryCommand {
    static func run(_ settings: Settings, _ logger: Logger) async throws {
        let stopSignal = StopSignal(logger: logger)
        let host = try ServiceHost(settings, logger, role: "inventory", connections: 4)
        let redis = RedisLock(
            try RedisConfiguration(url: settings[Configuration.redisURL].text),
            metrics: host.metrics, logger: logger.named("redis"))
        let group = GroupProbe()
        let health = try await host.startHealth(
            settings, port: Configuration.inventoryHealthPort,
            probes: [
                BrokerProbe(host.admin, host.topics),
                PostgresProbe(host.postgres, isRequired: true),
                RedisProbe(redis), group,
            ])
        try await serve(
            until: stopSignal, deadline: settings[Configuration.stopDeadline], logger: logger
        ) { stopAction in
            try await host.withTopics {
                try await serveInventory(settings, host, redis, group, stopAction)
            }
        }
        await redis.close()
        await health.stop()
    }

    private static func serveInventory(
        _ settings: Settings, _ host: ServiceHost, _ redis: RedisLock, _ group: GroupProbe,
        _ stopAction: StopAction
    ) async throws {
        var configuration = InventoryServiceConfiguration(
            partitionCount: host.log.layout.inventoryPartitions)
        configuration.holdsFor = settings[Configuration.holdDuration]
        configuration.sweepEvery = settings[Configuration.sweepInterval]
        configuration.proposalDelay = settings[Configuration.proposalInterval]
        configuration.lockRule = LockRule(
            askAbove: settings[Configuration.lockAboveQuantity],
            leaveBelow: settings[Configuration.lockBelowAvailable])
        let producer = try host.makeProducer()
        let requests = KafkaGroupLog(
            inventoryRequests: try host.makeMember(
                of: "holdfast-inventory", topic: Topic.inventoryRequest.rawValue,
                batchMax: settings[Configuration.batchMax]))
        group.follow { requests.isJoined }
        let executor = PinnedThreadExecutor(name: "inventory")
        let engine = InventoryEngine(
            configuration: configuration, store: PostgresInventoryStore(host.postgres),
            locks: RedisProductLocks(
                redis, lease: settings[Configuration.lockLease],
                waitAtMost: settings[Configuration.lockWait]),
            outbox: KafkaOutbox(producer), clock: host.clock,
            executor: executor, logger: host.logger,
            metrics: host.metrics)
        let service = InventoryService(
            engine: engine, requests: requests, configuration: configuration, clock: host.clock,
            logger: host.logger)
        stopAction.set { await service.stop() }
        try await withTaskExecutorPreference(executor) { try await service.run() }
        await producer.close(flushWithin: .seconds(5))
        await host.postgres.close()
    }
}
