import Foundation
import Telemetry
import Testing

/// A socket pair that keeps the bounds of what is written: one `write` is one `read`.
private final class LineTap {
    let logger: Logger
    private let reader: CInt
    private let writer: CInt

    init(component: String = "gateway", level: Logger.Level = .info) throws {
        var ends: [CInt] = [0, 0]
        try #require(
            socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        reader = ends[0]
        writer = ends[1]
        logger = Logger(component: component, level: level, descriptor: writer)
    }

    deinit {
        close(reader)
        close(writer)
    }

    /// What each write brought so far.
    func writes() -> [String] {
        var found: [String] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(reader, &buffer, buffer.count, CInt(MSG_DONTWAIT))
            guard count > 0 else { return found }
            found.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
    }

    /// The only line so far, parsed.
    func line() throws -> [String: String] {
        let writes = writes()
        try #require(writes.count == 1)
        let parsed = try JSONSerialization.jsonObject(with: Data(writes[0].utf8))
        return try #require(parsed as? [String: String])
    }
}

@Suite struct LoggerTests {
    @Test func `a line is one JSON object with time, level, component, message and fields`() throws
    {
        let tap = try LineTap()
        tap.logger.info("listening", ["port": "8080", "host": "::1"])
        let line = try tap.line()
        #expect(line["level"] == "info")
        #expect(line["component"] == "gateway")
        #expect(line["message"] == "listening")
        #expect(line["port"] == "8080")
        #expect(line["host"] == "::1")
        let time = try #require(line["time"])
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    }

    @Test func `a line is written with one write and ends in one line feed`() throws {
        let tap = try LineTap()
        for i in 0..<10 { tap.logger.warning("line \(i)\nstill line \(i)", ["i": "\(i)"]) }
        let writes = tap.writes()
        #expect(writes.count == 10)
        #expect(writes.allSatisfy { $0.hasSuffix("}\n") && $0.filter { $0 == "\n" }.count == 1 })
    }

    @Test(arguments: [
        "quote \" backslash \\ slash /", "line\nfeed\r\ntab\t", "\u{0}\u{1}\u{1F}\u{7F}",
        "é 日本 🔩 \u{2028}", "",
    ])
    func `any text survives in message, field and component`(text: String) throws {
        let tap = try LineTap(component: text)
        tap.logger.error(text, [text + "!": text])
        let line = try tap.line()
        #expect(line["message"] == text)
        #expect(line["component"] == text)
        #expect(line[text + "!"] == text)
    }

    @Test func `lines below the level are dropped, their message never built`() throws {
        let tap = try LineTap(level: .warning)
        func never() -> String {
            Issue.record("the message of a dropped line was built")
            return ""
        }
        tap.logger.debug(never())
        tap.logger.info(never())
        #expect(tap.writes().isEmpty)
        tap.logger.warning("one")
        tap.logger.error("two")
        #expect(tap.writes().count == 2)
    }

    @Test func `levels are ordered by urgency`() {
        #expect(Logger.Level.allCases.sorted() == [.debug, .info, .warning, .error])
    }

    @Test func `a component speaks under its own name to the same place`() throws {
        let tap = try LineTap(level: .debug)
        tap.logger.named("kafka").debug("hello")
        #expect(try tap.line()["component"] == "kafka")
    }

    @Test func `a full pipe loses lines but stops nobody`() throws {
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        try #require(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
        defer { ends.forEach { close($0) } }
        let logger = Logger(component: "full", descriptor: ends[1])
        let long = String(repeating: "x", count: 4_000)
        for _ in 0..<1_000 { logger.info(long) }
        var buffer = [UInt8](repeating: 0, count: 4_096)
        #expect(read(ends[0], &buffer, buffer.count) > 0)
    }
}
