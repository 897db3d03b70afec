import Messages
import Testing
import WebServer

@testable import RestGateway

/// What nobody sends by mistake: each gets its clear answer, and none reaches the log.
struct HostileInputTests {
    private static let json = [("Content-Type", "application/json")]

    /// A gateway that answers at once what it takes for good: a test of it fails, and does not wait.
    private func answering() async -> GatewayFixture {
        let gateway = await GatewayFixture()
        gateway.answerAll { Sample.outcome($0) }
        return gateway
    }

    private func expect(
        _ gateway: GatewayFixture, _ response: HTTPResponse, _ slug: Problem.Slug, _ what: String
    ) {
        let text = String(decoding: response.body, as: UTF8.self)
        #expect(response.status == slug.status, "\(what): \(text)")
        #expect(text.contains("\"slug\":\"\(slug.rawValue)\""), "\(what): \(text)")
        #expect(String(validating: response.body, as: UTF8.self) != nil, "\(what)")
        #expect(gateway.log.requests.isEmpty, "\(what)")
    }

    private func post(_ gateway: GatewayFixture, _ body: [UInt8]) async throws -> HTTPResponse {
        let answer = await gateway.gateway.handler.handle(
            HTTPRequest(
                method: "POST", target: "/cart/items", headers: HTTPHeaders(Self.json),
                body: HTTPBody(bytes: body)))
        guard case .response(let response) = answer else { throw Unexpected.upgrade }
        return response
    }

    @Test(arguments: [
        ("GET", "//cart?userID=u", 404), ("GET", "/cart//?userID=u", 404),
        ("GET", "/cart/?userID=u", 400), ("GET", "/./cart?userID=u", 404),
        ("GET", "/stock/../cart?userID=u", 404), ("GET", "/stock/%2e%2e/cart?userID=u", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404), ("GET", "/cart%2F?userID=u", 404),
        ("GET", "%2Fcart?userID=u", 404), ("GET", "/stock%2FP1", 404),
        ("GET", "/cart;a=b?userID=u", 404), ("GET", "/CART?userID=u", 404),
        ("GET", "/c%C3%A0rt?userID=u", 404), ("GET", "/cart%20?userID=u", 404),
        ("GET", "/cart%00?userID=u", 400), ("GET", "/cart%?userID=u", 400),
        ("GET", "/cart%2?userID=u", 400), ("GET", "/cart%zz?userID=u", 400),
        ("GET", "/cart%u0041?userID=u", 400), ("GET", "/c%c1%a1rt?userID=u", 400),
        ("GET", "/stock/%c0%ae%c0%ae", 400), ("GET", "/stock/%ed%a0%80", 400),
        ("GET", "/stock/%252e%252e", 400), ("GET", "/stock/..%2f..%2fetc", 400),
        ("GET", "/stock/a%2fb", 400), ("GET", "/stock/a%5Cb", 400), ("GET", "/stock/", 404),
        ("GET", "*", 404), ("GET", "", 404), ("GET", "/cart?", 400), ("GET", "/?/cart", 404),
        ("TRACE", "/cart", 405), ("PROPFIND", "/cart", 405), ("PUT", "/cart", 405),
        ("DELETE", "/", 404), ("OPTIONS", "*", 204), ("OPTIONS", "/nothing", 404),
    ])
    func `a path is taken at its word, once decoded`(
        method: String, target: String, status: Int
    ) async throws {
        let gateway = await answering()
        let response = try await gateway.send(method, target)
        #expect(response.status == status)
        #expect(gateway.log.requests.isEmpty)
    }

    @Test(arguments: [
        ("userID=a&userID=b", Problem.Slug.duplicateParameter),
        ("userID=a&userID=a", .duplicateParameter), ("userID=a&user%49D=b", .duplicateParameter),
        ("userID=a&USERID=b", .unknownParameter), ("userID[]=a", .unknownParameter),
        ("userID=a&", .unknownParameter), ("&userID=a", .unknownParameter),
        ("userID", .invalidParameter), ("userID=", .invalidParameter), ("=a", .unknownParameter),
        ("userID=a+b", .invalidQuery), ("userID=%", .invalidQuery), ("userID=%0", .invalidQuery),
        ("userID=%00", .invalidQuery), ("userID=%C0%80", .invalidQuery),
        ("userID=%C0%AF", .invalidQuery), ("userID=%ED%A0%80", .invalidQuery),
        ("userID=%F4%90%80%80", .invalidQuery), ("userID=%E2%80", .invalidQuery),
        ("userID=%FF", .invalidQuery), ("userID=%E2%80%8B", .invalidParameter),
        ("userID=a%E2%80%8Bb", .invalidParameter), ("userID=e%CC%81", .invalidParameter),
        ("userID=%D0%B0da", .invalidParameter), ("userID=%EF%BC%A1", .invalidParameter),
        ("userID=%E2%80%AEada", .invalidParameter), ("userID=%EF%BB%BFada", .invalidParameter),
        ("userID=%0A", .invalidParameter), ("userID=a%0D%0Ab", .invalidParameter),
        ("userID=%7F", .invalidParameter), ("userID=%20ada", .invalidParameter),
        ("userID=\(String(repeating: "a", count: 129))", .invalidParameter),
        ("userID=\(String(repeating: "%61", count: 2_000))", .invalidParameter),
        ("userID=a&productCode=P", .unknownParameter),
    ])
    func `a query is read in one way`(query: String, slug: Problem.Slug) async throws {
        let gateway = await answering()
        expect(gateway, try await gateway.send("GET", "/cart?\(query)"), slug, query)
    }

    @Test(arguments: [
        "9007199254740993", "9223372036854775807", "9223372036854775808",
        "18446744073709551617", "1\(String(repeating: "0", count: 400))", "-1",
        "-9223372036854775809", "0", "-0", "0.0", "1.0", "1e0", "1E0", "1e+0", "10e-1", "1e400",
        "1e-400", "1.0000000000000000000000001", "\"1\"", "true", "null", "[1]", "{\"a\":1}",
        "\"١\"",
    ])
    func `a quantity is a whole number from 1, as it is written plainly`(
        number: String
    ) async throws {
        let gateway = await answering()
        let response = try await gateway.addItem(
            #"{"userID":"u1","productCode":"P1","quantity":\#(number)}"#)
        expect(gateway, response, .invalidField, number)
    }

    @Test(arguments: [
        "01", "+1", ".5", "1.", "1e", "1e+", "0x1", "1_000", "NaN", "Infinity", "-", "--1", "1 1",
        "１", "١",
    ])
    func `what is no JSON number is no JSON`(number: String) async throws {
        let gateway = await answering()
        let response = try await gateway.addItem(
            #"{"userID":"u1","productCode":"P1","quantity":\#(number)}"#)
        expect(gateway, response, .invalidJSON, number)
    }

    @Test(arguments: [
        "+1", "01", "-0", "1.0", "1e0", "0x1", "1_000", "9007199254740993",
        "9223372036854775808", "", "%31%20", "%D9%A1", "%EF%BC%91", "1%00",
    ])
    func `the same holds for a quantity in a query`(number: String) async throws {
        let gateway = await answering()
        let response = try await gateway.send(
            "DELETE", "/cart/items/P1?userID=u1&quantity=\(number)")
        #expect(response.status == 400, "\(number)")
        #expect(gateway.log.requests.isEmpty)
    }

    @Test(arguments: [
        "Р1", "P1\u{200B}", "\u{FEFF}P1", "P1\u{301}", "Ｐ1", "P\u{0}1", "P1 ", " P1", "P/1",
        "P\\u00001", "\\u202EP1", "..%2f", "../P1", "P1\\n", "P1\u{E0041}", "🛒", "ﬁ", "P١", "",
        "\\uD83D\\uDED2",
    ])
    func `a code or an ID is plain ASCII, whatever looks like it`(code: String) async throws {
        let gateway = await answering()
        let isJSON = !code.utf8.contains(0)
        expect(
            gateway,
            try await gateway.addItem(
                #"{"userID":"u1","productCode":"\#(code)","quantity":1}"#),
            isJSON ? .invalidField : .invalidJSON, code)
        let header = try await gateway.addItem(
            #"{"userID":"u1","productCode":"P1","quantity":1}"#,
            headers: [("Idempotency-Key", code.isEmpty ? "é" : code.trimmed + "é")])
        expect(gateway, header, .invalidHeader, code)
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0xAF], [0xC1, 0x81], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80],
            [0xED, 0xA0, 0xBD, 0xED, 0xB2, 0xA9], [0xF4, 0x90, 0x80, 0x80],
            [0xF8, 0x88, 0x80, 0x80],
            [0xE2, 0x80], [0x80], [0x1F], [0x0A],
        ] as [[UInt8]])
    func `a body that is not UTF-8 is no JSON, in values and in keys`(
        bytes: [UInt8]
    ) async throws {
        let gateway = await answering()
        let value =
            Array(#"{"userID":"u"#.utf8) + bytes + Array(#"","productCode":"P","quantity":1}"#.utf8)
        expect(gateway, try await post(gateway, value), .invalidJSON, "\(bytes)")
        let key =
            Array(#"{"userID":"u","productCode":"P","quantity":1,""#.utf8) + bytes
            + Array(#"":1}"#.utf8)
        expect(gateway, try await post(gateway, key), .invalidJSON, "\(bytes)")
    }

    @Test(arguments: [
        #"{"userID":"u1","productCode":"P1","quantity":1,"quantity":2}"#,
        #"{"userID":"u1","userID":"u2","productCode":"P1","quantity":1}"#,
        #"{"userID":"u1","\u0075serID":"u2","productCode":"P1","quantity":1}"#,
        #"{"userID":"u1","productCode":"P1","quantity":1}{"quantity":2}"#,
        #"{"userID":"u1","productCode":"P1","quantity":1} //"#,
        #"{"userID":"u1","productCode":"P1","quantity":1,}"#,
        #"{'userID':'u1','productCode':'P1','quantity':1}"#,
        #"{"userID":"\ud800","productCode":"P1","quantity":1}"#,
        #"{"userID":"\udc00\ud800","productCode":"P1","quantity":1}"#,
        #"{"userID":"\uZZZZ","productCode":"P1","quantity":1}"#,
        #"{"userID":"\x41","productCode":"P1","quantity":1}"#,
        "", " ", "[", "]", "{", "\"", "\u{FEFF}{}", "nul", "[]", "42", "\"text\"",
    ])
    func `two readings of a body are one too many`(body: String) async throws {
        let gateway = await answering()
        expect(gateway, try await gateway.addItem(body), .invalidJSON, body)
    }

    @Test func `deep and huge bodies are refused, each by name`() async throws {
        let gateway = await answering()
        for (open, close) in [("[", "]"), (#"{"a":"#, "}")] {
            for depth in [100, 5_000, 10_000] {
                let nest =
                    String(repeating: open, count: depth) + "1"
                    + String(repeating: close, count: depth)
                let response = try await gateway.addItem(#"{"userID":"u1","x":\#(nest)}"#)
                #expect(response.status == 400, "\(depth)")
                let endless = try await gateway.addItem(
                    #"{"x":"# + String(repeating: open, count: depth))
                expect(gateway, endless, .invalidJSON, "\(depth)")
            }
        }
        let keys = (0..<5_000).map { "\"k\($0)\":0" }.joined(separator: ",")
        expect(gateway, try await gateway.addItem("{\(keys)}"), .invalidJSON, "many keys")
        let digits = String(repeating: "9", count: 60_000)
        expect(
            gateway,
            try await gateway.addItem(#"{"userID":"u","productCode":"P","quantity":\#(digits)}"#),
            .invalidField, "many digits")
        let letters = String(repeating: "a", count: 65_600)
        expect(
            gateway, try await gateway.addItem(#"{"userID":"\#(letters)"}"#), .bodyTooLarge,
            "a long text")
        expect(
            gateway, try await gateway.addItem(String(repeating: " ", count: 65_600) + "{}"),
            .bodyTooLarge, "white space")
    }

    @Test func `a field's own name in a problem is told in sound JSON, however odd`() async throws {
        let gateway = await answering()
        for name in [#"\u0000"#, #"\"\\"#, #"<script>"#, "\u{202E}", #"\u2028"#] {
            let response = try await gateway.addItem(#"{"\#(name)":1}"#)
            expect(gateway, response, .unknownField, name)
            var reader = JSONReader(response.body)
            try reader.beginObject()
            while try reader.nextKey() != nil { try reader.skipValue() }
            try reader.end()
        }
    }

    @Test(arguments: [
        [], ["text/plain"], ["application/json", "application/json"], ["application/jsonx"],
        ["application/json; charset=utf-16"], ["multipart/form-data"], ["é"],
    ])
    func `a body of another type is not guessed at`(types: [String]) async throws {
        let gateway = await answering()
        let response = try await gateway.send(
            "POST", "/cart/items", headers: types.map { ("Content-Type", $0) },
            body: #"{"userID":"u1","productCode":"P1","quantity":1}"#)
        expect(gateway, response, .unsupportedMediaType, "\(types)")
    }
}

extension String {
    fileprivate var trimmed: String { filter { $0 != "\0" && $0 != "\n" } }
}
