import Telemetry
import Testing
import Threading

@testable import PostgresShim

@Suite struct PostgresPoolTests {
    private func withPool<Result>(
        size: Int = 2, _ body: (PostgresPool) async throws -> Result
    ) async throws -> Result {
        try await withSchema { configuration in
            let pool = PostgresPool(
                configuration, size: size, metrics: MetricsRegistry(), logger: quiet)
            do {
                let result = try await body(pool)
                await pool.close()
                return result
            } catch {
                await pool.close()
                throw error
            }
        }
    }

    @Test func `callers beyond the size wait for their turn`() async throws {
        try await withPool { pool in
            let busy = Gauge()
            let most = Gauge()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await pool.withConnection { connection in
                            busy.add(1)
                            most.set(max(most.value, busy.value))
                            _ = try await connection.execute("SELECT pg_sleep(0.005)")
                            busy.add(-1)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(most.value <= 2)
            #expect(pool.health == .up)
        }
    }

    @Test func `a connection that works makes the pool up again, were another not to be had`()
        async throws
    {
        try await withSchema { configuration in
            let role = "r\(UInt32.random(in: 0...(.max)))"
            let owner = try await PostgresConnection.connect(configuration)
            _ = try await owner.execute(
                "CREATE ROLE \(role) LOGIN PASSWORD 'secret' CONNECTION LIMIT 1")
            var limited = configuration
            let address = try #require(configuration.url.split(separator: "@").last)
            limited.url = "postgres://\(role):secret@\(address)"
            limited.settings = [:]
            let pool = PostgresPool(limited, size: 2, metrics: MetricsRegistry(), logger: quiet)
            try await pool.withConnection { connection in
                await #expect(throws: PostgresError.self) {
                    try await pool.withConnection { try await $0.ping() }
                }
                guard case .down = pool.health else {
                    Issue.record("\(pool.health)")
                    return
                }
                try await connection.ping()
            }
            #expect(pool.health == .up)
            #expect(await pool.check() == .up)
            await pool.close()
            _ = try await owner.execute("DROP ROLE \(role)")
            await owner.close()
        }
    }

    @Test func `as many callers as connections have one at the same time`() async throws {
        try await withPool { pool in
            let first = Promise<Void>()
            let second = Promise<Void>()
            async let one: Void = pool.withConnection { _ in
                first.succeed(())
                try await second.value()
            }
            async let other: Void = pool.withConnection { _ in
                second.succeed(())
                try await first.value()
            }
            _ = try await (one, other)
        }
    }

    @Test func `a transaction that was left open is rolled back`() async throws {
        try await withPool(size: 1) { pool in
            _ = try await pool.pipeline([PostgresStatement("CREATE TABLE item (id int8)")])
            try await pool.withConnection { connection in
                _ = try await connection.pipeline([
                    .begin, PostgresStatement("INSERT INTO item VALUES (1)"),
                ])
            }
            let rows = try await pool.pipeline([PostgresStatement("SELECT count(*) FROM item")])
            #expect(try rows[0].int8(0, 0) == 0)
        }
    }

    @Test func `a copy that was left open is aborted`() async throws {
        try await withPool(size: 1) { pool in
            _ = try await pool.pipeline([PostgresStatement("CREATE TABLE item (id int8)")])
            try await pool.withConnection { connection in
                _ = try await connection.pipeline([.begin])
                try await connection.beginCopy("COPY item FROM STDIN")
                try await connection.sendCopy(Array("1\n".utf8))
            }
            let rows = try await pool.pipeline([PostgresStatement("SELECT count(*) FROM item")])
            #expect(try rows[0].int8(0, 0) == 0)
        }
    }

    @Test func `after a loss every connection is replaced behind the caller's back`() async throws {
        try await withPool(size: 3) { pool in
            // Three at once, so that all are open.
            let pids = try await withThrowingTaskGroup(of: Int32.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        try await pool.withConnection { connection in
                            _ = try await connection.execute("SELECT pg_sleep(0.1)")
                            return await connection.backendProcessID
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(pids).count == 3)
            for pid in pids { try await killBackend(pid) }
            let error = try await postgresError {
                _ = try await pool.pipeline([PostgresStatement("SELECT 1")])
            }
            #expect(error.isConnectionLost && !error.isCommitUnknown)
            for _ in 0..<5 { _ = try await pool.pipeline([PostgresStatement("SELECT 1")]) }
        }
    }

    @Test func `a caller that was cancelled leaves the queue`() async throws {
        try await withPool(size: 1) { pool in
            let release = Promise<Void>()
            let holding = Promise<Void>()
            async let held: Void = pool.withConnection { _ in
                holding.succeed(())
                try await release.value()
            }
            try await holding.value()
            let waiter = Task { try await pool.pipeline([PostgresStatement("SELECT 1")]) }
            waiter.cancel()
            await #expect(throws: CancellationError.self) { _ = try await waiter.value }
            release.succeed(())
            try await held
            _ = try await pool.pipeline([PostgresStatement("SELECT 1")])
        }
    }

    @Test func `a server that is away fails callers at once until the back-off has passed`()
        async throws
    {
        let pool = PostgresPool(
            PostgresConfiguration(url: "postgres://anna:secret@127.0.0.1:1/shop"), size: 2,
            metrics: MetricsRegistry(), logger: Logger(component: "test", level: .error))
        for _ in 0..<50 {
            let error = try await postgresError { _ = try await pool.pipeline([.begin]) }
            #expect(error.isRetriable && error.isConnectionLost)
        }
        guard case .down(let reason) = await pool.check() else {
            Issue.record("the pool says it is up")
            return
        }
        #expect(!reason.contains("secret"))
        await pool.close()
    }

    @Test func `a pool comes up when its server does`() async throws {
        try await withPool { pool in
            #expect(pool.health != .up)
            #expect(await pool.check() == .up)
        }
    }

    @Test func `a closed pool refuses`() async throws {
        try await withPool { pool in
            _ = await pool.check()
            await pool.close()
            let error = try await postgresError { _ = try await pool.pipeline([.begin]) }
            #expect(error.kind == .usage)
        }
    }
}
