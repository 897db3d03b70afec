import Adapters
import InventoryService
import Messages
import RedisLock
import Telemetry
import Testing

@Suite struct ProductLocksTests {
    private func makeLocks(
        _ configuration: RedisConfiguration, waitAtMost: Duration = .milliseconds(20)
    ) -> RedisProductLocks {
        RedisProductLocks(
            RedisLock(configuration, metrics: MetricsRegistry(), logger: quiet),
            lease: .seconds(30), waitAtMost: waitAtMost)
    }

    @Test func `products are locked with tokens above their fences, and let go`() async throws {
        let configuration = try redisConfiguration()
        let (first, second) = (makeLocks(configuration), makeLocks(configuration))
        let (a, b) = (try #require(ProductCode("A")), try #require(ProductCode("B")))
        #expect(
            await first.acquire([a: 4, b: 0]) == [a: .granted(token: 5), b: .granted(token: 1)])
        #expect(await second.acquire([a: 5, b: 1]) == [a: .busy, b: .busy])
        await first.release([a])
        #expect(await second.acquire([a: 5, b: 1]) == [a: .granted(token: 6), b: .busy])
        // What was not taken is not let go.
        await second.release([a, b])
        #expect(await second.acquire([b: 1]) == [b: .busy])
        await first.release([b, b])
        #expect(await second.acquire([b: 9]) == [b: .granted(token: 10)])
    }

    @Test func `without Redis every lock is unavailable`() async throws {
        let locks = makeLocks(try RedisConfiguration(url: "redis://127.0.0.1:1"))
        let a = try #require(ProductCode("A"))
        #expect(await locks.acquire([a: 0]) == [a: .unavailable])
        await locks.release([a])
    }
}
