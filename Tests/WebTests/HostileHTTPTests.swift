import Glibc
import Testing
import Threading
import WebServer

@Suite struct HostileHTTPTests {
    /// A request that must be refused, and with what.
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let request: String
        let status: Int
        var testDescription: String { name }

        init(_ name: String, _ request: String, _ status: Int) {
            self.name = name
            self.request = request
            self.status = status
        }
    }

    static let host = "Host: x\r\n"
    static let cases = [
        Case("space before colon", "GET / HTTP/1.1\r\n\(host)A : b\r\n\r\n", 400),
        Case("space in a name", "GET / HTTP/1.1\r\n\(host)A b: c\r\n\r\n", 400),
        Case("tab in a name", "GET / HTTP/1.1\r\n\(host)Content-Length\t: 5\r\n\r\nhello", 400),
        Case("no host", "GET / HTTP/1.1\r\n\r\n", 400),
        Case("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        Case("two hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        Case("a host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        Case(
            "length and chunks",
            "POST / HTTP/1.1\r\n\(host)Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "0\r\n\r\n", 400),
        Case(
            "chunks and length",
            "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
                + "0\r\n\r\n", 400),
        Case(
            "two different lengths",
            "POST / HTTP/1.1\r\n\(host)Content-Length: 4\r\nContent-Length: 5\r\n\r\nhello", 400),
        Case(
            "two equal lengths",
            "POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
        Case(
            "a list of lengths", "POST / HTTP/1.1\r\n\(host)Content-Length: 5, 5\r\n\r\nhello",
            400),
        Case("a signed length", "POST / HTTP/1.1\r\n\(host)Content-Length: +5\r\n\r\nhello", 400),
        Case("a negative length", "POST / HTTP/1.1\r\n\(host)Content-Length: -5\r\n\r\n", 400),
        Case(
            "a length beyond 64 bits",
            "POST / HTTP/1.1\r\n\(host)Content-Length: 99999999999999999999\r\n\r\n", 400),
        Case("an empty length", "POST / HTTP/1.1\r\n\(host)Content-Length:\r\n\r\n", 400),
        Case(
            "an unknown coding",
            "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: gzip\r\n\r\n", 501),
        Case(
            "a coding before chunked",
            "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        Case(
            "chunked twice",
            "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        Case(
            "chunked, in disguise",
            "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        Case(
            "chunks in HTTP/1.0",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        Case(
            "a chunk size that is none",
            "POST /count HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        Case(
            "a chunk size beyond 64 bits",
            "POST /count HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n"
                + "fffffffffffffffff\r\n", 400),
        Case("version 2", "GET / HTTP/2.0\r\n\(host)\r\n", 505),
        Case("version 1.2", "GET / HTTP/1.2\r\n\(host)\r\n", 505),
        Case("no version", "GET /\r\n\r\n", 505),
        Case("a version that is none", "GET / HTTP/x\r\n\(host)\r\n", 400),
        Case("an unknown method", "BREW / HTTP/1.1\r\n\(host)\r\n", 501),
        Case("CONNECT", "CONNECT x:80 HTTP/1.1\r\n\(host)\r\n", 501),
        Case("a method in lower case", "get / HTTP/1.1\r\n\(host)\r\n", 501),
        Case("TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\r\n\r\n", 400),
        Case("a control character in the target", "GET /\u{1} HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a NUL in a value", "GET / HTTP/1.1\r\n\(host)A: b\u{0}c\r\n\r\n", 400),
        Case("a lone CR in a value", "GET / HTTP/1.1\r\n\(host)A: b\rc\r\n\r\n", 400),
        Case(
            "a long target", "GET /\(String(repeating: "x", count: 9_000)) HTTP/1.1\r\n\(host)\r\n",
            414),
        Case(
            "large fields",
            "GET / HTTP/1.1\r\n\(host)A: \(String(repeating: "x", count: 17_000))\r\n\r\n", 431),
        Case(
            "a large name",
            "GET / HTTP/1.1\r\n\(host)\(String(repeating: "x", count: 17_000)): a\r\n\r\n", 431),
        Case(
            "many fields",
            "GET / HTTP/1.1\r\n\(host)\(String(repeating: "a:\r\n", count: 4_000))\r\n", 431),
        Case(
            "large trailers",
            "POST /count HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\n"
                + String(repeating: "a: b\r\n", count: 4_000) + "\r\n", 431),
        Case("an unknown expectation", "GET / HTTP/1.1\r\n\(host)Expect: miracles\r\n\r\n", 417),
        Case(
            "a websocket of another version",
            "GET /socket HTTP/1.1\r\n\(host)Connection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            426),
        Case(
            "a websocket without a key",
            "GET /socket HTTP/1.1\r\n\(host)Connection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\n\r\n", 400),
        Case(
            "a websocket with a short key",
            "GET /socket HTTP/1.1\r\n\(host)Connection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n\r\n", 400),
        Case(
            "a websocket by POST",
            "POST /socket HTTP/1.1\r\n\(host)Connection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                + "Content-Length: 0\r\n\r\n", 400),
    ]

    @Test(arguments: cases)
    func `what two parsers may read differently is refused, and the connection ends`(
        _ hostile: Case
    ) async throws {
        try await TestServer.run { server in
            // A second request rides behind: it must not be answered.
            let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
            let text = try await server.exchange(hostile.request + smuggled)
            #expect(text.hasPrefix("HTTP/1.1 \(hostile.status) "), "\(text)")
            #expect(!text.contains("smuggled"))
            #expect(text.contains("application/problem+json"))
            let next = try await server.exchange(
                "GET /alive HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(next.hasSuffix("GET /alive"))
        }
    }

    @Test func `a refusal leaves the answers before it alone`() async throws {
        try await TestServer.run { server in
            let text = try await server.exchange(
                "GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/3.0\r\n\r\n")
            #expect(text.hasPrefix("HTTP/1.1 200 "))
            #expect(text.contains("GET /first"))
            #expect(text.contains("HTTP/1.1 505 "))
        }
    }

    @Test func `a head that trickles is answered 408 at its deadline`() async throws {
        try await TestServer.run({ $0.headerDeadline = .milliseconds(150) }) { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                // Each byte would push an inactivity timer ahead; the deadline is for the whole.
                for byte in "GET / HTTP/1.1\r\nHost: x\r\nA: ".utf8 {
                    socket.send([byte])
                    giveWay()
                }
                #expect(try socket.response()?.status == 408)
                #expect(try socket.readToEnd() == "")
            }
            #expect(server.metric("web_connections_cut_total") == 1)
        }
    }

    @Test func `a connection that says nothing is closed`() async throws {
        try await TestServer.run({ $0.headerDeadline = .milliseconds(50) }) { server in
            let text = try await server.exchange("")
            #expect(text == "")
        }
    }

    @Test func `a kept connection that stays idle is closed`() async throws {
        try await TestServer.run({ $0.keepAliveIdle = .milliseconds(50) }) { server in
            let text = try await server.exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(text.hasSuffix("GET /a"))
        }
    }

    @Test func `an upload below the minimum rate is answered 408`() async throws {
        try await TestServer.run({ $0.rateWindow = .milliseconds(60) }) { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
                let response = try #require(try socket.response())
                #expect(response.status == 408)
                #expect(response.headers["connection"] == "close")
            }
        }
    }

    @Test func `an upload that waits for its handler is not too slow`() async throws {
        try await TestServer.run({ $0.rateWindow = .milliseconds(30) }) { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send("POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n")
                socket.send([UInt8](repeating: 0x78, count: 500_000))
                // Many windows long, the buffer is full and the socket not read.
                for _ in 0..<60 { giveWay() }
                server.handler.gate.open()
                #expect(try socket.response()?.body == "waited")
            }
        }
    }

    @Test(arguments: ["Content-Length: 9223372036854775807", "Transfer-Encoding: chunked"])
    func `a body without end is refused at the limit, and is not read on`(
        framing: String
    ) async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send("POST /small HTTP/1.1\r\nHost: x\r\n\(framing)\r\n\r\n")
                let chunk =
                    Array("10000\r\n".utf8) + [UInt8](repeating: 0x78, count: 65_536) + [13, 10]
                try waitUntil { server.metric("web_connections") == 1 }
                // Until the server, having answered, cuts the connection.
                try waitUntil {
                    _ = socket.sendWithoutWaiting(chunk)
                    return server.metric("web_connections") == 0
                }
                #expect(try socket.response()?.status == 413)
            }
        }
    }

    @Test func `headers that trickle on many connections leave the others alone`() async throws {
        try await TestServer.run({ $0.headerDeadline = .milliseconds(300) }) { server in
            try await server.onThread { port in
                let slow = try (0..<200).map { _ in try RawSocket(port: port) }
                for socket in slow { socket.send("GET / HTTP/1.1\r\nHost: x\r\nA: ") }
                let quick = try RawSocket(port: port)
                quick.send("GET /quick HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try quick.response()?.body == "GET /quick")
                for socket in slow {
                    socket.send("b")
                    #expect(try socket.response()?.status == 408)
                }
            }
            #expect(server.metric("web_connections_cut_total") == 200)
        }
    }

    @Test func `a reader below the minimum rate is cut`() async throws {
        try await TestServer.run({ $0.rateWindow = .milliseconds(60) }) { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port, receiveBufferBytes: 4_096)
                socket.send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
                try waitUntil { server.metric("web_connections_cut_total") != 0 }
                // What the kernel had taken arrives, the rest does not.
                #expect(try socket.readToEnd().utf8.count < 8_000_000)
            }
        }
    }

    @Test func `a flood of requests whose answers nobody reads is bounded`() async throws {
        try await TestServer.run { server in
            let taken = try await server.onThread { port in
                let socket = try RawSocket(port: port, receiveBufferBytes: 4_096)
                let request = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n"
                let flood = Array(request.utf8) + [UInt8](repeating: 0x78, count: 30_000)
                var taken = 0
                var refusals = 0
                while refusals < 50, taken < 200 << 20 {
                    // Where a send stops in the middle, the next begins anew: garbage is fine,
                    // too, but bytes must stop being taken.
                    let count = socket.sendWithoutWaiting(flood)
                    taken += count
                    refusals = count == flood.count ? 0 : refusals + 1
                    if count < flood.count { giveWay() }
                }
                return taken
            }
            #expect(taken < 64 << 20)
        }
    }

    @Test func `connections beyond the limit are answered 503, and one that closes makes room`()
        async throws
    {
        try await TestServer.run({ $0.connectionsMax = 2 }) { server in
            try await server.onThread { port in
                var first: RawSocket? = try RawSocket(port: port)
                let second = try RawSocket(port: port)
                for socket in [first, second] {
                    socket?.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
                    let response = try socket?.response()
                    #expect(response?.status == 200)
                }
                for _ in 0..<50 {
                    let third = try RawSocket(port: port)
                    third.send("GET /third HTTP/1.1\r\nHost: x\r\n\r\n")
                    let response = try #require(try third.response())
                    #expect(response.status == 503)
                    #expect(response.headers["connection"] == "close")
                    #expect(response.headers["content-type"] == "application/problem+json")
                    #expect(try third.readToEnd() == "")
                }
                #expect(server.metric("web_connections_turned_away_total") == 50)
                second.send("GET /still HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try second.response()?.body == "GET /still")
                first = nil
                try waitUntil { server.metric("web_connections") == 1 }
                let fourth = try RawSocket(port: port)
                fourth.send("GET /fourth HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try fourth.response()?.body == "GET /fourth")
            }
        }
    }

    @Test func `a flood beyond the 503 as well waits, and is served later`() async throws {
        try await TestServer.run({
            $0.connectionsMax = 1
            $0.connectionsTurnedAwayMax = 2
            $0.lingerDeadline = .seconds(60)
        }) { server in
            try await server.onThread { port in
                var crowd = try (0..<20).map { _ in try RawSocket(port: port) }
                try waitUntil { server.metric("web_accept_pauses_total") != 0 }
                #expect(server.metric("web_connections") == 3, "one served, two being told")
                #expect(crowd.count == 20)
                crowd = []
                // Also those that it accepts only now, and finds closed.
                try waitUntil {
                    server.metric("web_connections_accepted_total") == 20
                        && server.metric("web_connections") == 0
                }
                let next = try RawSocket(port: port)
                next.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try next.response()?.body == "GET /next")
            }
        }
    }

    @Test func `clients that vanish at any point leave the server alive`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let request = Array(
                    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello".utf8)
                for length in 0...request.count {
                    let socket = try RawSocket(port: port)
                    socket.send(Array(request.prefix(length)))
                }
                try waitUntil { server.metric("web_connections") == 0 }
            }
        }
    }

    @Test func `random bytes never stop the server`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                var generator = SystemRandomNumberGenerator()
                let seedText =
                    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "5\r\nhello\r\n0\r\n\r\n"
                for _ in 0..<300 {
                    var bytes = Array(seedText.utf8)
                    for _ in 0..<Int.random(in: 1...8, using: &generator) {
                        bytes[Int.random(in: 0..<bytes.count, using: &generator)] =
                            UInt8.random(in: 0...255, using: &generator)
                    }
                    let socket = try RawSocket(port: port)
                    socket.send(bytes)
                    socket.shutdownWriting()
                    _ = try socket.readToEnd()
                }
                let socket = try RawSocket(port: port)
                socket.send("GET /alive HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try socket.response()?.body == "GET /alive")
            }
        }
    }
}
