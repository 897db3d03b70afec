import Testing

/// What section 7 of the Autobahn test suite checks: how a websocket ends (RFC 6455 sections 5.5.1
/// and 7).
@Suite struct WebSocketCloseTests {
    private static let hello = Array("Hello World!".utf8)

    @Test func `7.1: after a close nothing is answered`() async throws {
        try await WebSocketCase.check(
            [
                WebSocketCase(
                    "7.1.1 a text, then a close", [.text(Self.hello)], [.text(Self.hello)]),
                WebSocketCase("7.1.2 two closes", [.close(1000), .close(1000)], [.close(1000)]),
                WebSocketCase(
                    "7.1.3 a close, then a ping", [.close(1000), .ping()], [.close(1000)]),
                WebSocketCase(
                    "7.1.4 a close, then a text", [.close(1000), .text(Self.hello)],
                    [.close(1000)]),
                WebSocketCase(
                    "7.1.5 a close in the middle of a message",
                    [
                        .text(Self.hello, isFinal: false), .close(1000),
                        .more(Self.hello, isFinal: true),
                    ], [.close(1000)]),
                WebSocketCase(
                    "7.1.6 256 KiB, a close, a ping",
                    after: [.text([UInt8](repeating: 0x2A, count: 262_144))],
                    [.close(1000), .ping()], [.close(1000)]),
                WebSocketCase(
                    "a close, then what is no frame",
                    bytes: RawFrame.close(1000).encoded() + [0xFF, 0xFF, 0xFF, 0xFF],
                    [.close(1000)]),
                WebSocketCase(
                    "a close byte by byte", [.close(1000, Self.hello)], [.close(1000)],
                    cut: .bytes),
            ], messageBytesMax: 1 << 20)
    }

    @Test func `7.3: a close carries nothing, or a code and up to 123 bytes of reason`()
        async throws
    {
        func close(_ payload: [UInt8]) -> RawFrame {
            RawFrame(opcode: RawFrame.close, payload: payload)
        }
        try await WebSocketCase.check([
            WebSocketCase("7.3.1 nothing", [close([])], [.close(nil)]),
            WebSocketCase("7.3.2 one byte", [close([0x61])], [.close(1002)]),
            WebSocketCase("7.3.3 a code", [.close(1000)], [.close(1000)]),
            WebSocketCase("7.3.4 a code and a reason", [.close(1000, Self.hello)], [.close(1000)]),
            WebSocketCase(
                "7.3.5 the longest reason", [.close(1000, [UInt8](repeating: 0x2A, count: 123))],
                [.close(1000)]),
            WebSocketCase(
                "7.3.6 a reason too long", [.close(1000, [UInt8](repeating: 0x2A, count: 124))],
                [.close(1002)]),
        ])
    }

    @Test func `7.5: a reason is UTF-8`() async throws {
        let greek = Array("κόσμε".utf8)
        try await WebSocketCase.check([
            WebSocketCase("sound", [.close(1000, greek)], [.close(1000)]),
            WebSocketCase(
                "7.5.1 a surrogate", [.close(1000, greek + [0xED, 0xA0, 0x80])], [.close(1007)]),
            WebSocketCase("overlong", [.close(1000, [0xC0, 0xAF])], [.close(1007)]),
            WebSocketCase("cut short", [.close(1000, [0xE2, 0x82])], [.close(1007)]),
        ])
    }

    @Test func `7.7: the codes that a peer may send come back`() async throws {
        let codes =
            [1_000, 1_001, 1_002, 1_003, 1_007, 1_008, 1_009, 1_010, 1_011]
            + [3_000, 3_999, 4_000, 4_999]
        try await WebSocketCase.check(
            codes.map { WebSocketCase("7.7 code \($0)", [.close($0)], [.close($0)]) })
    }

    @Test func `7.9: codes that no peer may send fail the connection`() async throws {
        let codes = [
            // 1012 to 1014 are for what stands between client and server.
            0, 1, 999, 1_004, 1_005, 1_006, 1_012, 1_013, 1_014, 1_015, 1_016, 1_100, 2_000, 2_999,
            5_000, 65_535,
        ]
        try await WebSocketCase.check(
            codes.flatMap { code in
                [
                    WebSocketCase("7.9 code \(code)", [.close(code)], [.close(1002)]),
                    WebSocketCase(
                        "7.9 code \(code) and a reason", [.close(code, Self.hello)],
                        [.close(1002)]),
                ]
            })
    }
}
