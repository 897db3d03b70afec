import Testing

/// What sections 1 to 5 and 9 of the Autobahn test suite check: framing, pings, reserved bits,
/// opcodes, fragmentation, and limits (RFC 6455 section 5).
@Suite struct WebSocketFramingTests {
    private static func letters(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x2A, count: count) }

    private static let hello = Array("Hello, world!".utf8)
    private static let fragments = ["fragment1", "fragment2", "fragment3"].map { Array($0.utf8) }

    @Test func `1: messages of every length come back, however they are cut`() async throws {
        var cases: [WebSocketCase] = []
        for size in [0, 1, 124, 125, 126, 127, 128, 65_535, 65_536] {
            cases.append(
                WebSocketCase(
                    "text of \(size)", [.text(Self.letters(size))], [.text(Self.letters(size))]))
            cases.append(
                WebSocketCase(
                    "binary of \(size)", [RawFrame(opcode: 2, payload: Self.letters(size))],
                    [.close(1003)]))
        }
        for (piece, size) in [(1, 1_000), (3, 1_000), (997, 65_536)] {
            cases.append(
                WebSocketCase(
                    "text in writes of \(piece)", [.text(Self.letters(size))],
                    [.text(Self.letters(size))], cut: .pieces(piece)))
        }
        try await WebSocketCase.check(cases)
    }

    @Test func `1: a length need not be written in the fewest bytes, but within 63 bits`()
        async throws
    {
        let mask: [UInt8] = [0, 0, 0, 0]
        try await WebSocketCase.check([
            // RFC 6455 section 5.2 demands the fewest, for senders.
            WebSocketCase(
                "5 in two bytes", bytes: [0x81, 0xFE, 0, 5] + mask + Array("hello".utf8),
                [.close(1002)]),
            WebSocketCase(
                "5 in eight bytes",
                bytes: [0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5] + mask + Array("hello".utf8),
                [.close(1002)]),
            WebSocketCase(
                "the highest bit", bytes: [0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1] + mask + [0x61],
                [.close(1002)]),
        ])
    }

    @Test func `2: pings come back as pongs with the same payload`() async throws {
        let odd: [UInt8] = [0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF]
        let cases = [
            WebSocketCase("2.1 empty", [.ping()], [.pong([])]),
            WebSocketCase("2.2 with text", [.ping(Self.hello)], [.pong(Self.hello)]),
            WebSocketCase("2.3 with no UTF-8", [.ping(odd)], [.pong(odd)]),
            WebSocketCase(
                "2.4 of 125 bytes", [.ping(Self.letters(125))], [.pong(Self.letters(125))]),
            WebSocketCase("2.5 of 126 bytes", [.ping(Self.letters(126))], [.close(1002)]),
            WebSocketCase(
                "2.6 byte by byte", [.ping(Self.letters(125))], [.pong(Self.letters(125))],
                cut: .bytes),
            WebSocketCase("2.7 a pong nobody asked for", [.pong()], []),
            WebSocketCase("2.8 the same with payload", [.pong(Self.hello)], []),
            WebSocketCase(
                "2.9 a pong, then a ping", [.pong(Self.hello), .ping(odd)], [.pong(odd)]),
            WebSocketCase(
                "2.10 ten pings", (0..<10).map { .ping([UInt8($0)]) },
                (0..<10).map { .pong([UInt8($0)]) }),
            WebSocketCase(
                "2.11 ten pings byte by byte", (0..<10).map { .ping([UInt8($0)]) },
                (0..<10).map { .pong([UInt8($0)]) }, cut: .bytes),
            WebSocketCase("a pong of 126 bytes", [.pong(Self.letters(126))], [.close(1002)]),
        ]
        try await WebSocketCase.check(cases)
    }

    @Test func `3: a reserved bit fails the connection, and what came before it is answered`()
        async throws
    {
        var cases: [WebSocketCase] = []
        for reserved in UInt8(1)...7 {
            for (name, frame) in [
                ("text", RawFrame.text(Self.hello)), ("ping", .ping(Self.hello)),
                ("pong", .pong()), ("close", .close(1000)),
                ("binary", RawFrame(opcode: 2, payload: Self.hello)),
            ] {
                cases.append(
                    WebSocketCase(
                        "\(name) with bits \(reserved)",
                        after: [.text("before")],
                        bytes: frame.encoded(reserved: reserved) + RawFrame.ping().encoded(),
                        [.close(1002)]))
            }
            cases.append(
                WebSocketCase(
                    "byte by byte with bits \(reserved)",
                    bytes: RawFrame.text(Self.hello).encoded(reserved: reserved), [.close(1002)],
                    cut: .bytes))
        }
        try await WebSocketCase.check(cases)
    }

    @Test func `4: an opcode that means nothing fails the connection`() async throws {
        var cases: [WebSocketCase] = []
        for opcode in [UInt8](3...7) + [UInt8](11...15) {
            for payload in [[], Self.hello] {
                let frame = RawFrame(opcode: opcode, payload: payload)
                cases.append(
                    WebSocketCase("opcode \(opcode)", [frame, .ping()], [.close(1002)]))
                cases.append(
                    WebSocketCase(
                        "opcode \(opcode) behind a text", after: [.text(Self.hello)],
                        [frame, .ping()], [.close(1002)]))
            }
        }
        try await WebSocketCase.check(cases)
    }

    @Test func `5: fragments become one message, controls may stand between, nothing else`()
        async throws
    {
        let (one, two, three) = (Self.fragments[0], Self.fragments[1], Self.fragments[2])
        let whole = WebSocketCase.Answer.text(one + two)
        let begin = RawFrame.text(one, isFinal: false)
        let end = RawFrame.more(two, isFinal: true)
        func fragment(_ opcode: UInt8) -> RawFrame {
            RawFrame(isFinal: false, opcode: opcode, payload: one)
        }
        var cases = [
            WebSocketCase("5.1 a ping in fragments", [fragment(9), end], [.close(1002)]),
            WebSocketCase("5.2 a pong in fragments", [fragment(10), end], [.close(1002)]),
            WebSocketCase("a close in fragments", [fragment(8), end], [.close(1002)]),
            WebSocketCase(
                "5.9 a continuation of nothing", [.more(one), .text(two)], [.close(1002)]),
            WebSocketCase(
                "5.10 a final continuation of nothing", [.more(one, isFinal: true), .text(two)],
                [.close(1002)]),
            WebSocketCase(
                "5.12 a continuation behind a whole message", after: [.text(one)], [end],
                [.close(1002)]),
            WebSocketCase(
                "5.15 a continuation behind a message in fragments", after: [begin, end],
                [.more(three), .text(one)], [.close(1002)]),
            WebSocketCase(
                "5.16 continuations before texts", [.more(one), .text(two, isFinal: false)],
                [.close(1002)]),
            WebSocketCase("5.18 a text within a text", [begin, .text(two)], [.close(1002)]),
            WebSocketCase(
                "a binary message within a text", [begin, RawFrame(opcode: 2, payload: two)],
                [.close(1002)]),
            WebSocketCase(
                "5.19 five fragments with pings between",
                [
                    begin, .more(two), .ping(one), .more(three), .more(one), .ping(two),
                    .more(two, isFinal: true),
                ], [.pong(one), .pong(two), .text(one + two + three + one + two)]),
            WebSocketCase(
                "empty fragments",
                [.text([], isFinal: false), .more([]), .more([], isFinal: true)], [.text([])]),
            WebSocketCase(
                "empty fragments around one",
                [.text([], isFinal: false), .more(one), .more([], isFinal: true)], [.text(one)]),
            WebSocketCase(
                "a thousand fragments of one byte",
                [.text([0x61], isFinal: false)] + (0..<998).map { _ in .more([0x61]) }
                    + [.more([0x61], isFinal: true)],
                [.text([UInt8](repeating: 0x61, count: 1_000))]),
            WebSocketCase(
                "fragments of a binary message",
                [RawFrame(isFinal: false, opcode: 2, payload: one), end], [.close(1003)]),
        ]
        for cut in [WebSocketCase.Cut.whole, .bytes] {
            cases += [
                WebSocketCase("5.3 two fragments", [begin, end], [whole], cut: cut),
                WebSocketCase(
                    "5.6 a ping between", [begin, .ping(three), end], [.pong(three), whole],
                    cut: cut),
                WebSocketCase("a pong between", [begin, .pong(three), end], [whole], cut: cut),
                WebSocketCase(
                    "two messages", [begin, end, begin, end], [whole, whole], cut: cut),
            ]
        }
        try await WebSocketCase.check(cases)
    }

    @Test func `9: the limit holds for frames, for fragments together, and for what is announced`()
        async throws
    {
        func announcing(_ length: [UInt8]) -> [UInt8] {
            [0x81, 0xFF] + length + [0, 0, 0, 0, 0x61]
        }
        try await WebSocketCase.check(
            [
                WebSocketCase(
                    "4 MiB", [.text(Self.letters(4 << 20))], [.text(Self.letters(4 << 20))]),
                WebSocketCase(
                    "4 MiB in fragments of 1 KiB",
                    [.text(Self.letters(1_024), isFinal: false)]
                        + (0..<4_094).map { _ in .more(Self.letters(1_024)) }
                        + [.more(Self.letters(1_024), isFinal: true)],
                    [.text(Self.letters(4 << 20))]),
                WebSocketCase(
                    "4 MiB in writes of 997 bytes", [.text(Self.letters(4 << 20))],
                    [.text(Self.letters(4 << 20))], cut: .pieces(997)),
                WebSocketCase(
                    "a byte more than the limit is announced",
                    bytes: announcing([0, 0, 0, 0, 0, 0x40, 0, 1]), [.close(1009)]),
                WebSocketCase(
                    "all of 63 bits are announced",
                    bytes: announcing([0x7F] + [UInt8](repeating: 0xFF, count: 7)), [.close(1009)]),
            ], messageBytesMax: 4 << 20)
        try await WebSocketCase.check(
            [
                WebSocketCase(
                    "a message as long as the limit", [.text(Self.letters(1_000))],
                    [.text(Self.letters(1_000))]),
                WebSocketCase(
                    "fragments longer than the limit",
                    [.text(Self.letters(600), isFinal: false), .more(Self.letters(401))],
                    [.close(1009)]),
                WebSocketCase(
                    "fragments without end",
                    [.text(Self.letters(100), isFinal: false)]
                        + (0..<20).map { _ in .more(Self.letters(100)) }, [.close(1009)]),
                WebSocketCase(
                    "a ping at the limit of fragments",
                    [
                        .text(Self.letters(1_000), isFinal: false), .ping(Self.letters(100)),
                        .more([], isFinal: true),
                    ], [.pong(Self.letters(100)), .text(Self.letters(1_000))]),
            ], messageBytesMax: 1_000)
    }

    @Test func `a client's frames must be masked, its masks may be anything`() async throws {
        var cases = [
            RawFrame.text(Self.hello), .ping(), .close(1000),
            RawFrame(opcode: 2, payload: Self.hello),
        ].map {
            WebSocketCase("unmasked", bytes: $0.encoded(isMasked: false), [.close(1002)])
        }
        for mask in [[0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [1, 0, 0, 0]] as [[UInt8]] {
            let payload = Self.hello.enumerated().map { $1 ^ mask[$0 % 4] }
            cases.append(
                WebSocketCase(
                    "mask \(mask)", bytes: [0x81, 0x80 | UInt8(Self.hello.count)] + mask + payload,
                    [.text(Self.hello)]))
        }
        try await WebSocketCase.check(cases)
    }
}
