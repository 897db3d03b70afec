import Telemetry
import Testing

@testable import RedisLock

@Suite struct RedisLockTests {
    private func makeLock(
        _ configuration: RedisConfiguration, metrics: MetricsRegistry = MetricsRegistry()
    ) -> RedisLock {
        RedisLock(configuration, metrics: metrics, logger: quiet)
    }

    /// Sends one command past the lock.
    private func command(
        _ configuration: RedisConfiguration, _ words: String...
    ) throws -> RedisReply {
        let handle = try RedisHandle.connecting(configuration)
        return try #require(try handle.exchange([words], before: .now + .seconds(5)).first)
    }

    @Test func `many locks are taken at once, each with a token above its floor`() async throws {
        let lock = makeLock(try redisConfiguration())
        let outcomes = await lock.acquire(
            (0..<500).map { LockRequest(name: "p\($0)", floor: Int64($0) * 10) },
            lease: .seconds(10), waitAtMost: .zero)
        #expect(outcomes.count == 500)
        for number in 0..<500 {
            let lease = try #require(outcomes["p\(number)"]?.lease)
            #expect(lease.token == Int64(number) * 10 + 1)
            #expect(!lease.isExpired && lease.remaining <= .seconds(10))
        }
        let released = await lock.release(outcomes.values.compactMap(\.lease))
        #expect(released.count == 500)
        await lock.close()
    }

    @Test func `tokens only grow, from owner to owner`() async throws {
        let configuration = try redisConfiguration()
        let locks = [makeLock(configuration), makeLock(configuration)]
        var last: Int64 = 0
        for round in 0..<20 {
            let lock = locks[round % 2]
            let outcome = await lock.acquire(
                [LockRequest(name: "p")], lease: .seconds(10), waitAtMost: .seconds(5))
            let lease = try #require(outcome["p"]?.lease)
            #expect(lease.token > last)
            last = lease.token
            _ = await lock.release([lease])
        }
    }

    @Test func `a counter that Redis lost is raised above the floor`() async throws {
        let configuration = try redisConfiguration()
        let lock = makeLock(configuration)
        let request = LockRequest(name: "p", floor: 0)
        var lease = try #require(
            await lock.acquire([request], lease: .seconds(10), waitAtMost: .zero)["p"]?.lease)
        for _ in 0..<3 {
            _ = await lock.release([lease])
            lease = try #require(
                await lock.acquire([request], lease: .seconds(10), waitAtMost: .zero)["p"]?.lease)
        }
        #expect(lease.token == 4)
        _ = await lock.release([lease])
        _ = try command(configuration, "DEL", "\(configuration.keyPrefix){p}:fence")

        let afterLoss = try #require(
            await lock.acquire(
                [LockRequest(name: "p", floor: 4)], lease: .seconds(10), waitAtMost: .zero)["p"]?
                .lease)
        #expect(afterLoss.token == 5)
        #expect(
            try command(configuration, "GET", "\(configuration.keyPrefix){p}:fence") == .text("5"))
    }

    @Test func `tokens beyond 32 bits stay exact`() async throws {
        let lock = makeLock(try redisConfiguration())
        let floor = Int64(1) << 52
        let lease = await lock.acquire(
            [LockRequest(name: "p", floor: floor)], lease: .seconds(10), waitAtMost: .zero)["p"]?
            .lease
        #expect(lease?.token == floor + 1)
    }

    @Test func `the same name twice is one lock with the higher floor`() async throws {
        let lock = makeLock(try redisConfiguration())
        let outcomes = await lock.acquire(
            [LockRequest(name: "p", floor: 3), LockRequest(name: "p", floor: 9)],
            lease: .seconds(10), waitAtMost: .zero)
        #expect(outcomes.count == 1)
        #expect(outcomes["p"]?.lease?.token == 10)
    }

    @Test func `what others hold is busy, the rest is taken`() async throws {
        let configuration = try redisConfiguration()
        let (first, second) = (makeLock(configuration), makeLock(configuration))
        _ = await first.acquire(
            [LockRequest(name: "b")], lease: .seconds(10), waitAtMost: .zero)
        let outcomes = await second.acquire(
            ["a", "b", "c"].map { LockRequest(name: $0) }, lease: .seconds(10),
            waitAtMost: .milliseconds(30))
        #expect(outcomes["a"]?.lease != nil && outcomes["c"]?.lease != nil)
        #expect(outcomes["b"] == .busy)
    }

    @Test func `a busy lock is taken once its holder lets go`() async throws {
        let configuration = try redisConfiguration()
        let (first, second) = (makeLock(configuration), makeLock(configuration))
        let held = try #require(
            await first.acquire([LockRequest(name: "p")], lease: .seconds(60), waitAtMost: .zero)[
                "p"]?.lease)
        async let waiting = second.acquire(
            [LockRequest(name: "p")], lease: .seconds(60), waitAtMost: .seconds(30))
        _ = await first.release([held])
        let lease = try #require(await waiting["p"]?.lease)
        #expect(lease.token > held.token)
    }

    @Test func `two who want the same locks in any order both get them`() async throws {
        let configuration = try redisConfiguration()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                let lock = makeLock(configuration)
                group.addTask {
                    for _ in 0..<20 {
                        let names = worker % 2 == 0 ? ["a", "b"] : ["b", "a"]
                        var missing = names
                        while !missing.isEmpty {
                            let found = await lock.acquire(
                                missing.map { LockRequest(name: $0) }, lease: .seconds(60),
                                waitAtMost: .milliseconds(50))
                            _ = await lock.release(found.values.compactMap(\.lease))
                            missing.removeAll { found[$0]?.lease != nil }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `a lease that ended is lost to its holder and free for others`() async throws {
        let configuration = try redisConfiguration()
        let metrics = MetricsRegistry()
        let (first, second) = (makeLock(configuration, metrics: metrics), makeLock(configuration))
        let held = try #require(
            await first.acquire(
                [LockRequest(name: "p")], lease: .milliseconds(30), waitAtMost: .zero)["p"]?.lease)
        let taken = try #require(
            await second.acquire(
                [LockRequest(name: "p")], lease: .seconds(60), waitAtMost: .seconds(30))["p"]?.lease
        )
        #expect(held.isExpired && held.remaining == .zero)
        #expect(await first.extend([held], lease: .seconds(60)) == ["p": .lost])
        #expect(await first.release([held]) == ["p": .lost])
        #expect(metrics.render().contains(#"redis_lock_outcomes_total{outcome="lost"} 2"#))
        // The other's lock was left alone.
        #expect(await second.release([taken]) == ["p": .done(taken)])
    }

    @Test func `an extension moves the deadline on both sides`() async throws {
        let configuration = try redisConfiguration()
        let lock = makeLock(configuration)
        let held = try #require(
            await lock.acquire([LockRequest(name: "p")], lease: .seconds(5), waitAtMost: .zero)[
                "p"]?
                .lease)
        guard case .done(let longer) = await lock.extend([held], lease: .seconds(500))["p"] else {
            Issue.record("the lease was not extended")
            return
        }
        #expect(longer.deadline > held.deadline && longer.token == held.token)
        guard
            case .integer(let left) = try command(
                configuration, "PTTL", "\(configuration.keyPrefix){p}:lock")
        else { return }
        #expect(left > 400_000)
    }

    @Test func `scripts that Redis forgot are loaded again`() async throws {
        let configuration = try redisConfiguration()
        let lock = makeLock(configuration)
        for _ in 0..<3 {
            let lease = try #require(
                await lock.acquire(
                    [LockRequest(name: "p")], lease: .seconds(10), waitAtMost: .zero)["p"]?.lease)
            _ = try command(configuration, "SCRIPT", "FLUSH")
            #expect(await lock.release([lease]) == ["p": .done(lease)])
            _ = try command(configuration, "SCRIPT", "FLUSH")
        }
    }

    @Test func `a key of a wrong type refuses its lock only, and takes none`() async throws {
        let configuration = try redisConfiguration()
        let lock = RedisLock(
            configuration, metrics: MetricsRegistry(),
            logger: Logger(component: "test", level: .error, descriptor: -1))
        _ = try command(configuration, "SET", "\(configuration.keyPrefix){a}:fence", "no number")
        let outcomes = await lock.acquire(
            [LockRequest(name: "a"), LockRequest(name: "b")], lease: .seconds(10),
            waitAtMost: .zero)
        #expect(outcomes["a"] == .unavailable)
        #expect(outcomes["b"]?.lease != nil)
        #expect(
            try command(configuration, "GET", "\(configuration.keyPrefix){a}:lock") == .null)
    }

    @Test func `nothing wanted is nothing asked`() async throws {
        let lock = makeLock(try RedisConfiguration(url: "redis://127.0.0.1:1"))
        #expect(await lock.acquire([], lease: .seconds(1), waitAtMost: .seconds(1)).isEmpty)
        #expect(await lock.release([]).isEmpty)
    }

    @Test(arguments: [
        "redis://127.0.0.1", "redis://127.0.0.1:6379", "redis://127.0.0.1:6379/",
        "redis://127.0.0.1:6379/0", "redis://:a%40b@127.0.0.1:6379", "REDIS://u:p@127.0.0.1",
    ])
    func `addresses are understood`(url: String) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.host == "127.0.0.1")
        #expect(configuration.port == 6379)
        #expect(configuration.database == 0)
        if url.contains("%40") { #expect(configuration.password == "a@b") }
    }

    @Test(arguments: [
        "", "127.0.0.1:6379", "rediss://127.0.0.1", "redis://", "redis://:secret@",
        "redis://h:0", "redis://h:99999", "redis://h:secret", "redis://h/secret",
        "redis://:secret%4@h", "redis://:secret@::1",
    ])
    func `other addresses are refused without showing a password`(url: String) {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        #expect(error?.message.contains("secret") == false)
    }

    @Test func `a password stays out of descriptions`() throws {
        let configuration = try RedisConfiguration(url: "redis://u:secret@[::1]:7/3")
        #expect("\(configuration)" == "redis://::1:7/3")
        #expect(!String(reflecting: configuration).contains("secret"))
    }
}
