import Testing
import WebClient

@testable import RestGateway

/// Many clients at once, and one that behaves like many.
struct CrowdTests {
    private func text(_ socket: WebSocketClient) async throws -> String {
        try #require(try await socket.receiveText(timeout: .seconds(20)))
    }

    @Test func `hundreds of idle websockets leave the gateway as quick for the next client`()
        async throws
    {
        try await LoopbackGateway.run({ $0.pendingAfter = .seconds(60) }) { gateway in
            var sockets: [WebSocketClient] = []
            for number in 0..<500 {
                let socket = try await gateway.open("userID=u\(number)&quantity=0")
                #expect(try await text(socket).contains(#""status":"accepted""#))
                sockets.append(socket)
            }
            let metrics = try await gateway.send("GET", "/metrics").text
            #expect(metrics.contains("holdfast_gateway_websockets 500\n"))
            #expect(try await gateway.send("GET", "/cart?userID=other").status == 200)
            for (number, socket) in sockets.enumerated() {
                socket.send(#"{"action":"check","requestID":"again-\#(number)"}"#)
            }
            for (number, socket) in sockets.enumerated() {
                #expect(try await text(socket).contains("\"again-\(number)\""))
            }
            for socket in sockets { socket.close() }
            try await eventually("all are forgotten") {
                try await gateway.send("GET", "/metrics").text
                    .contains("holdfast_gateway_websockets 0\n")
            }
        }
    }

    @Test func `a websocket that floods gets an error for each message too many, and survives`()
        async throws
    {
        try await LoopbackGateway.run({
            $0.clientRate = RateLimit(perSecond: 1, burst: 50)
            $0.waitingPerSocketMax = 20
            $0.pendingAfter = .seconds(60)
        }) { gateway in
            let socket = try await gateway.open("userID=u1&quantity=0")
            _ = try await text(socket)
            for number in 0..<3_000 {
                socket.send(
                    #"{"action":"add","productCode":"SILENT","quantity":1,"requestID":"r\#(number)"}"#
                )
            }
            var answers: [String: Int] = [:]
            for _ in 0..<2_900 {
                let answer = try await text(socket)
                #expect(answer.contains(#""status":429"#))
                for slug in ["too-many-requests", "rate-limited"] where answer.contains(slug) {
                    answers[slug, default: 0] += 1
                }
            }
            #expect((1...50).contains(answers["too-many-requests"] ?? 0), "\(answers)")
            #expect((answers["rate-limited"] ?? 0) > 2_800, "\(answers)")
            socket.close()
            let refused = try await gateway.send("GET", "/cart?userID=u1")
            #expect(refused.status == 429 || refused.status == 200)
            let live = try await gateway.send("GET", "/health/live")
            #expect(live.status == 200)
        }
    }

    @Test func `a body without end is refused at the limit`() async throws {
        try await LoopbackGateway.run({ $0.jsonBytesMax = 10_000 }) { gateway in
            let body = [UInt8](repeating: 0x20, count: 200_000)
            let response = try await gateway.send(
                "POST", "/cart/items", headers: [("Content-Type", "application/json")],
                body: body)
            #expect(response.status == 413)
            #expect(response.text.contains(#""slug":"body-too-large""#))
        }
    }
}
