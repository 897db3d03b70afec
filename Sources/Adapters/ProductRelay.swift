import Catalogue
package import KafkaShim
package import Messages
package import PostgresShim
package import Telemetry

/// Tells the log what the table `product` says: publishes rows that are not published yet.
///
/// It runs in every gateway, one at a time over all of them. A row is marked only after the log has
/// acknowledged it, so a crash at any moment loses nothing and may publish twice. A product that
/// changes twice in between is told once, as it stands.
package final class ProductRelay: Sendable {
    private static let batchMax = 500

    private let pool: PostgresPool
    private let producer: KafkaProducer
    private let clock: any ServiceClock
    private let logger: Logger
    private let interval: Duration
    private let published: Counter
    private let wishes: AsyncStream<Void>
    private let wish: AsyncStream<Void>.Continuation

    /// - Parameter interval: how often to look for rows that nobody has announced.
    package init(
        _ pool: PostgresPool, producer: KafkaProducer, clock: any ServiceClock, logger: Logger,
        metrics: MetricsRegistry, interval: Duration = .seconds(1)
    ) {
        self.pool = pool
        self.producer = producer
        self.clock = clock
        self.logger = logger
        self.interval = interval
        published = metrics.counter(
            "holdfast_products_published_total", help: "Changes of products written to the log.")
        (wishes, wish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Says that there is something to be published.
    package func announce() { wish.yield() }

    /// Publishes until the task is cancelled; trouble is tried again.
    ///
    /// - Throws: `CancellationError`.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in try await clock.every(interval) { self.announce() } }
            defer { group.cancelAll() }
            var backoff = Backoff()
            var generator = SystemRandomNumberGenerator()
            for await _ in wishes {
                do {
                    while try await publish() == Self.batchMax {}
                    backoff.reset()
                } catch is CancellationError {
                    throw CancellationError()
                } catch {
                    logger.warning(
                        "Changes of products are not published yet.", ["reason": "\(error)"])
                    try await clock.sleep(for: backoff.next(using: &generator))
                }
            }
            throw CancellationError()
        }
    }

    /// Publishes the next rows in the order of their revisions.
    ///
    /// No row is locked while the log is written, so that nobody who changes a product waits for the
    /// log: the mark is set only on the revision that was published.
    ///
    /// - Returns: how many rows; 0 also while another relay is at work.
    package func publish() async throws -> Int {
        try await pool.withConnection { connection in
            let found = try await connection.pipeline([
                .begin, AdvisoryLock.takeIfFree("product relay"),
                PostgresStatement(
                    """
                    SELECT \(ProductRows.columns) FROM product WHERE NOT published
                    ORDER BY revision LIMIT $1
                    """, [.int8(Int64(Self.batchMax))]),
            ])
            guard try found[1].bool(0, 0), found[2].rowCount > 0 else {
                _ = try await connection.pipeline([.rollback])
                return 0
            }
            let rows = found[2]
            var events: [ProductEvent] = []
            var revisions: [Int64] = []
            for row in 0..<rows.rowCount {
                revisions.append(try rows.int8(row, 11))
                do {
                    events.append(try ProductRows.event(rows, row))
                } catch let malformed as ProductRows.Malformed {
                    logger.error("A product is passed over.", ["reason": "\(malformed)"])
                }
            }
            try await producer.send(events.map(\.record))
            _ = try await connection.pipeline([
                // Locked in the order in which loads lock them.
                PostgresStatement(
                    """
                    WITH told AS (
                        SELECT product_code FROM product WHERE revision = ANY($1)
                        ORDER BY product_code FOR UPDATE
                    )
                    UPDATE product SET published = true FROM told
                    WHERE product.product_code = told.product_code
                    """, [.int8Array(revisions)]),
                .commit,
            ])
            published.increment(by: events.count)
            return rows.rowCount
        }
    }
}
