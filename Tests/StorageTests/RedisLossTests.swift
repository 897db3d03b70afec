import Glibc
import Telemetry
import Testing
import Threading

@testable import RedisLock

@Suite struct RedisLossTests {
    private let request = [LockRequest(name: "p")]

    private func makeLock(
        port: UInt16, metrics: MetricsRegistry = MetricsRegistry()
    ) throws -> RedisLock {
        var configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(port)")
        configuration.replyTimeout = .milliseconds(200)
        return RedisLock(
            configuration, metrics: metrics,
            logger: Logger(component: "test", level: .error))
    }

    @Test func `Redis away is an answer, and so it is for every lock`() async throws {
        let metrics = MetricsRegistry()
        let lock = try makeLock(port: 1, metrics: metrics)
        let outcomes = await lock.acquire(
            ["a", "b"].map { LockRequest(name: $0) }, lease: .seconds(1), waitAtMost: .seconds(60))
        #expect(outcomes == ["a": .unavailable, "b": .unavailable])
        guard case .down = lock.health else {
            Issue.record("the lock says it is up")
            return
        }
        #expect(metrics.render().contains(#"{outcome="unavailable"} 2"#))
    }

    @Test func `a silent server is given up, and not asked again before the back-off`() async throws
    {
        let server = try TestServer.silent()
        defer { server.stop() }
        let lock = try makeLock(port: server.port)
        #expect(
            await lock.acquire(request, lease: .seconds(1), waitAtMost: .seconds(60))["p"]
                == .unavailable)
        for _ in 0..<200 {
            let outcomes = await lock.acquire(request, lease: .seconds(1), waitAtMost: .zero)
            #expect(outcomes["p"] == .unavailable)
        }
        #expect(server.connectionCount < 100)
    }

    @Test func `a reply that comes late is never taken for the next one`() async throws {
        let wasLate = Gauge()
        let server = try TestServer { number, peer in
            let client = FakeRedis(peer)
            // Three scripts are loaded; then comes the first use.
            for _ in 0..<3 { client.reply("+sha\r\n") }
            guard client.readCommand() else { return }
            if number > 0 {
                client.send(":7\r\n")
                while client.readCommand() { client.send(":1\r\n") }
                return
            }
            while client.readCommand() {}
            client.send(":666\r\n")
            wasLate.set(1)
        }
        defer { server.stop() }
        let lock = try makeLock(port: server.port)
        #expect(
            await lock.acquire(request, lease: .seconds(60), waitAtMost: .zero)["p"]
                == .unavailable)
        try await eventually("the late reply was sent") { wasLate.value == 1 }
        var lease: LockLease?
        try await eventually("the lock comes back") {
            lease =
                await lock.acquire(request, lease: .seconds(60), waitAtMost: .zero)["p"]?.lease
            return lease != nil
        }
        #expect(lease?.token == 7)
        #expect(server.connectionCount == 2)
        #expect(lock.health == .up)
    }

    @Test func `nonsense from the server costs the connection, not the process`() async throws {
        let server = try TestServer { number, peer in
            let client = FakeRedis(peer)
            guard client.readCommand() else { return }
            client.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            while client.readCommand() {}
        }
        defer { server.stop() }
        let lock = try makeLock(port: server.port)
        #expect(
            await lock.acquire(request, lease: .seconds(1), waitAtMost: .zero)["p"] == .unavailable)
        try await eventually("another connection is tried") {
            _ = await lock.acquire(request, lease: .seconds(1), waitAtMost: .zero)
            return server.connectionCount > 1
        }
    }

    @Test func `a server that hangs up in the middle raises no signal`() async throws {
        let server = try TestServer { _, peer in
            let client = FakeRedis(peer)
            for _ in 0..<3 { client.reply("+sha\r\n") }
        }
        defer { server.stop() }
        let lock = try makeLock(port: server.port)
        for _ in 0..<5 {
            let outcomes = await lock.acquire(
                (0..<2_000).map { LockRequest(name: "p\($0)") }, lease: .seconds(1),
                waitAtMost: .zero)
            #expect(outcomes.values.allSatisfy { $0 == .unavailable })
            try await Task.sleep(for: .milliseconds(30))
        }
    }

    @Test func `a connection that was closed while idle is replaced unnoticed`() async throws {
        let closed = Promise<Void>()
        let server = try TestServer { number, peer in
            let client = FakeRedis(peer)
            for _ in 0..<3 { client.reply("+sha\r\n") }
            client.reply(":\(number + 1)\r\n")
            guard number == 0 else {
                while client.readCommand() {}
                return
            }
            shutdown(peer, Int32(SHUT_RDWR))
            closed.succeed(())
        }
        defer { server.stop() }
        let lock = try makeLock(port: server.port)
        for token in Int64(1)...2 {
            let outcomes = await lock.acquire(request, lease: .seconds(60), waitAtMost: .zero)
            #expect(outcomes["p"]?.lease?.token == token)
            try await closed.value()
        }
    }

    @Test func `a refused password is told and logged without it`() async throws {
        let server = try TestServer { _, peer in
            let client = FakeRedis(peer)
            client.reply("-WRONGPASS invalid username-password pair\r\n")
            while client.readCommand() {}
        }
        defer { server.stop() }
        let configuration = try RedisConfiguration(url: "redis://:secret@127.0.0.1:\(server.port)")
        let lock = RedisLock(configuration, metrics: MetricsRegistry(), logger: quiet)
        guard case .down(let reason) = await lock.check() else {
            Issue.record("the lock says it is up")
            return
        }
        #expect(reason.contains("WRONGPASS") && !reason.contains("secret"))
    }

    @Test func `a closed lock answers that it is unavailable`() async throws {
        let lock = RedisLock(
            try redisConfiguration(), metrics: MetricsRegistry(), logger: quiet)
        let lease = try #require(
            await lock.acquire(request, lease: .seconds(1), waitAtMost: .zero)["p"]?.lease)
        await lock.close()
        #expect(await lock.release([lease]) == ["p": .unavailable])
    }
}

/// The server's side of a Redis connection: reads commands, sends what it is told.
private final class FakeRedis {
    private let peer: CInt
    private var buffer: [UInt8] = []

    init(_ peer: CInt) { self.peer = peer }

    func reply(_ text: String) {
        if readCommand() { send(text) }
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.send(peer, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// Reads one command; false at the end of the connection.
    func readCommand() -> Bool {
        guard let count = readLine(prefix: UInt8(ascii: "*")) else { return false }
        for _ in 0..<count {
            guard let length = readLine(prefix: UInt8(ascii: "$")), fill(length + 2) else {
                return false
            }
            buffer.removeFirst(length + 2)
        }
        return true
    }

    private func readLine(prefix: UInt8) -> Int? {
        while true {
            if let end = buffer.firstIndex(of: 0x0A) {
                let line = buffer[..<end]
                guard line.first == prefix else { return nil }
                let number = Int(String(decoding: line.dropFirst().dropLast(), as: UTF8.self))
                buffer.removeFirst(end + 1)
                return number
            }
            guard fill(buffer.count + 1) else { return nil }
        }
    }

    private func fill(_ count: Int) -> Bool {
        while buffer.count < count {
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let got = read(peer, &chunk, chunk.count)
            guard got > 0 else { return false }
            buffer.append(contentsOf: chunk.prefix(got))
        }
        return true
    }
}
