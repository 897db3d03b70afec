import Synchronization
import Testing
import Threading
import WebClient

/// Notes what its sockets say, and answers nothing.
private final class Listener: LoopWebSocketUser, Sendable {
    struct Heard {
        var opened: Set<Int> = []
        var texts: [Int: [String]] = [:]
        var ended: [Int: String] = [:]
    }

    let heard = Mutex(Heard())

    func opened(_ tag: Int) { heard.withLock { _ = $0.opened.insert(tag) } }

    func received(_ text: [UInt8], _ tag: Int) {
        heard.withLock { $0.texts[tag, default: []].append(String(decoding: text, as: UTF8.self)) }
    }

    func ended(_ tag: Int, _ error: WebClientError) {
        heard.withLock { heard in
            #expect(heard.ended[tag] == nil, "the end is told once")
            heard.ended[tag] = "\(error)"
        }
    }

    func waits(_ condition: @escaping @Sendable (Heard) -> Bool) throws {
        try waitUntil { heard.withLock { condition($0) } }
    }
}

/// Sockets of one test; touched on the loop alone.
private final class Sockets: @unchecked Sendable {
    var all: [LoopWebSocket] = []
}

@Suite struct LoopWebSocketTests {
    /// Opens websockets on the loop of the server.
    private static func open(
        _ target: String, _ count: Int, _ server: TestServer, _ listener: Listener
    ) async throws -> Sockets {
        let client = WebClient(loop: server.loop)
        let peer = try await client.peer(server.url("/dropped"))
        let sockets = Sockets()
        server.loop.execute {
            sockets.all = (0..<count).map { tag in
                LoopWebSocket(
                    client, peer, target, timeout: .seconds(20), tag: tag, user: listener)
            }
        }
        return sockets
    }

    @Test func `many sockets of one loop send and receive in order`() async throws {
        try await TestServer.run { server in
            let listener = Listener()
            let sockets = try await Self.open("/socket", 50, server, listener)
            try await server.onThread { _ in try listener.waits { $0.opened.count == 50 } }
            server.loop.execute {
                for (tag, socket) in sockets.all.enumerated() {
                    #expect(socket.isOpen)
                    for index in 0..<20 { socket.send(Array("\(tag) \(index)".utf8)) }
                }
            }
            try await server.onThread { _ in
                try listener.waits { $0.texts.count { $1.count == 20 } == 50 }
            }
            listener.heard.withLock { heard in
                for tag in 0..<50 {
                    #expect(heard.texts[tag] == (0..<20).map { "\(tag) \($0)" })
                }
            }
            server.loop.execute { for socket in sockets.all { socket.close() } }
            try await server.onThread { _ in
                try listener.waits { $0.ended.count == 50 }
                try waitUntil { server.metric("web_connections") == 0 }
            }
        }
    }

    @Test func `the server's end is told, and what is sent after it is dropped`() async throws {
        try await TestServer.run { server in
            let listener = Listener()
            let sockets = try await Self.open("/socket", 1, server, listener)
            try await server.onThread { _ in try listener.waits { $0.opened == [0] } }
            server.loop.execute { sockets.all[0].send(Array("leave".utf8)) }
            try await server.onThread { _ in try listener.waits { $0.ended.count == 1 } }
            server.loop.execute {
                #expect(!sockets.all[0].isOpen)
                sockets.all[0].send(Array("late".utf8))
                sockets.all[0].close()
            }
            try await server.onThread { _ in
                try waitUntil { server.metric("web_connections") == 0 }
            }
            #expect(listener.heard.withLock { $0.texts.isEmpty })
        }
    }

    @Test func `a refused upgrade is told as the end`() async throws {
        try await TestServer.run { server in
            let listener = Listener()
            _ = try await Self.open("/elsewhere", 1, server, listener)
            try await server.onThread { _ in try listener.waits { $0.ended.count == 1 } }
            #expect(listener.heard.withLock { $0.opened.isEmpty })
            #expect(
                listener.heard.withLock { $0.ended[0] } == "the upgrade was refused with 200")
        }
    }

    @Test func `closing during the handshake ends it`() async throws {
        try await TestServer.run { server in
            let listener = Listener()
            let sockets = try await Self.open("/socket", 1, server, listener)
            server.loop.execute { sockets.all[0].close() }
            try await server.onThread { _ in
                try listener.waits { $0.ended.count == 1 }
                try waitUntil { server.metric("web_connections") == 0 }
            }
        }
    }

    @Test func `a known server is called without a task for each request`() async throws {
        try await TestServer.run { server in
            let client = WebClient(loop: server.loop)
            let peer = try await client.peer(server.url("/dropped"))
            let answers = Mutex<[String]>([])
            server.loop.execute {
                for index in 0..<20 {
                    client.call(
                        peer, "POST", "/echo", headers: [("X-A", "b")],
                        body: Array("\(index)".utf8), timeout: .seconds(20)
                    ) { result in
                        answers.withLock { $0.append((try? result.get().text) ?? "failed") }
                    }
                }
            }
            try await server.onThread { _ in
                try waitUntil { answers.withLock { $0.count == 20 } }
            }
            #expect(answers.withLock { Set($0) } == Set((0..<20).map { "\($0)" }))
        }
    }

    @Test func `a fine timer runs when it is due, again when it is set again, and not when closed`()
        async throws
    {
        try await TestServer.run { server in
            let due = Mutex<[UInt64]>([])
            let ran = Mutex<[UInt64]>([])
            let timer = Mutex<UInt64>(0)
            server.loop.execute {
                let holder = Holder()
                do {
                    holder.timer = try FineTimer(loop: server.loop) {
                        let now = EventLoop.nanoseconds
                        ran.withLock { $0.append(now) }
                        guard ran.withLock({ $0.count }) < 100 else {
                            holder.timer?.close()
                            holder.timer = nil
                            timer.withLock { $0 = 1 }
                            return
                        }
                        due.withLock { $0.append(now + 50_000) }
                        holder.timer?.set(at: now + 50_000)
                    }
                    let first = EventLoop.nanoseconds + 50_000
                    due.withLock { $0.append(first) }
                    holder.timer?.set(at: first)
                } catch {
                    Issue.record("\(error)")
                }
            }
            try await server.onThread { _ in try waitUntil { timer.withLock { $0 == 1 } } }
            for (due, ran) in zip(due.withLock { $0 }, ran.withLock { $0 }) { #expect(ran >= due) }
        }
    }
}

/// Keeps a timer alive from within its own action.
private final class Holder {
    var timer: FineTimer?
}
