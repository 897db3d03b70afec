import Glibc
import Telemetry
import Testing
import Threading
import WebServer

@Suite struct HTTPServerTests {
    @Test func `a request is answered with length and date, and the connection stays`() async throws
    {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                for path in ["/a?b=c", "/d"] {
                    socket.send("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
                    let response = try #require(try socket.response())
                    #expect(response.status == 200)
                    #expect(response.body == "GET \(path)")
                    #expect(response.headers["date"]?.hasSuffix(" GMT") == true)
                    #expect(response.headers["connection"] == nil)
                }
            }
        }
    }

    @Test func `pipelined requests are answered in order`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                let post = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
                socket.send(
                    (0..<200).map { post + ("00\($0)").suffix(3) }.joined()
                        + "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                for index in 0..<200 {
                    #expect(try socket.response()?.body == String("00\(index)".suffix(3)))
                }
                #expect(try socket.response()?.body == "GET /last")
                #expect(try socket.readToEnd() == "")
            }
        }
    }

    @Test func `a request may come byte by byte`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                let request =
                    "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "5\r\nhello\r\n1;ext=1\r\n!\r\n0\r\nTrailer: t\r\n\r\n"
                for byte in request.utf8 { socket.send([byte]) }
                #expect(try socket.response()?.body == "hello!")
                socket.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try socket.response()?.body == "GET /next")
            }
        }
    }

    @Test func `HEAD is told the length and sent no body`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send("HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n")
                let head = try #require(try socket.response(hasBody: false))
                #expect(head.headers["content-length"] == "9")
                socket.send("GET /abc HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try socket.response()?.body == "GET /abc")
            }
        }
    }

    @Test func `HTTP 1.0 closes unless it asks to stay`() async throws {
        try await TestServer.run { server in
            let closed = try await server.exchange("GET /a HTTP/1.0\r\n\r\n")
            #expect(closed.hasSuffix("GET /a"))
            #expect(closed.contains("Connection: close"))
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                for _ in 0..<2 {
                    socket.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                    let response = try #require(try socket.response())
                    #expect(response.headers["connection"] == "keep-alive")
                }
            }
        }
    }

    @Test func `an upgrade to h2c is answered as plain HTTP`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                let fields =
                    "Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                    + "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"
                socket.send("GET /a HTTP/1.1\r\n\(fields)\r\n")
                #expect(try socket.response()?.body == "GET /a")
                socket.send("POST /echo HTTP/1.1\r\n\(fields)Content-Length: 2\r\n\r\nhi")
                #expect(try socket.response()?.body == "hi")
                socket.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try socket.response()?.body == "GET /b")
            }
        }
    }

    @Test func `the whole URL may stand as the target`() async throws {
        let request = HTTPRequest(method: "GET", target: "http://host:80/a/b?c=d?e")
        #expect(request.path == "/a/b")
        #expect(request.query == "c=d?e")
        #expect(HTTPRequest(method: "GET", target: "http://host").path == "/")
        #expect(HTTPRequest(method: "GET", target: "/?").query == "")
        #expect(HTTPRequest(method: "OPTIONS", target: "*").path == "*")
    }

    @Test func `100 Continue is sent when the handler wants the body, and only then`() async throws
    {
        try await TestServer.run { server in
            try await server.onThread { port in
                let expecting = "Host: x\r\nExpect: 100-continue\r\nContent-Length: "
                let socket = try RawSocket(port: port)
                socket.send("POST /echo HTTP/1.1\r\n\(expecting)5\r\n\r\n")
                #expect(try socket.response()?.status == 100)
                socket.send("hello")
                #expect(try socket.response()?.body == "hello")
                // More than the handler takes: the final status comes instead.
                socket.send("POST /small HTTP/1.1\r\n\(expecting)70000\r\n\r\n")
                let refused = try #require(try socket.response())
                #expect(refused.status == 413)
                #expect(refused.headers["connection"] == "close")
                #expect(try socket.readToEnd() == "")
            }
        }
    }

    @Test func `a body over the limit is refused, announced or not`() async throws {
        try await TestServer.run { server in
            let announced = try await server.exchange(
                "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n")
            #expect(announced.hasPrefix("HTTP/1.1 413 "))
            let chunk = "8000\r\n" + String(repeating: "x", count: 0x8000) + "\r\n"
            let chunked = try await server.exchange(
                "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + chunk + chunk + chunk)
            #expect(chunked.hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func `an unread body costs the connection, and the response arrives`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send("POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n")
                socket.send([UInt8](repeating: 0x78, count: 1_000_000))
                let response = try #require(try socket.response())
                #expect(response.body == "not read")
                #expect(response.headers["connection"] == "close")
            }
        }
    }

    @Test func `a large upload streams through a bounded buffer`() async throws {
        try await TestServer.run { server in
            let megabytes = 64
            let body = try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send(
                    "POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: \(megabytes << 20)\r\n\r\n")
                let chunk = [UInt8](repeating: 0x78, count: 1 << 20)
                for _ in 0..<megabytes { socket.send(chunk) }
                return try socket.response()?.body
            }
            #expect(body == "\(megabytes << 20)")
        }
    }

    @Test func `an upload that nobody reads stops at the buffer's bound`() async throws {
        try await TestServer.run { server in
            let taken = try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send("POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n")
                let chunk = [UInt8](repeating: 0x78, count: 1 << 20)
                // The kernel's buffers and ours fill up; then nothing more is taken.
                var taken = 0
                var refusals = 0
                while refusals < 50, taken < 200 << 20 {
                    let count = socket.sendWithoutWaiting(chunk)
                    taken += count
                    refusals = count > 0 ? 0 : refusals + 1
                    if count == 0 { giveWay() }
                }
                return taken
            }
            #expect(taken < 64 << 20)
        }
    }

    @Test func `a broken chunk ends the body with an error and a 400`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send("POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
                socket.send("3\r\nabc\r\n")
                socket.send("zz\r\n")
                let response = try #require(try socket.response())
                #expect(response.status == 400)
                #expect(response.headers["content-type"] == "application/problem+json")
                #expect(try socket.readToEnd() == "")
            }
        }
    }

    @Test func `a response cannot smuggle fields, and the server's own fields are its own`()
        async throws
    {
        try await TestServer.run { server in
            let text = try await server.exchange(
                "GET /inject HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(text.contains("X-A: 1  X-B: 2\r\n"))
            #expect(!text.contains("never"))
        }
    }

    @Test func `a websocket answer to a plain request is a 426`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send("GET /socket-always HTTP/1.1\r\nHost: x\r\n\r\n")
                let response = try #require(try socket.response())
                #expect(response.status == 426)
                #expect(response.headers["upgrade"] == "websocket")
            }
        }
    }

    @Test func `a taken port is named`() async throws {
        try await TestServer.run { server in
            var configuration = WebServerConfiguration()
            configuration.port = server.port
            let second = WebServer(
                configuration: configuration, loop: server.loop,
                logger: .init(component: "test"), metrics: server.metrics,
                handler: server.handler)
            let error = await #expect(throws: WebServerError.self) { _ = try await second.start() }
            #expect(error?.description.contains("port \(server.port)") == true)
        }
    }
}
