import Adapters
import CartService
import Catalogue
import KafkaShim
import Messages
import PostgresShim
import Settings
import Telemetry
import Threading

/// `holdfast cart`: keeps carts.
enum CartCommand {
    static func run(_ settings: Settings, _ logger: Logger) async throws {
        let stopSignal = StopSignal(logger: logger)
        let host = try ServiceHost(settings, logger, role: "cart", connections: 7)
        let catalogue = Catalogue(isSearchable: false)
        let feed = CatalogueFeed(
            catalogue, host.postgres, reader: try host.makeReader(offsetsIn: nil, batchMax: 1_000),
            clock: host.clock, logger: host.logger, metrics: host.metrics)
        let group = GroupProbe()
        let health = try await host.startHealth(
            settings, port: Configuration.cartHealthPort,
            probes: [
                BrokerProbe(host.admin, host.topics),
                PostgresProbe(host.postgres, isRequired: true), group,
                CatalogueProbe(feed),
            ])
        try await serve(
            until: stopSignal, deadline: settings[Configuration.stopDeadline], logger: logger
        ) { stopAction in
            try await host.withTopics {
                // A cart takes prices from the catalogue, which is therefore there before any cart.
                try await feed.start()
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    tasks.addTask { try await feed.run() }
                    defer { tasks.cancelAll() }
                    try await serveCarts(
                        settings, host, group, CatalogueOffers(catalogue), stopAction)
                }
            }
            await feed.close()
            await host.postgres.close()
        }
        await health.stop()
    }

    private static func serveCarts(
        _ settings: Settings, _ host: ServiceHost, _ group: GroupProbe,
        _ offers: CatalogueOffers, _ stopAction: StopAction
    ) async throws {
        var configuration = CartServiceConfiguration(
            owner: host.log.processName, partitionCount: host.log.layout.cartPartitions,
            replyPartitionCount: host.log.layout.replyPartitions)
        configuration.askWindow = settings[Configuration.askDeadline]
        configuration.holdsFor = settings[Configuration.holdDuration]
        configuration.cartsMax = settings[Configuration.actorsMax]
        configuration.idleFor = settings[Configuration.actorIdle]
        configuration.snapshotEvery = settings[Configuration.snapshotEvery]
        configuration.historyFor = settings[Configuration.historyFor]
        configuration.repeatDelay = settings[Configuration.obligationInterval]
        let batchMax = settings[Configuration.batchMax]
        let producer = try host.makeProducer()
        let requests = KafkaGroupLog(
            cartRequests: try host.makeMember(
                of: "holdfast-cart", topic: Topic.cartRequest.rawValue, batchMax: batchMax))
        group.follow { requests.isJoined }
        let executor = PinnedThreadExecutor(name: "carts")
        let engine = CartEngine(
            configuration: configuration, store: PostgresCartStore(host.postgres),
            outbox: KafkaOutbox(producer), clock: host.clock,
            offers: offers, executor: executor, logger: host.logger,
            metrics: host.metrics)
        let service = CartService(
            engine: engine, requests: requests,
            answers: KafkaAnswerLog(
                try host.makeReader(offsetsIn: "holdfast-cart-answers", batchMax: batchMax)),
            configuration: configuration, clock: host.clock, logger: host.logger)
        stopAction.set { await service.stop() }
        // Whatever the service does, it does on the carts' thread: batches are what it works on, and
        // waking another thread for each step costs more than the step.
        try await withTaskExecutorPreference(executor) { try await service.run() }
        await producer.close(flushWithin: .seconds(5))
    }
}
