import Glibc
import Testing
import Threading
import WebServer

@Suite struct ShutdownTests {
    @Test func `requests in flight are finished, and websockets told`() async throws {
        try await TestServer.run { server in
            let clients = try await server.onThread { port in
                let requests = try (0..<100).map { _ in
                    let socket = try RawSocket(port: port)
                    socket.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
                    return socket
                }
                let webSockets = try (0..<20).map { _ in try openSocket(port) }
                let idle = try RawSocket(port: port)
                idle.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
                _ = try idle.response()
                try waitUntil { (server.metric("web_requests_total") ?? 0) == 121 }
                return (requests, webSockets, idle)
            }
            async let done: Void = server.server.shutdown(deadline: .seconds(20))
            try await server.onThread { port in
                for socket in clients.1 {
                    #expect(try socket.frame()?.closeCode == 1001)
                    socket.send(RawFrame(opcode: 8, payload: [0x03, 0xE9]).encoded())
                    #expect(try socket.readToEnd() == "")
                }
                #expect(try clients.2.readToEnd() == "")
                server.handler.gate.open()
                for socket in clients.0 {
                    let response = try #require(try socket.response())
                    #expect(response.body == "waited")
                    #expect(response.headers["connection"] == "close")
                    #expect(try socket.readToEnd() == "")
                }
                #expect(throws: RawSocket.Failure.self) { _ = try RawSocket(port: port) }
            }
            await done
            #expect(server.metric("web_connections") == 0)
        }
    }

    @Test func `at the deadline what is left is cut, and shutdown may be repeated`() async throws {
        try await TestServer.run { server in
            let client = try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
                return socket
            }
            try await server.handler.waiting.value()
            async let first: Void = server.server.shutdown(deadline: .milliseconds(50))
            async let second: Void = server.server.shutdown(deadline: .milliseconds(50))
            _ = await (first, second)
            let text = try await server.onThread { _ in try client.readToEnd() }
            #expect(text == "")
        }
    }
}
