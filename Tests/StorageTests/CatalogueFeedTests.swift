import Catalogue
import EmbeddedBroker
import Foundation
import KafkaShim
import Messages
import PostgresShim
import RestGateway
import Synchronization
import Telemetry
import Testing

@testable import Adapters

/// A log inside the test process, on a directory of its own, which goes with it.
private final class LogOfTest: Sendable {
    let port: Int
    private let configuration: BrokerConfiguration
    private let running: Mutex<Broker?>

    init() async throws {
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "holdfast-feed-tests-\(UUID())")
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: false)
        var configuration = BrokerConfiguration(dataDirectory: directory.path)
        let broker = Self.make(configuration)
        configuration.port = try await broker.start()
        port = configuration.port
        self.configuration = configuration
        running = Mutex(broker)
    }

    deinit { try? FileManager.default.removeItem(atPath: configuration.dataDirectory) }

    /// Brings it back after ``stop()``, with what it had.
    func start() async throws {
        let broker = Self.make(configuration)
        _ = try await broker.start()
        running.withLock { $0 = broker }
    }

    func stop() async {
        let broker = running.withLock { broker in
            defer { broker = nil }
            return broker
        }
        await broker?.shutdown()
    }

    private static func make(_ configuration: BrokerConfiguration) -> Broker {
        Broker(configuration: configuration, logger: quiet, metrics: MetricsRegistry())
    }
}

@Suite struct CatalogueFeedTests {
    /// A database, a log, and what stands between them.
    private struct World: Sendable {
        let pool: PostgresPool
        let client: KafkaClientConfiguration
        let producer: KafkaProducer
        let store: PostgresProductStore
        let broker: LogOfTest

        func relay(announcedBy interval: Duration = .seconds(3_600)) -> ProductRelay {
            ProductRelay(
                pool, producer: producer, clock: SystemClock(), logger: quiet,
                metrics: MetricsRegistry(), interval: interval)
        }

        func feed(
            _ catalogue: Catalogue, catchUpInterval: Duration = .seconds(3_600)
        ) throws -> CatalogueFeed {
            CatalogueFeed(
                catalogue, pool, reader: try reader(), clock: SystemClock(), logger: quiet,
                metrics: MetricsRegistry(), catchUpInterval: catchUpInterval)
        }

        func reader() throws -> KafkaConsumer {
            try KafkaConsumer(
                configuration: client, offsetsGroup: nil, logger: quiet,
                metrics: MetricsRegistry())
        }

        func put(_ code: String, _ name: String) async throws {
            let fields = try ProductPatch(Array(#"{"name":"\#(name)"}"#.utf8))
            _ = try await store.change(try #require(ProductCode(code)), .put(fields))
        }

        func remove(_ code: String) async throws {
            _ = try await store.change(try #require(ProductCode(code)), .remove)
        }

        func unpublishedCount() async throws -> Int {
            let rows = try await pool.pipeline([
                PostgresStatement("SELECT count(*) FROM product WHERE NOT published")
            ])
            return Int(try rows[0].int8(0, 0))
        }

        /// All events that the topic has.
        func published() async throws -> [ProductEvent] {
            let partition = TopicPartition(topic: Topic.productEvent.rawValue, partition: 0)
            let consumer = try reader()
            let end = try await consumer.watermarks(partition).high
            try await consumer.assign(adding: [partition: .beginning])
            var events: [ProductEvent] = []
            while events.count < Int(end), let event = try await consumer.next() {
                guard case .messages(let messages) = event else { continue }
                for message in messages {
                    let event = try ProductEvent(decoding: message.value ?? [])
                    #expect(message.key == Array(event.code.text.utf8))
                    events.append(event)
                }
            }
            await consumer.close()
            return events
        }
    }

    private func withWorld(_ body: @Sendable (World) async throws -> Void) async throws {
        let broker = try await LogOfTest()
        do {
            try await withSchema { configuration in
                _ = try await SchemaMigrator(configuration, logger: quiet).migrate()
                let client = KafkaClientConfiguration(
                    brokers: "127.0.0.1:\(broker.port)", clientID: "feed-tests")
                let admin = try KafkaAdmin(
                    configuration: client, logger: quiet, metrics: MetricsRegistry())
                _ = try await admin.createTopics([
                    KafkaTopic(name: Topic.productEvent.rawValue, partitions: 1, replication: 1)
                ])
                let pool = PostgresPool(
                    configuration, size: 6, metrics: MetricsRegistry(), logger: quiet)
                let producer = try KafkaProducer(
                    configuration: client, logger: quiet, metrics: MetricsRegistry())
                try await body(
                    World(
                        pool: pool, client: client, producer: producer,
                        store: PostgresProductStore(
                            pool, load: configuration, logger: quiet, onWrite: {}),
                        broker: broker))
                await producer.close(flushWithin: .seconds(5))
                await pool.close()
            }
        } catch {
            await broker.stop()
            throw error
        }
        await broker.stop()
    }

    @Test func `what is not published yet is, once, in the order of revisions`() async throws {
        try await withWorld { world in
            try await world.put("A", "a")
            try await world.put("B", "b")
            try await world.put("A", "a2")
            try await world.put("C", "c")
            try await world.remove("B")
            let relay = world.relay()
            #expect(try await relay.publish() == 3)
            let events = try await world.published()
            #expect(events.map(\.code.text) == ["A", "C", "B"])
            #expect(events.map(\.product?.name) == ["a2", "c", nil])
            #expect(events.map(\.revision) == [3, 4, 5])
            #expect(try await relay.publish() == 0)
            #expect(try await world.unpublishedCount() == 0)
        }
    }

    @Test func `a change while the log is away neither waits for it nor is forgotten`()
        async throws
    {
        try await withWorld { world in
            try await world.put("A", "a")
            let relay = world.relay()
            await world.broker.stop()
            async let count = relay.publish()
            try await eventually("the relay waits for the log") {
                world.producer.messagesInFlight > 0
            }
            try await world.put("A", "a2")
            #expect(try await world.relay().publish() == 0, "one relay is at work at a time")
            try await world.broker.start()
            #expect(try await count == 1)
            #expect(try await world.unpublishedCount() == 1)
            #expect(try await relay.publish() == 1)
            #expect(try await world.published().last?.product?.name == "a2")
        }
    }

    @Test func `relays at the same time publish all that writers write`() async throws {
        try await withWorld { world in
            let relays = (0..<3).map { _ in world.relay(announcedBy: .milliseconds(1)) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for relay in relays { group.addTask { try await relay.run() } }
                try await withThrowingTaskGroup(of: Void.self) { writers in
                    for writer in 0..<3 {
                        writers.addTask {
                            for round in 0..<30 {
                                try await world.put("P\(writer)-\(round % 5)", "\(round)")
                            }
                        }
                    }
                    try await writers.waitForAll()
                }
                try await eventually("all is published") {
                    try await world.unpublishedCount() == 0
                }
                group.cancelAll()
            }
            let catalogue = Catalogue()
            for event in try await world.published() { catalogue.apply(event) }
            #expect(catalogue.count == 15)
            for writer in 0..<3 {
                for place in 0..<5 {
                    let code = try #require(ProductCode("P\(writer)-\(place)"))
                    #expect(catalogue.product(code)?.name == "\(25 + place)")
                }
            }
        }
    }

    @Test func `a catalogue has what was there before it began and what comes later`()
        async throws
    {
        try await withWorld { world in
            try await world.put("A", "a")
            try await world.put("B", "b")
            try await world.put("C", "c")
            try await world.remove("C")
            let catalogue = Catalogue()
            let feed = try world.feed(catalogue)
            #expect(feed.loaded == nil && feed.trouble != nil)
            try await feed.start()
            #expect(feed.loaded === catalogue && feed.trouble == nil)
            #expect(catalogue.count == 2)
            let relay = world.relay()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await feed.run() }
                group.addTask { try await relay.run() }
                try await world.put("B", "b2")
                try await world.put("C", "c2")
                try await world.remove("A")
                relay.announce()
                try await eventually("the changes have come over the log") {
                    let names = try ["A", "B", "C"].map { text in
                        catalogue.product(try #require(ProductCode(text)))?.name
                    }
                    return names == [nil, "b2", "c2"]
                }
                group.cancelAll()
            }
            await feed.close()
        }
    }

    @Test func `a message that is none and a log that loses messages do no harm`() async throws {
        try await withWorld { world in
            let catalogue = Catalogue()
            let feed = try world.feed(catalogue, catchUpInterval: .milliseconds(10))
            try await feed.start()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await feed.run() }
                try await world.producer.send([
                    KafkaRecord(
                        topic: Topic.productEvent.rawValue, partition: 0, key: [1], value: [2],
                        headers: [])
                ])
                // Nobody publishes it: the table tells.
                try await world.put("A", "a")
                try await eventually("the table was read") { catalogue.count == 1 }
                let next = ProductEvent.changed(
                    Product(code: try #require(ProductCode("B")), name: "b", revision: 9))
                try await world.producer.send([next.record])
                try await eventually("the log is read on") { catalogue.count == 2 }
                group.cancelAll()
            }
            await feed.close()
        }
    }

    @Test func `a row that is no product keeps no others out`() async throws {
        try await withWorld { world in
            try await world.put("A", "a")
            try await world.put("B", "b")
            _ = try await world.pool.pipeline([
                PostgresStatement("UPDATE product SET images = '[1]' WHERE product_code = 'A'")
            ])
            let catalogue = Catalogue()
            let feed = try world.feed(catalogue)
            try await feed.start()
            #expect(catalogue.count == 1)
            await feed.close()
            #expect(try await world.relay().publish() == 2)
            #expect(try await world.published().map(\.code.text) == ["B"])
        }
    }

    @Test func `a database without the table is waited for`() async throws {
        try await withWorld { world in
            _ = try await world.pool.pipeline([
                PostgresStatement("ALTER TABLE product RENAME TO away")
            ])
            let catalogue = Catalogue()
            let feed = try world.feed(catalogue)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await feed.start() }
                try await eventually("the trouble is told") {
                    feed.trouble?.contains("cannot be loaded yet") == true
                }
                #expect(await CatalogueProbe(feed).state() != .up)
                _ = try await world.pool.pipeline([
                    PostgresStatement("ALTER TABLE away RENAME TO product")
                ])
                try await group.waitForAll()
            }
            #expect(await CatalogueProbe(feed).state() == .up)
            await feed.close()
        }
    }
}
