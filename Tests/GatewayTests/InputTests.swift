import CartDomain
import Messages
import Testing

@testable import RestGateway

struct PercentEncodingTests {
    @Test(arguments: [
        ("abc-._~", "abc-._~"), ("%41%6a", "Aj"), ("%C3%A4", "ä"), ("", ""),
        ("%F0%9F%9B%92", "🛒"), ("a%2Fb", "a/b"),
    ])
    func `well formed escapes are decoded`(encoded: String, text: String) throws {
        #expect(try PercentEncoding.decode(Array(encoded.utf8)).get() == text)
    }

    @Test(arguments: [
        "%", "%4", "%4g", "%g4", "%%41", "%00", "a b", "ä", "%C0%AF", "%E0%80%AF", "%ED%A0%80",
        "%F5%80%80%80", "%FF", "%C3", "\u{7F}", "%+1", "%-1", "\t",
    ])
    func `bad escapes, overlong forms, NUL and raw characters are refused`(encoded: String) {
        #expect(throws: PercentEncoding.DecodingError.self) {
            try PercentEncoding.decode(Array(encoded.utf8)).get()
        }
    }

    @Test func `what is encoded decodes to itself`() throws {
        let text = String(decoding: UInt8(1)...0x7E, as: UTF8.self) + "äöü🛒"
        #expect(try PercentEncoding.decode(Array(PercentEncoding.encode(text).utf8)).get() == text)
        #expect(PercentEncoding.encode("a/b\n") == "a%2Fb%0A")
    }
}

struct UpdateProductQueryTests {
    private func slug(_ query: String?) -> Problem.Slug? {
        do throws(Problem) {
            _ = try UpdateProductQuery(query)
            return nil
        } catch {
            return error.slug
        }
    }

    @Test func `the sign of the quantity says what is asked`() throws {
        let product = try Sample.product("P1")
        #expect(
            try UpdateProductQuery("userID=u&productCode=P1&quantity=2").action
                == .add(product, quantity: 2))
        #expect(
            try UpdateProductQuery("quantity=-3&productCode=P1&userID=u").action
                == .remove(product, quantity: 3))
        #expect(try UpdateProductQuery("userID=u&productCode=P1&quantity=0").action == .check)
        #expect(try UpdateProductQuery("userID=u&productCode=&quantity=0").action == .check)
        #expect(try UpdateProductQuery("userID=u&quantity=0").action == .check)
        let query = try UpdateProductQuery(
            "userID=a%2Bb%40x.org&productCode=P1&quantity=1&requestID=r:1")
        #expect(query.userID.text == "a+b@x.org")
        #expect(query.requestID?.text == "r:1")
    }

    @Test(
        arguments: [
            (nil, Problem.Slug.missingParameter),
            ("", .missingParameter),
            ("userID=u", .missingParameter),
            ("userID=u&quantity=1", .missingParameter),
            ("productCode=P1&quantity=1", .missingParameter),
            ("userID=u&productCode=P1&quantity=1&quantity=1", .duplicateParameter),
            ("userID=u&productCode=P1&quantity=1&user%49D=v", .duplicateParameter),
            ("userID=u&productCode=P1&quantity=1&color=red", .unknownParameter),
            ("userID=u&productCode=P1&quantity=1&", .unknownParameter),
            ("userid=u&productCode=P1&quantity=1", .unknownParameter),
            ("userID&productCode=P1&quantity=1", .invalidParameter),
            ("userID=&productCode=P1&quantity=1", .invalidParameter),
            ("userID=a%20b&productCode=P1&quantity=1", .invalidParameter),
            ("userID=%D0%B0&productCode=P1&quantity=1", .invalidParameter),
            ("userID=u&productCode=P%2F1&quantity=1", .invalidParameter),
            ("userID=u&productCode=P1%E2%80%8B&quantity=1", .invalidParameter),
            ("userID=u&productCode=&quantity=1", .invalidParameter),
            ("userID=u&productCode=P%2F1&quantity=0", .invalidParameter),
            ("userID=u&productCode=P1&quantity=1&requestID=", .invalidParameter),
            ("userID=u&productCode=P1&quantity=1&requestID=a%20b", .invalidParameter),
            ("userID=u&productCode=P1&quantity=1=2", .invalidParameter),
            ("userID=u&productCode=P1&quantity=", .invalidParameter),
            ("userID=u&productCode=P1&quantity=-", .invalidParameter),
            ("userID=u&productCode=P1&quantity=%2B1", .invalidParameter),
            ("userID=u&productCode=P1&quantity=01", .invalidParameter),
            ("userID=u&productCode=P1&quantity=-0", .invalidParameter),
            ("userID=u&productCode=P1&quantity=1.0", .invalidParameter),
            ("userID=u&productCode=P1&quantity=1e3", .invalidParameter),
            ("userID=u&productCode=P1&quantity=0x1", .invalidParameter),
            ("userID=u&productCode=P1&quantity=%D9%A1", .invalidParameter),
            ("userID=u&productCode=P1&quantity=1000001", .invalidParameter),
            ("userID=u&productCode=P1&quantity=-1000001", .invalidParameter),
            ("userID=u&productCode=P1&quantity=9007199254740993", .invalidParameter),
            ("userID=u&productCode=P1&quantity=99999999999999999999", .invalidParameter),
            ("userID=u&productCode=P1&quantity=-9223372036854775808", .invalidParameter),
            ("userID=a+b&productCode=P1&quantity=1", .invalidQuery),
            ("userID=%&productCode=P1&quantity=1", .invalidQuery),
            ("userID=%00&productCode=P1&quantity=1", .invalidQuery),
            ("userID=%C0%AF&productCode=P1&quantity=1", .invalidQuery),
            ("%zz=1", .invalidQuery),
        ] as [(String?, Problem.Slug)])
    func `a bad query is refused by name`(query: String?, expected: Problem.Slug) {
        #expect(slug(query) == expected)
    }

    @Test func `limits are inclusive`() throws {
        let user = String(repeating: "u", count: 128)
        let code = String(repeating: "P", count: 64)
        let query = "userID=\(user)&productCode=\(code)&quantity=1000000&requestID=\(code)"
        #expect(slug(query) == nil)
        #expect(slug("userID=u\(user)&productCode=P&quantity=1") == .invalidParameter)
        #expect(slug("userID=u&productCode=P\(code)&quantity=1") == .invalidParameter)
        #expect(
            slug("userID=u&productCode=P&quantity=1&requestID=P\(code)") == .invalidParameter)
    }
}

struct ClientMessageTests {
    private func refusal(_ text: String) -> ClientMessage.Refusal? {
        refusal(bytes: Array(text.utf8))
    }

    private func refusal(bytes: [UInt8]) -> ClientMessage.Refusal? {
        do throws(ClientMessage.Refusal) {
            _ = try ClientMessage(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test func `every kind of message is understood`() throws {
        let product = try Sample.product("P1")
        let add = try ClientMessage(
            Array(#"{"requestID":"r1","action":"add","productCode":"P1","quantity":2}"#.utf8))
        #expect(add.requestID?.text == "r1" && add.action == .add(product, quantity: 2))
        let remove = try ClientMessage(
            Array(#" { "quantity" : 1 , "productCode" : "\u0050\u0031" , "action":"remove"}"#.utf8))
        #expect(remove.requestID == nil && remove.action == .remove(product, quantity: 1))
        let all = try ClientMessage(Array(#"{"action":"remove","productCode":"P1"}"#.utf8))
        #expect(all.action == .remove(product, quantity: nil))
        #expect(try ClientMessage(Array(#"{"action":"check"}"#.utf8)).action == .check)
        #expect(
            try ClientMessage(Array(#"{"action":"check","productCode":"P1"}"#.utf8)).action
                == .check)
    }

    @Test(arguments: [
        ("", Problem.Slug.invalidJSON),
        ("add", .invalidJSON),
        ("[]", .invalidJSON),
        ("null", .invalidJSON),
        (#"{"action":"add""#, .invalidJSON),
        (#"{"action":"check"} x"#, .invalidJSON),
        (#"{"action":"check",}"#, .invalidJSON),
        (#"{"action":"check","action":"check"}"#, .invalidJSON),
        (#"{"action":"check","\u0061ction":"check"}"#, .invalidJSON),
        (#"{"action":"add","productCode":"P1","quantity":01}"#, .invalidJSON),
        (#"{"action":"add","productCode":"P1","quantity":+1}"#, .invalidJSON),
        (#"{"action":"add","productCode":"P1","quantity":NaN}"#, .invalidJSON),
        (#"{"action":"add","productCode":"\ud800","quantity":1}"#, .invalidJSON),
        (#"{"action":"add","productCode":"P1","quantity":1.5}"#, .invalidField),
        (#"{"action":"add","productCode":"P1","quantity":1e2}"#, .invalidField),
        (#"{"action":"add","productCode":"P1","quantity":"1"}"#, .invalidField),
        (#"{"action":"add","productCode":"P1","quantity":null}"#, .invalidField),
        (#"{"action":"add","productCode":"P1","quantity":true}"#, .invalidField),
        (#"{"action":"add","productCode":"P1","quantity":0}"#, .invalidField),
        (#"{"action":"add","productCode":"P1","quantity":-1}"#, .invalidField),
        (#"{"action":"add","productCode":"P1","quantity":1000001}"#, .invalidField),
        (#"{"action":"add","productCode":"P1","quantity":9007199254740993}"#, .invalidField),
        (#"{"action":"add","productCode":"P1","quantity":18446744073709551617}"#, .invalidField),
        (#"{"action":"remove","productCode":"P1","quantity":0}"#, .invalidField),
        (#"{"action":"add","productCode":"","quantity":1}"#, .invalidField),
        (#"{"action":"add","productCode":7,"quantity":1}"#, .invalidField),
        (#"{"action":"add","productCode":"P\u0000","quantity":1}"#, .invalidField),
        (#"{"action":"add","productCode":"Р1","quantity":1}"#, .invalidField),
        (#"{"action":"add","productCode":"P1\u200b","quantity":1}"#, .invalidField),
        (#"{"action":"ADD","productCode":"P1","quantity":1}"#, .invalidField),
        (#"{"action":"watch","productCode":"P1","quantity":1}"#, .invalidField),
        (#"{"action":["add"]}"#, .invalidField),
        (#"{"action":"check","requestID":""}"#, .invalidField),
        (#"{"action":"check","requestID":"a b"}"#, .invalidField),
        (#"{"action":"check","requestID":null}"#, .invalidField),
        (#"{"action":"check","requestID":{"a":1}}"#, .invalidField),
        (#"{"action":"add","quantity":1}"#, .missingField),
        (#"{"action":"add","productCode":"P1"}"#, .missingField),
        (#"{"action":"remove"}"#, .missingField),
        (#"{}"#, .missingField),
        (#"{"productCode":"P1","quantity":1}"#, .missingField),
        (#"{"action":"check","userID":"u2"}"#, .unknownField),
        (#"{"action":"check","Action":"check"}"#, .unknownField),
        (#"{"action":"check","":1}"#, .unknownField),
        (#"{"action":"check","__proto__":{"a":[1,{"b":null}]}}"#, .unknownField),
    ])
    func `a bad message is refused by name`(text: String, expected: Problem.Slug) {
        #expect(refusal(text)?.problem.slug == expected)
    }

    @Test func `the request ID is told with the problem wherever it stood`() {
        #expect(refusal(#"{"color":1,"action":"add","requestID":"r7"}"#)?.requestID?.text == "r7")
        #expect(refusal(#"{"requestID":"r7","action":"#)?.requestID?.text == "r7")
        #expect(refusal(#"{"requestID":"r 7","action":"add"}"#)?.requestID == nil)
    }

    @Test func `deep nesting, bad UTF-8 and many keys are refused`() {
        let deep =
            #"{"x":"# + String(repeating: "[", count: 20_000)
            + String(repeating: "]", count: 20_000) + "}"
        #expect(refusal(deep)?.problem.slug == .invalidJSON)
        let keys = (0..<1_000).map { "\"k\($0)\":0" }.joined(separator: ",")
        #expect(refusal("{\(keys)}")?.problem.slug == .invalidJSON)
        for bytes in [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xE2, 0x80]] as [[UInt8]] {
            let text = Array(#"{"action":""#.utf8) + bytes + Array(#""}"#.utf8)
            #expect(refusal(bytes: text)?.problem.slug == .invalidJSON)
        }
        #expect(refusal(bytes: [0xEF, 0xBB, 0xBF] + Array("{}".utf8)) != nil)
    }

    @Test func `random bytes never crash the reader`() {
        var generator = SeededGenerator(state: 3)
        let sound = Array(
            #"{"requestID":"r1","action":"add","productCode":"P1","quantity":2}"#.utf8)
        for _ in 0..<20_000 {
            var bytes = sound
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 0x20...0x7E, using: &generator), at: index)
                }
            }
            _ = refusal(bytes: bytes)
        }
    }
}

struct BearerTokenTests {
    @Test func `only the very token is let in`() {
        func isLetIn(_ header: String) -> Bool {
            BearerToken.isPresented(by: header, expecting: "secret")
        }
        #expect(isLetIn("Bearer secret") && isLetIn("bearer secret") && isLetIn("BEARER secret"))
        for header in [
            "", "secret", "Bearer", "Bearer ", "Basic secret", "Bearer Secret", "Bearer secre",
            "Bearer secrets", "Bearer secretsecret", "Bearer  secret", "Bearer secret ",
            "Bearer\tsecret", "Bearer sécret",
        ] {
            #expect(!isLetIn(header), "\(header)")
        }
        #expect(!BearerToken.isPresented(by: "Bearer ", expecting: ""))
    }
}

struct MediaTypeTests {
    @Test func `parameters and case do not matter, other encodings do`() {
        #expect(MediaType("text/csv")?.name == "text/csv")
        #expect(MediaType("Application/JSON ; charset=UTF-8")?.name == "application/json")
        #expect(MediaType("text/csv;header=present")?.name == "text/csv")
        #expect(MediaType("text/csv; charset=latin1") == nil)
    }
}
