import Testing

/// What section 6 of the Autobahn test suite checks: texts are UTF-8 (RFC 3629), and the first byte
/// that is not fails the connection, without waiting for the end of the frame or the message.
@Suite struct WebSocketTextTests {
    struct Bytes: CustomTestStringConvertible, Sendable {
        let name: String
        let bytes: [UInt8]
        var testDescription: String { name }

        init(_ name: String, _ bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    private static let greek: [UInt8] = Array("κόσμε".utf8)

    static let sound = [
        Bytes("empty", []),
        Bytes("ASCII", Array("Hello-µ@ßöäüàá-UTF-8!!".utf8)),
        Bytes("Greek", greek),
        Bytes("NUL", [0x00]),
        Bytes("DEL", [0x7F]),
        Bytes("U+0080, the first of two bytes", [0xC2, 0x80]),
        Bytes("U+07FF, the last of two bytes", [0xDF, 0xBF]),
        Bytes("U+0800, the first of three bytes", [0xE0, 0xA0, 0x80]),
        Bytes("U+FFFF, the last of three bytes", [0xEF, 0xBF, 0xBF]),
        Bytes("U+10000, the first of four bytes", [0xF0, 0x90, 0x80, 0x80]),
        Bytes("U+10FFFF, the last of all", [0xF4, 0x8F, 0xBF, 0xBF]),
        Bytes("U+D7FF, before the surrogates", [0xED, 0x9F, 0xBF]),
        Bytes("U+E000, behind the surrogates", [0xEE, 0x80, 0x80]),
        Bytes("U+FFFD, the replacement", [0xEF, 0xBF, 0xBD]),
        Bytes("U+FEFF, the byte order mark", [0xEF, 0xBB, 0xBF]),
        Bytes("U+FFFE", [0xEF, 0xBF, 0xBE]),
        Bytes("U+FDD0", [0xEF, 0xB7, 0x90]),
        Bytes("U+1FFFE", [0xF0, 0x9F, 0xBF, 0xBE]),
        Bytes("U+10FFFE", [0xF4, 0x8F, 0xBF, 0xBE]),
        Bytes("zero width and combining", Array("a\u{200B}\u{0301}\u{202E}".utf8)),
    ]

    /// Each ends with the byte that makes it wrong.
    static let broken = [
        Bytes("a continuation alone", [0x80]),
        Bytes("the last continuation alone", [0xBF]),
        Bytes("a continuation too many", greek + [0xBF]),
        Bytes("FE", [0xFE]),
        Bytes("FF", greek + [0xFF]),
        Bytes("F5, of what would be U+140000", [0xF5]),
        Bytes("F8, of five bytes", [0xF8]),
        Bytes("FC, of six bytes", [0xFC]),
        Bytes("U+110000, beyond the last", greek + [0xF4, 0x90]),
        Bytes("overlong slash in two bytes", [0xC0]),
        Bytes("overlong C1", [0xC1]),
        Bytes("overlong in three bytes", [0xE0, 0x80]),
        Bytes("overlong U+07FF in three bytes", [0xE0, 0x9F]),
        Bytes("overlong in four bytes", [0xF0, 0x80]),
        Bytes("overlong U+FFFF in four bytes", [0xF0, 0x8F]),
        Bytes("the surrogate U+D800", greek + [0xED, 0xA0]),
        Bytes("the surrogate U+DFFF", [0xED, 0xBF]),
        Bytes("a pair of surrogates", [0xED, 0xA1]),
        Bytes("two bytes cut short by ASCII", [0xC3, 0x28]),
        Bytes("three bytes cut short by ASCII", [0xE2, 0x82, 0x28]),
        Bytes("four bytes cut short by a start", [0xF0, 0x9F, 0x98, 0xC3]),
        Bytes("a start behind a start", [0xC3, 0xC3]),
    ]

    private static func cases(_ name: String, sound bytes: [UInt8]) -> [WebSocketCase] {
        let answer = [WebSocketCase.Answer.text(bytes)]
        let fragments =
            [RawFrame.text([], isFinal: false)] + bytes.map { .more([$0]) }
            + [.more([], isFinal: true)]
        return [
            WebSocketCase(name, [.text(bytes)], answer),
            WebSocketCase(name + ", byte by byte", [.text(bytes)], answer, cut: .bytes),
            WebSocketCase(name + ", a fragment for each byte", fragments, answer),
            WebSocketCase(
                name + ", with pings between", fragments.flatMap { [$0, .ping()] },
                bytes.map { _ in .pong([]) } + [.pong([]), answer[0], .pong([])]),
        ]
    }

    private static func cases(_ name: String, broken bytes: [UInt8]) -> [WebSocketCase] {
        let refused = [WebSocketCase.Answer.close(1007)]
        let endless = RawFrame.text(bytes + [UInt8](repeating: 0x61, count: 100)).encoded()
        return [
            WebSocketCase(name, [.text(bytes)], refused),
            WebSocketCase(name + ", byte by byte", [.text(bytes)], refused, cut: .bytes),
            // Neither the frame nor the message ends: the answer may not wait for that.
            WebSocketCase(
                name + ", in a frame without end", bytes: Array(endless.dropLast(100)), refused),
            WebSocketCase(
                name + ", in a message without end", [.text(bytes, isFinal: false)], refused),
            WebSocketCase(
                name + ", a fragment for each byte without end",
                [.text([], isFinal: false)] + bytes.map { .more([$0]) }, refused),
            WebSocketCase(
                name + ", behind a sound message", after: [.text(greek)], [.text(bytes)], refused),
        ]
    }

    @Test(arguments: sound)
    func `sound text comes back, wherever it is cut`(_ text: Bytes) async throws {
        try await WebSocketCase.check(Self.cases(text.name, sound: text.bytes))
    }

    @Test(arguments: broken)
    func `broken text fails at its first wrong byte`(_ text: Bytes) async throws {
        try await WebSocketCase.check(Self.cases(text.name, broken: text.bytes))
    }

    @Test func `text that ends within a character fails at its end, and not before`() async throws {
        let starts: [[UInt8]] = [
            [0xC3], [0xE2], [0xE2, 0x82], [0xF0], [0xF0, 0x9F], [0xF0, 0x9F, 0x98], [0xED, 0x9F],
        ]
        let cases = starts.flatMap { start -> [WebSocketCase] in
            let text = Self.greek + start
            return [
                WebSocketCase("\(start)", [.text(text)], [.close(1007)]),
                WebSocketCase("\(start)", [.text(text)], [.close(1007)], cut: .bytes),
                WebSocketCase(
                    "\(start) in fragments",
                    [.text(text, isFinal: false), .more([], isFinal: true)],
                    [.close(1007)]),
                WebSocketCase(
                    "\(start), a ping in the middle", [.text(text, isFinal: false), .ping(start)],
                    [.pong(start)]),
            ]
        }
        try await WebSocketCase.check(cases)
    }

    @Test func `every two bytes are judged as the standard library judges them`() async throws {
        // Three runs of all pairs would be 196,608 websockets: the first bytes that matter.
        let firsts: [UInt8] = [0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xF5, 0xFF]
        var good: [UInt8] = []
        var bad: [WebSocketCase] = []
        for first in firsts {
            for second in stride(from: UInt8(0), through: 255, by: 5) {
                let pair = [first, second]
                if String(validating: pair, as: UTF8.self) != nil {
                    good += pair
                } else {
                    bad.append(WebSocketCase("\(pair)", [.text(pair)], [.close(1007)]))
                }
            }
        }
        try await WebSocketCase.check([WebSocketCase("good", [.text(good)], [.text(good)])] + bad)
    }
}
