import Testing

@testable import Settings

@Suite struct ValueTests {
    @Test(arguments: [
        ("0s", Duration.zero), ("10us", .microseconds(10)), ("500ms", .milliseconds(500)),
        ("30s", .seconds(30)), ("15m", .seconds(900)), ("24h", .seconds(86_400)),
        ("2d", .seconds(172_800)),
    ])
    func `a duration is a whole number and a unit`(text: String, duration: Duration) {
        #expect(DurationText.value(of: text) == duration)
        #expect(DurationText.value(of: DurationText.text(of: duration)) == duration)
    }

    @Test(arguments: [
        "", "5", "s", "-1s", "1.5s", "1 s", "5S", "1s ", "99999999999999999999s", "٣s",
    ])
    func `what is no duration is refused`(text: String) {
        #expect(DurationText.value(of: text) == nil)
    }

    @Test func `a duration is shown in its largest whole unit`() {
        #expect(DurationText.text(of: .seconds(900)) == "15m")
        #expect(DurationText.text(of: .milliseconds(1_500)) == "1500ms")
        #expect(DurationText.text(of: .seconds(86_400)) == "1d")
    }

    @Test(arguments: [("0", 0), ("512", 512), ("1B", 1), ("64KiB", 65_536), ("16MiB", 16 << 20)])
    func `a size is a whole number and a binary unit`(text: String, bytes: Int) {
        #expect(ByteCountText.value(of: text) == bytes)
        #expect(ByteCountText.value(of: ByteCountText.text(of: bytes)) == bytes)
    }

    @Test(arguments: ["", "KiB", "1kb", "1 KiB", "-1", "9999999999999TiB", "1.5MiB"])
    func `what is no size is refused`(text: String) {
        #expect(ByteCountText.value(of: text) == nil)
    }

    @Test(arguments: ["localhost:1", "127.0.0.1:65535", "[::1]:9092", "kafka-1.shop_net:9092"])
    func `host and port read back as they were written`(text: String) {
        #expect(HostPort(text)?.text == text)
    }

    @Test(arguments: [
        "", "host", "host:", ":1", "host:0", "host:65536", "host:+1", "host:1x", "a b:1", "::1:1",
        "[::1]", "[zz]:1", "[::1:1", "host:1:2", "höst:1",
    ])
    func `what is no host and port is refused`(text: String) {
        #expect(HostPort(text) == nil)
    }

    @Test func `a URL is taken apart as far as it is checked`() throws {
        let url = try #require(
            ServiceURL("HTTP://user:p:w@[::1]:8080/a/b?c=d", schemes: ["http", "https"]))
        #expect(url.scheme == "http")
        #expect(url.host == "::1")
        #expect(url.port == 8080)
        #expect(url.path == "/a/b")
        #expect(url.redacted == "http://user:***@[::1]:8080/a/b?c=d")
        #expect(ServiceURL("redis://h", schemes: ["redis"])?.redacted == "redis://h")
    }

    @Test(arguments: [
        "postgres://h1:1,h2:2/d", "postgres:///d?host=/run/postgresql", "postgres://u@h",
    ])
    func `URLs as libpq takes them are accepted`(text: String) {
        #expect(ServiceURL(text, schemes: ["postgres"])?.text == text)
    }

    @Test(arguments: [
        "", "h:1", "postgres:h", "postgres://", "postgres://:1/d", "postgres://h:x/d",
        "postgres://h:70000", "redis://h", "postgres://h h/d", "postgres://h1,,h2/d",
        "postgres://h/\u{7F}",
    ])
    func `what is no such URL is refused`(text: String) {
        #expect(ServiceURL(text, schemes: ["postgres"]) == nil)
    }

    @Test func `the nearest name is found, or none`() {
        let known = ["port", "kafka-brokers", "deadline"]
        #expect(nearest(to: "prot", among: known) == nil)
        #expect(nearest(to: "ports", among: known) == "port")
        #expect(nearest(to: "kafka", among: known) == "kafka-brokers")
        #expect(nearest(to: "deadlien", among: known) == "deadline")
        #expect(nearest(to: "zzz", among: known) == nil)
        #expect(nearest(to: "x", among: []) == nil)
    }
}
