import Glibc
import Telemetry
import Testing
import Threading
import WebServer

@Suite struct WebSocketServerTests {
    @Test func `the handshake answers the key of RFC 6455`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send(upgradeRequest("/socket"))
                let response = try #require(try socket.response())
                #expect(response.status == 101)
                #expect(response.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            }
        }
    }

    @Test func `an upgrade may be refused like any request`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send(upgradeRequest("/elsewhere"))
                #expect(try socket.response()?.body == "GET /elsewhere")
                socket.send(upgradeRequest("/socket"))
                #expect(try socket.response()?.status == 101)
            }
        }
    }

    @Test func `messages are answered in order, those sent with the handshake too`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                let frames = (0..<5_000).flatMap { RawFrame.text("message \($0)").encoded() }
                socket.send(Array(upgradeRequest("/socket").utf8) + frames)
                #expect(try socket.response()?.status == 101)
                for index in 0..<5_000 {
                    let frame = try #require(try socket.frame())
                    #expect(String(decoding: frame.payload, as: UTF8.self) == "message \(index)")
                }
            }
            #expect(server.metric("web_websocket_messages_received_total") == 5_000)
        }
    }

    @Test func `fragments become one message, with a ping between them`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try openSocket(port)
                socket.send(
                    RawFrame(isFinal: false, opcode: 1, payload: Array("Hel".utf8)).encoded())
                socket.send(RawFrame(opcode: RawFrame.ping, payload: Array("p".utf8)).encoded())
                socket.send(RawFrame(isFinal: false, opcode: 0, payload: Array("l".utf8)).encoded())
                socket.send(RawFrame(opcode: 0, payload: Array("o".utf8)).encoded())
                let pong = try #require(try socket.frame())
                #expect(pong.opcode == RawFrame.pong)
                #expect(pong.payload == Array("p".utf8))
                #expect(try socket.frame()?.payload == Array("Hello".utf8))
            }
        }
    }

    @Test func `frames may come byte by byte, and of every size`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try openSocket(port)
                for byte in RawFrame.text("slow").encoded() { socket.send([byte]) }
                #expect(try socket.frame()?.payload == Array("slow".utf8))
                for size in [0, 1, 125, 126, 65_535, 65_536] {
                    let payload = [UInt8](repeating: 0x78, count: size)
                    socket.send(RawFrame(opcode: 1, payload: payload).encoded())
                    #expect(try socket.frame()?.payload == payload)
                }
            }
        }
    }

    struct Violation: CustomTestStringConvertible, Sendable {
        let name: String
        let bytes: [UInt8]
        let code: Int
        var testDescription: String { name }
    }

    static let violations = [
        Violation(
            name: "an unmasked frame", bytes: RawFrame.text("x").encoded(isMasked: false),
            code: 1002),
        Violation(
            name: "invalid UTF-8", bytes: RawFrame(opcode: 1, payload: [0xC3, 0x28]).encoded(),
            code: 1007),
        Violation(
            name: "UTF-8 cut short", bytes: RawFrame(opcode: 1, payload: [0xE2, 0x82]).encoded(),
            code: 1007),
        Violation(
            name: "a message too long",
            bytes: RawFrame(opcode: 1, payload: [UInt8](repeating: 0x78, count: 65_537)).encoded(),
            code: 1009),
        Violation(
            name: "fragments too long together",
            bytes: RawFrame(
                isFinal: false, opcode: 1, payload: [UInt8](repeating: 0x78, count: 40_000)
            ).encoded()
                + RawFrame(opcode: 0, payload: [UInt8](repeating: 0x78, count: 40_000)).encoded(),
            code: 1009),
        Violation(
            name: "a length of 2^63 - 1",
            bytes: [0x81, 0xFF, 0x7F] + [UInt8](repeating: 0xFF, count: 7) + [1, 2, 3, 4, 5],
            code: 1009),
        Violation(
            name: "a binary message", bytes: RawFrame(opcode: 2, payload: [1, 2]).encoded(),
            code: 1003),
        Violation(
            name: "a reserved bit", bytes: [0xC1, 0x80, 1, 2, 3, 4], code: 1002),
        Violation(
            name: "an unknown opcode", bytes: RawFrame(opcode: 3, payload: []).encoded(),
            code: 1002),
        Violation(
            name: "a continuation of nothing", bytes: RawFrame(opcode: 0, payload: [1]).encoded(),
            code: 1002),
        Violation(
            name: "a ping in fragments",
            bytes: RawFrame(isFinal: false, opcode: 9, payload: []).encoded(), code: 1002),
        Violation(
            name: "a ping too long",
            bytes: RawFrame(opcode: 9, payload: [UInt8](repeating: 1, count: 126)).encoded(),
            code: 1002),
        Violation(
            name: "a close code out of range",
            bytes: RawFrame(opcode: 8, payload: [0x03, 0xED]).encoded(), code: 1002),
    ]

    @Test(arguments: violations)
    func `a violation is answered with its close code, and the connection ends`(
        _ violation: Violation
    ) async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try openSocket(port)
                socket.send(violation.bytes)
                let code = try socket.frame()?.closeCode
                #expect(code == violation.code, "\(violation.name)")
                socket.send(RawFrame(opcode: 8, payload: []).encoded())
                let rest = try socket.readToEnd()
                #expect(rest == "", "\(violation.name)")
                try waitUntil { server.metric("web_connections") == 0 }
            }
            #expect(server.metric("web_websockets") == 0)
        }
    }

    @Test func `a close frame is answered with its code, and the consumer ends`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try openSocket(port)
                socket.send(RawFrame.text("a").encoded())
                socket.send(RawFrame(opcode: 8, payload: [0x03, 0xE8]).encoded())
                var last: RawFrame?
                while let frame = try socket.frame() { last = frame }
                #expect(last?.closeCode == 1000)
                try waitUntil { server.metric("web_connections") == 0 }
            }
        }
    }

    @Test func `when the consumer returns, what it sent arrives before a 1000`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try openSocket(port)
                socket.send(RawFrame.text("a").encoded() + RawFrame.text("leave").encoded())
                #expect(try socket.frame()?.payload == Array("a".utf8))
                #expect(try socket.frame()?.closeCode == 1000)
            }
        }
    }

    @Test func `a peer that does not answer the close is cut`() async throws {
        try await TestServer.run({ $0.closeDeadline = .milliseconds(50) }) { server in
            try await server.onThread { port in
                let socket = try openSocket(port)
                socket.send(RawFrame.text("leave").encoded())
                #expect(try socket.frame()?.closeCode == 1000)
                #expect(try socket.readToEnd() == "")
            }
            #expect(server.metric("web_connections_cut_total") == 1)
        }
    }

    @Test func `silence is pinged, and a pong keeps the websocket`() async throws {
        try await TestServer.run({
            $0.pingInterval = .milliseconds(250)
            $0.idleLimit = .seconds(3)
        }) { server in
            try await server.onThread { port in
                let socket = try openSocket(port)
                // Answering for longer than the idle limit: it is the pongs that keep it open.
                for _ in 0..<14 {
                    let ping = try #require(try socket.frame())
                    #expect(ping.opcode == RawFrame.ping)
                    socket.send(RawFrame(opcode: RawFrame.pong, payload: ping.payload).encoded())
                }
                socket.send(RawFrame.text("still here").encoded())
                var frame = try socket.frame()
                while frame?.opcode == RawFrame.ping { frame = try socket.frame() }
                #expect(frame?.payload == Array("still here".utf8))
            }
        }
    }

    @Test func `a websocket without pongs is closed at the idle limit`() async throws {
        try await TestServer.run({
            $0.pingInterval = .milliseconds(20)
            $0.idleLimit = .milliseconds(100)
            $0.closeDeadline = .milliseconds(50)
        }) { server in
            try await server.onThread { port in
                let socket = try openSocket(port)
                var frame = try socket.frame()
                while frame?.opcode == RawFrame.ping { frame = try socket.frame() }
                #expect(frame?.closeCode == 1008)
                #expect(try socket.readToEnd() == "")
            }
        }
    }

    @Test func `an echo flood that nobody reads is bounded`() async throws {
        try await TestServer.run { server in
            let taken = try await server.onThread { port in
                let socket = try openSocket(port, receiveBufferBytes: 4_096)
                let frame = RawFrame(
                    opcode: 1, payload: [UInt8](repeating: 0x78, count: 30_000)
                ).encoded()
                var taken = 0
                var refusals = 0
                var rest = frame[...]
                while refusals < 50, taken < 200 << 20 {
                    let count = socket.sendWithoutWaiting(Array(rest))
                    taken += count
                    rest = rest.dropFirst(count)
                    if rest.isEmpty { rest = frame[...] }
                    refusals = count > 0 ? 0 : refusals + 1
                    if count == 0 { giveWay() }
                }
                // Nothing was dropped: what the server took comes back when it is read.
                for _ in 0..<(taken / frame.count) {
                    guard try socket.frame()?.payload.count == 30_000 else { return -1 }
                }
                return taken
            }
            #expect(taken > 0)
            #expect(taken < 64 << 20)
        }
    }

    @Test func `tiny messages in a flood are answered, each and in order`() async throws {
        try await TestServer.run({ $0.messagesPause = 4 }) { server in
            try await server.onThread { port in
                let socket = try openSocket(port)
                let count = 50_000
                startThread(name: "flood") {
                    for index in 0..<count { socket.send(RawFrame.text("\(index)").encoded()) }
                }
                for index in 0..<count {
                    let frame = try #require(try socket.frame())
                    guard frame.payload == Array("\(index)".utf8) else {
                        Issue.record("message \(index) came as \(frame)")
                        return
                    }
                }
            }
        }
    }

    @Test func `a reader who lags behind the pushes is closed`() async throws {
        try await TestServer.run({ $0.closeDeadline = .milliseconds(100) }) { server in
            try await server.onThread { port in
                let socket = try openSocket(port, path: "/flood", receiveBufferBytes: 4_096)
                try waitUntil { server.metric("web_connections_cut_total") == 1 }
                _ = try socket.readToEnd()
            }
            #expect(server.metric("web_websockets") == 0)
        }
    }

    @Test func `a lagging reader who catches up reads the close code`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try openSocket(port, path: "/flood", receiveBufferBytes: 4_096)
                try waitUntil { (server.metric("web_websocket_messages_sent_total") ?? 0) > 30 }
                for _ in 0..<100 { giveWay() }
                var last: RawFrame?
                while last?.opcode != RawFrame.close, let frame = try socket.frame() {
                    last = frame
                }
                #expect(last?.closeCode == 1013)
            }
        }
    }

    @Test func `random frames never stop the server`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                for _ in 0..<200 {
                    let socket = try openSocket(port)
                    var bytes = RawFrame.text("hello").encoded() + RawFrame.text("again").encoded()
                    for _ in 0..<Int.random(in: 1...6) {
                        bytes[Int.random(in: 0..<bytes.count)] = UInt8.random(in: 0...255)
                    }
                    socket.send(bytes)
                    socket.shutdownWriting()
                    _ = try socket.readToEnd()
                }
                try waitUntil { server.metric("web_connections") == 0 }
            }
            #expect(server.metric("web_websockets") == 0)
        }
    }
}

/// A correct upgrade, with the key of RFC 6455 section 1.3.
func upgradeRequest(_ path: String) -> String {
    "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
}

/// A websocket, its handshake done.
func openSocket(
    _ port: Int, path: String = "/socket", receiveBufferBytes: CInt? = nil
) throws -> RawSocket {
    let socket = try RawSocket(port: port, receiveBufferBytes: receiveBufferBytes)
    socket.send(upgradeRequest(path))
    guard try socket.response()?.status == 101 else {
        throw RawSocket.Failure(description: "the upgrade was refused")
    }
    return socket
}
