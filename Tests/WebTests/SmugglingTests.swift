import Testing
import Threading

/// Requests that a proxy in front may read in another way than we do: none is answered but with a
/// refusal, and nothing behind it is taken for a request.
@Suite struct SmugglingTests {
    typealias Case = HostileHTTPTests.Case

    private static let host = "Host: x\r\n"
    private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

    private static func get(_ fields: String) -> String {
        "GET / HTTP/1.1\r\n\(host)\(fields)\r\n"
    }

    private static func post(_ fields: String, _ body: String = "") -> String {
        "POST /count HTTP/1.1\r\n\(host)\(fields)\r\n\(body)"
    }

    private static func chunked(_ body: String) -> String {
        post("Transfer-Encoding: chunked\r\n", body)
    }

    static let heads = [
        Case("lines that end in LF", "GET / HTTP/1.1\nHost: x\n\n", 400),
        Case("a request line that ends in LF", "GET / HTTP/1.1\n\(host)\r\n", 400),
        Case("a field that ends in LF", get("A: b\nContent-Length: 40\r\n"), 400),
        Case("a head that ends in LF", "GET / HTTP/1.1\r\n\(host)\n", 400),
        Case("an empty line of LF before the request", "\n" + get(""), 400),
        Case("a lone CR before the request", "\r" + get(""), 400),
        Case("a lone CR as the last line", "GET / HTTP/1.1\r\n\(host)\rX", 400),
        Case("a CR behind a CR", "GET / HTTP/1.1\r\r\n\(host)\r\n", 400),
        Case("a folded field", get("A: b\r\n c\r\n"), 400),
        Case("a coding in a fold", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400),
        Case("a fold by tab", get("A: b\r\n\tTransfer-Encoding: chunked\r\n"), 400),
        Case("white space before the first field", "GET / HTTP/1.1\r\n \(host)\r\n", 400),
        Case("a field without a colon", get("Transfer-Encoding chunked\r\n"), 400),
        Case("a field without a name", get(": b\r\n"), 400),
        Case("a NUL in a name", get("A\u{0}: b\r\n"), 400),
        Case("a DEL in a value", get("A: \u{7F}\r\n"), 400),
        Case("three spaces in the request line", "GET  /  HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a space at the end of the request line", "GET / HTTP/1.1 \r\n\(host)\r\n", 400),
        Case("a tab in the request line", "GET\t/ HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a space before the request line", " GET / HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a target with a second version", "GET / HTTP/1.1 HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a version in lower case", "GET / http/1.1\r\n\(host)\r\n", 400),
        Case("a version with a sign", "GET / HTTP/+1.1\r\n\(host)\r\n", 400),
        Case("a version with two digits", "GET / HTTP/1.10\r\n\(host)\r\n", 400),
        Case("an empty Host", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400),
        Case("a Host that is a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        Case("a URL of another host", "GET http://y/ HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a URL without a host", "GET http:///a HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a URL with a user", "GET http://u@x/ HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a URL of a file", "GET file://x/etc HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a target without a slash", "GET a/b HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a star for GET", "GET * HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a fragment", "GET /a#b HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a target beyond ASCII", "GET /é HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a DEL in the target", "GET /\u{7F} HTTP/1.1\r\n\(host)\r\n", 400),
        Case("PRI of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501),
        Case("a method with a NUL", "GE\u{0}T / HTTP/1.1\r\n\(host)\r\n", 400),
        Case("a method with LF", "GE\nT / HTTP/1.1\r\n\(host)\r\n", 400),
    ]

    static let lengths = [
        Case("a length in hexadecimal", post("Content-Length: 0x5\r\n", "hello"), 400),
        Case("a length with an underscore", post("Content-Length: 1_0\r\n", "hello"), 400),
        Case("a length with a fraction", post("Content-Length: 5.0\r\n", "hello"), 400),
        Case("a length with a space", post("Content-Length: 1 0\r\n", "hello"), 400),
        Case("a length of other digits", post("Content-Length: ٥\r\n", "hello"), 400),
        Case("a length with a vertical tab", post("Content-Length: \u{B}5\r\n", "hello"), 400),
        Case(
            "a length in two spellings",
            post("Content-Length: 0\r\ncontent-length: 5\r\n", "hello"),
            400),
        Case("a length behind an empty one", post("Content-Length:\r\nContent-Length: 5\r\n"), 400),
        Case(
            "a length and an unknown coding",
            post("Content-Length: 5\r\nTransfer-Encoding: x\r\n", "hello"), 400),
        Case(
            "a length and the coding identity",
            post("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", "hello"), 400),
        Case("the coding identity", post("Transfer-Encoding: identity\r\n"), 501),
        Case("an empty coding", post("Transfer-Encoding:\r\n", "0\r\n\r\n"), 501),
        Case("chunked and more", post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), 400),
        Case("chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 400),
        Case("chunked with a parameter", post("Transfer-Encoding: chunked;q=1\r\n"), 400),
        Case("chunked in quotes", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), 400),
        Case("chunked behind a comma", post("Transfer-Encoding: , chunked\r\n", "0\r\n\r\n"), 400),
        Case("chunked before a comma", post("Transfer-Encoding: chunked,\r\n", "0\r\n\r\n"), 400),
        Case("chunked behind a vertical tab", post("Transfer-Encoding: \u{B}chunked\r\n"), 400),
        Case("chunked before a colon and space", post("Transfer-Encoding : chunked\r\n"), 400),
        Case(
            "chunked, its name beginning with a space", post(" Transfer-Encoding: chunked\r\n"), 400
        ),
        Case(
            "chunked and identity",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
            400),
        Case("a coding for GET", get("Transfer-Encoding: cow\r\n"), 501),
    ]

    static let chunks = [
        Case("a size with a sign", chunked("+5\r\nhello\r\n0\r\n\r\n"), 400),
        Case("a negative size", chunked("-1\r\nhello\r\n0\r\n\r\n"), 400),
        Case("a size with 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400),
        Case("a size behind a space", chunked(" 5\r\nhello\r\n0\r\n\r\n"), 400),
        Case("a size before a space", chunked("5 \r\nhello\r\n0\r\n\r\n"), 400),
        Case("a size with an underscore", chunked("1_0\r\nhello\r\n0\r\n\r\n"), 400),
        Case("an empty size", chunked("\r\nhello\r\n0\r\n\r\n"), 400),
        Case("an extension without a size", chunked(";a=b\r\nhello\r\n0\r\n\r\n"), 400),
        Case("a size of 17 digits", chunked("00000000000000005\r\nhello\r\n0\r\n\r\n"), 400),
        Case("a size that ends in LF", chunked("5\nhello\r\n0\r\n\r\n"), 400),
        Case("a size that ends in CR", chunked("5\rXhello\r\n0\r\n\r\n"), 400),
        Case("an extension that ends in LF", chunked("5;a\nhello\r\n0\r\n\r\n"), 400),
        Case("an extension with a NUL", chunked("5;a\u{0}\r\nhello\r\n0\r\n\r\n"), 400),
        Case("an extension that ends in CR", chunked("5;a\rXhello\r\n0\r\n\r\n"), 400),
        Case("data longer than its size", chunked("4\r\nhello\r\n0\r\n\r\n"), 400),
        Case("data that ends in two other bytes", chunked("5\r\nhelloXX0\r\n\r\n"), 400),
        Case("data that ends in LF", chunked("5\r\nhello\n0\r\n\r\n"), 400),
        Case("data that ends in CR", chunked("5\r\nhello\rX0\r\n\r\n"), 400),
        Case("data that ends in LF and CR", chunked("5\r\nhello\n\r0\r\n\r\n"), 400),
        Case("a last chunk that ends in LF", chunked("5\r\nhello\r\n0\n\n"), 400),
        Case("a trailer that ends in LF", chunked("0\r\nA: b\n\r\n"), 400),
        Case("trailers that end in LF", chunked("0\r\nA: b\r\n\n"), 400),
        Case("a folded trailer", chunked("0\r\nA: b\r\n c\r\n\r\n"), 400),
        Case(
            "extensions without end",
            chunked("5;\(String(repeating: "a", count: 20_000))\r\nhello"),
            431),
        Case(
            "many extensions",
            chunked(
                String(repeating: "1;\(String(repeating: "a", count: 99))\r\nx\r\n", count: 300)),
            431),
    ]

    @Test(arguments: heads + lengths + chunks)
    func `what can be read in two ways is refused, whole and byte by byte`(
        _ hostile: Case
    ) async throws {
        try await TestServer.run { server in
            let bytes = Array((hostile.request + Self.smuggled).utf8)
            try await server.onThread { port in
                for step in [bytes.count, 1] where step == bytes.count || bytes.count < 500 {
                    let socket = try RawSocket(port: port)
                    for start in stride(from: 0, to: bytes.count, by: step) {
                        socket.send(Array(bytes[start..<min(start + step, bytes.count)]))
                    }
                    let text = try socket.readToEnd()
                    #expect(text.hasPrefix("HTTP/1.1 \(hostile.status) "), "\(text)")
                    #expect(text.components(of: "HTTP/1.1 ") == 1, "\(text)")
                    #expect(!text.contains("smuggled"))
                }
                let socket = try RawSocket(port: port)
                socket.send("GET /alive HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try socket.response()?.body == "GET /alive")
            }
        }
    }

    @Test(arguments: [
        ("0\r\n\r\n", 0), ("5\r\nhello\r\n0\r\n\r\n", 5), ("005\r\nhello\r\n000\r\n\r\n", 5),
        ("a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n", 10),
        ("A;name=value;other=\"a b\"\r\n0\r\n\r\n12345\r\n0\r\n\r\n", 10),
        ("1\r\na\r\n1\r\nb\r\n0;last\r\nTrailer: yes\r\n\r\n", 2),
    ])
    func `sound chunks are counted, however they are cut, and the next request is served`(
        body: String, count: Int
    ) async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let bytes = Array((Self.chunked(body) + Self.get("")).utf8)
                for step in [bytes.count, 1, 7] {
                    let socket = try RawSocket(port: port)
                    for start in stride(from: 0, to: bytes.count, by: step) {
                        socket.send(Array(bytes[start..<min(start + step, bytes.count)]))
                    }
                    let response = try socket.response()
                    #expect(response?.status == 200 && response?.body == "\(count)")
                    #expect(try socket.response()?.body == "GET /")
                }
            }
        }
    }

    @Test(arguments: [
        ("GET http://x/a?b HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://x/a?b"),
        ("GET HTTPS://X/a HTTP/1.1\r\nHost: x\r\n\r\n", "GET HTTPS://X/a"),
        ("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS *"),
        ("\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a"),
        ("GET /a HTTP/1.1\r\nHost:x\r\nA:\r\nB: \t b \t\r\n\r\n", "GET /a"),
        ("GET /a HTTP/1.1\r\nHost: x\r\nA: \u{E9}\r\n\r\n", "GET /a"),
        ("GET /a HTTP/1.0\r\n\r\n", "GET /a"),
        ("GET /../%2e%2e//a\\b?c=%00 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /../%2e%2e//a\\b?c=%00"),
    ])
    func `what is unusual but sound is served`(request: String, body: String) async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                socket.send(request)
                #expect(try socket.response()?.body == body)
            }
        }
    }

    @Test func `an HTTP 1.0 connection ends after its answer, or is kept when it asks for that`()
        async throws
    {
        try await TestServer.run { server in
            let ended = try await server.exchange(
                "GET /a HTTP/1.0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(ended.hasSuffix("GET /a"))
            let kept = try await server.exchange(
                "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n")
            #expect(kept.hasSuffix("GET /b"))
        }
    }

    @Test func `a flood of pipelined requests is answered in order`() async throws {
        try await TestServer.run { server in
            try await server.onThread { port in
                let socket = try RawSocket(port: port)
                let count = 5_000
                startThread(name: "pipeline") {
                    for index in 0..<count {
                        socket.send("GET /\(index) HTTP/1.1\r\nHost: x\r\n\r\n")
                    }
                }
                for index in 0..<count {
                    guard try socket.response()?.body == "GET /\(index)" else {
                        Issue.record("answer \(index) is another one")
                        return
                    }
                }
            }
        }
    }
}

extension String {
    /// How often a text stands in this one.
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
