package import Catalogue
package import KafkaShim
package import Messages
package import PostgresShim
package import RestGateway
internal import Synchronization
package import Telemetry

/// Keeps a catalogue in memory: loads it from Postgres, then follows `product-event`.
///
/// Call ``start()``, and ``run()`` once that has returned. The end of the topic is known before the
/// table is read, and reading goes on from there: a change is in the table or comes over the log, or
/// both, which does no harm. As a backstop for a log that has lost messages, the table is now and then
/// asked for revisions that were not there before.
package final class CatalogueFeed: CatalogueSource {
    private static let pageMax = 2_000

    private let catalogue: Catalogue
    private let pool: PostgresPool
    private let reader: KafkaConsumer
    private let clock: any ServiceClock
    private let logger: Logger
    private let catchUpInterval: Duration
    private let messages: Counter
    private let state = Mutex(State())

    private struct State {
        var isLoaded = false
        /// What keeps the catalogue from being loaded.
        var trouble = "the products are being loaded"
        /// Up to which revision the table was read.
        var revision: Int64 = 0
    }

    /// A feed that has not begun.
    ///
    /// - Parameters:
    ///   - catalogue: where changes go; an empty one.
    ///   - reader: a consumer without a subscription.
    ///   - catchUpInterval: how often the table is asked.
    package init(
        _ catalogue: Catalogue, _ pool: PostgresPool, reader: KafkaConsumer,
        clock: any ServiceClock, logger: Logger, metrics: MetricsRegistry,
        catchUpInterval: Duration = .seconds(30)
    ) {
        self.catalogue = catalogue
        self.pool = pool
        self.reader = reader
        self.clock = clock
        self.logger = logger
        self.catchUpInterval = catchUpInterval
        metrics.computedGauge(
            "holdfast_catalogue_products", help: "Products in memory."
        ) { Double(catalogue.count) }
        messages = metrics.counter(
            "holdfast_catalogue_messages_total", help: "Changes of products read from the log.")
    }

    package var loaded: Catalogue? { state.withLock { $0.isLoaded } ? catalogue : nil }

    /// Why the catalogue is not loaded; `nil` once it is.
    package var trouble: String? { state.withLock { $0.isLoaded ? nil : $0.trouble } }

    /// Loads the catalogue; waits while the log or the database is away.
    ///
    /// - Throws: `CancellationError`.
    package func start() async throws {
        let partition = TopicPartition(topic: Topic.productEvent.rawValue, partition: 0)
        let end = try await trying { try await self.reader.watermarks(partition).high }
        try await trying { try await self.catchUp() }
        try await trying { try await self.reader.assign(adding: [partition: .offset(end)]) }
        state.withLock { $0.isLoaded = true }
        logger.info("The catalogue is loaded.", ["products": "\(catalogue.count)"])
    }

    /// Follows changes until the task is cancelled or ``close()`` is called.
    ///
    /// - Throws: `CancellationError`; a fatal `KafkaError` once the consumer is beyond use.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                try await clock.every(catchUpInterval) {
                    do {
                        try await self.catchUp()
                    } catch {
                        self.logger.warning(
                            "The products could not be compared with the table.",
                            ["reason": "\(error)"])
                    }
                }
            }
            defer { group.cancelAll() }
            do {
                try await follow()
            } catch let error as KafkaError {
                logger.error("Changes of products are not read any more.", ["reason": "\(error)"])
                state.withLock { state in
                    state.isLoaded = false
                    state.trouble = "changes of products are not read any more: \(error)"
                }
                throw error
            }
        }
    }

    private func follow() async throws {
        while let event = try await reader.next() {
            guard case .messages(let messages) = event else { continue }
            for message in messages { take(message) }
        }
    }

    /// Ends ``run()``.
    package func close() async { await reader.close() }

    private func take(_ message: KafkaMessage) {
        do throws(MessageError) {
            catalogue.apply(try ProductEvent(decoding: message.value ?? []))
        } catch {
            logger.warning(
                "A message about a product is passed over.",
                ["reason": "\(error)", "offset": "\(message.offset)"])
        }
    }

    /// Reads the rows with revisions that are new since the last time.
    ///
    /// Revisions are given out in the order of commits, so none can appear below one that was seen.
    private func catchUp() async throws {
        while true {
            let after = state.withLock { $0.revision }
            let rows = try await pool.withConnection { connection in
                try await connection.execute(
                    """
                    SELECT \(ProductRows.columns) FROM product WHERE revision > $1
                    ORDER BY revision LIMIT $2
                    """, [.int8(after), .int8(Int64(Self.pageMax))])
            }
            for row in 0..<rows.rowCount {
                do {
                    catalogue.apply(try ProductRows.event(rows, row))
                } catch let malformed as ProductRows.Malformed {
                    logger.error("A product is passed over.", ["reason": "\(malformed)"])
                }
            }
            guard rows.rowCount > 0 else { return }
            let last = try rows.int8(rows.rowCount - 1, 11)
            state.withLock { $0.revision = max($0.revision, last) }
            if rows.rowCount < Self.pageMax { return }
        }
    }

    private func trying<Value: Sendable>(
        _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        var backoff = Backoff()
        var generator = SystemRandomNumberGenerator()
        while true {
            do {
                return try await body()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                let text = "the products cannot be loaded yet: \(error)"
                state.withLock { $0.trouble = text }
                logger.warning("The products cannot be loaded yet.", ["reason": "\(error)"])
                try await clock.sleep(for: backoff.next(using: &generator))
            }
        }
    }
}

/// Tells whether the catalogue is loaded; what needs it is not ready before.
package struct CatalogueProbe: DependencyProbe {
    package let name = "catalogue"
    package let isRequired = true
    private let feed: CatalogueFeed

    package init(_ feed: CatalogueFeed) { self.feed = feed }

    package func state() async -> DependencyState { feed.trouble.map { .down($0) } ?? .up }
}
