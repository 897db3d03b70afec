import KafkaShim
import LoadTest
import PostgresShim
import Synchronization
import Telemetry

/// What an add costs at least: its hops and its transactions by librdkafka and libpq alone.
///
/// Gateway, cart service and inventory service are threads of this process which take a batch from the
/// log, do its transaction, and pass it on. There are no carts, no JSON, no websockets and no locks, and
/// the tables are those of the yardstick.
struct ChainBench {
    private static let partitions = 16
    /// Keys, headers and values of the suite's messages on an average.
    private static let bytesPerMessage = 350
    private static let productsMax = 1_000

    let brokers: String
    let database: String
    let watched: [WatchedProcess]
    let duration: Duration
    /// How many adds may be unanswered where as many are asked as are answered.
    let inFlight: Int

    /// Lines of: load, adds a second, milliseconds at p50 and p99, and microseconds of CPU for one add in
    /// this process and in each of those that are watched; between tabs.
    func measure() async throws -> String {
        """
        uniform\t\(try await measure("uniform", products: Self.productsMax, perSecond: nil))
        hot\t\(try await measure("hot", products: 1, perSecond: nil))
        steady\t\(try await measure("steady", products: Self.productsMax, perSecond: 1_000))

        """
    }

    private func measure(_ load: String, products: Int, perSecond: Int?) async throws -> String {
        let logger = Logger(component: "microbench", level: .error)
        let configuration = KafkaClientConfiguration(brokers: brokers, clientID: "microbench")
        let postgres = PostgresConfiguration(url: database, applicationName: "microbench")
        let chain = BenchmarkChain(
            configuration: configuration,
            prefix: "chain-\(load)-\(UInt32.random(in: 0 ... .max))",
            partitions: Self.partitions, bytesPerMessage: Self.bytesPerMessage,
            links: [
                // The cart service asks the inventory ...
                BenchmarkChain.Link(producer: 0) { { _ in } },
                // ... which holds what is asked for ...
                BenchmarkChain.Link(producer: 1) {
                    let connection = try BlockingPostgres(postgres)
                    return { count in try hold(count, of: products, connection) }
                },
                // ... and writes down what became of it.
                BenchmarkChain.Link(producer: 0, asides: 2) {
                    let connection = try BlockingPostgres(postgres)
                    return { count in try append(count * 2, connection) }
                },
            ], logger: logger)
        let admin = try KafkaAdmin(
            configuration: configuration, logger: logger, metrics: MetricsRegistry())
        try await admin.createTopics(chain.topics)
        let meter = Mutex(UsageMeter(watched))
        let times = try await chain.run(
            for: duration, perSecond: perSecond, inFlight: perSecond == nil ? inFlight : 10_000,
            warmUp: .seconds(2)
        ) {
            meter.withLock { $0.begin() }
        }
        let usage = meter.withLock { meter in
            meter.end()
            return meter.usage
        }
        let own = usage.filter { $0.name == UsageMeter.ownName }
        let costs = (own + usage.filter { $0.pid != nil }).map {
            $0.cpuSeconds * 1e6 / Double(max(times.nanoseconds.count, 1))
        }
        let nanoseconds = times.nanoseconds.map { Double($0) }
        let millis = [0.5, 0.99].map { Stopwatch.percentile(nanoseconds, $0) / 1e6 }
        return ([times.perSecond] + millis + costs).map { numberText($0, places: 3) }
            .joined(separator: "\t")
    }

    /// The inventory's transaction: two flights, with all products of a batch in one statement.
    private func hold(_ count: Int, of products: Int, _ connection: BlockingPostgres) throws {
        let codes = (0..<count).map { _ in "product-\(Int.random(in: 1...products))" }
        let parameter = PostgresParameter.textArray(codes)
        _ = try connection.pipeline([
            .begin,
            PostgresStatement(
                """
                SELECT product_code, quantity, held FROM yardstick.inventory
                WHERE product_code = ANY ($1) ORDER BY product_code FOR UPDATE
                """, [parameter]),
        ])
        var sums: [String: Int64] = [:]
        for code in codes { sums[code, default: 0] += 1 }
        _ = try connection.pipeline([
            PostgresStatement(
                """
                UPDATE yardstick.inventory SET held = held + change.delta
                FROM (SELECT unnest($1::text[]), unnest($2::int8[])) AS change (code, delta)
                WHERE product_code = change.code
                """, [.textArray(Array(sums.keys)), .int8Array(Array(sums.values))]),
            PostgresStatement(
                """
                INSERT INTO yardstick.hold
                SELECT unnest($1::uuid[]), unnest($2::uuid[]), unnest($3::text[]), 1, now(),
                    now() + interval '15 minutes'
                """, [.uuidArray(identifiers(count)), .uuidArray(identifiers(count)), parameter]),
            .commit,
        ])
    }

    /// The cart service's transaction.
    private func append(_ count: Int, _ connection: BlockingPostgres) throws {
        let data = String(repeating: "x", count: Self.bytesPerMessage)
        _ = try connection.pipeline([
            PostgresStatement(
                """
                INSERT INTO yardstick.event SELECT unnest($1::uuid[]), 1, unnest($2::text[])
                """,
                [
                    .uuidArray(identifiers(count)),
                    .textArray(Array(repeating: data, count: count)),
                ])
        ])
    }

    private func identifiers(_ count: Int) -> [UInt128] {
        (0..<count).map { _ in UInt128.random(in: 0 ... .max) }
    }
}
