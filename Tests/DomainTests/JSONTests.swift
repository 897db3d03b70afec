import CartDomain
import Messages
import Testing

@testable import Simulation

/// A JSON value, for tests alone.
private enum Value: Equatable {
    case object([String: Value])
    case array([Value])
    case string(String)
    case integer(Int)
    case number(String)
    case boolean(Bool)
    case null

    init(_ text: String) throws(JSONError) { try self.init(bytes: Array(text.utf8)) }

    init(bytes: [UInt8]) throws(JSONError) {
        var reader = JSONReader(bytes)
        self = try Self.read(&reader)
        try reader.end()
    }

    private static func read(_ reader: inout JSONReader) throws(JSONError) -> Value {
        switch try reader.peek() {
        case .object:
            var fields: [String: Value] = [:]
            try reader.beginObject()
            while let key = try reader.nextKey() { fields[key] = try read(&reader) }
            return .object(fields)
        case .array:
            var elements: [Value] = []
            try reader.beginArray()
            while try reader.nextElement() { elements.append(try read(&reader)) }
            return .array(elements)
        case .string: return .string(try reader.string())
        case .number:
            let text = try reader.numberText()
            return Int(text).map { .integer($0) } ?? .number(text)
        case .boolean: return .boolean(try reader.boolean())
        case .null:
            guard reader.null() else { throw reader.failure("null is expected") }
            return .null
        }
    }

    func write(_ json: inout JSONWriter) {
        switch self {
        case .object(let fields):
            json.beginObject()
            for (index, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
                json.key(Self.names[index])
                field.value.write(&json)
            }
            json.endObject()
        case .array(let elements):
            json.beginArray()
            for element in elements { element.write(&json) }
            json.endArray()
        case .string(let text): json.string(text)
        case .integer(let number): json.integer(number)
        case .number(let text): json.raw(Array(text.utf8))
        case .boolean(let truth): json.boolean(truth)
        case .null: json.raw(Array("null".utf8))
        }
    }

    static let names: [StaticString] = ["a", "b", "c", "d", "e"]

    static func random(_ random: inout SeededGenerator, depth: Int = 0) -> Value {
        switch random.below(depth > 4 ? 5 : 7) {
        case 0:
            let pieces = ["a", "\"", "\\", "/", "\n", "\u{0}", "\u{1F}", "é", "😀", "\u{FFFF}", "{"]
            return .string(
                (0..<random.below(6)).map { _ in pieces[random.below(pieces.count)] }.joined())
        case 1: return .integer(Int(truncatingIfNeeded: random.next()))
        case 2: return .boolean(random.oneIn(2))
        case 3: return .null
        case 4: return .integer(random.below(10))
        case 5:
            return .array((0..<random.below(4)).map { _ in .random(&random, depth: depth + 1) })
        default:
            var fields: [String: Value] = [:]
            for index in 0..<random.below(5) {
                fields[names[index].description] = .random(&random, depth: depth + 1)
            }
            return .object(fields)
        }
    }
}

@Suite struct JSONTests {
    @Test(arguments: 1...200)
    func `what is written is read back`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let value = Value.array([.random(&random), .random(&random)])
        var json = JSONWriter()
        value.write(&json)
        #expect(try Value(bytes: json.bytes) == value)
        var skipping = JSONReader(json.bytes)
        try skipping.skipValue()
        try skipping.end()
    }

    @Test(arguments: [
        (#" { "a" : [ 1 , -2 , 0 , -0 ] } "#, 4), ("[]", 0), ("\t\r\n [ 1\n]", 1),
        ("[[],[[]],{}]", 3),
    ])
    func `white space stands anywhere between tokens`(text: String, count: Int) throws {
        switch try Value(text) {
        case .array(let elements): #expect(elements.count == count)
        case .object(let fields):
            #expect(fields == ["a": .array([.integer(1), .integer(-2), .integer(0), .integer(0)])])
        default: Issue.record("not read: \(text)")
        }
    }

    @Test func `escapes are read as RFC 8259 says`() throws {
        let text = #""\"\\\/\b\f\n\r\t\u0041\u00e9\uD83D\uDE00\u0000é""#
        #expect(try Value(text) == .string("\"\\/\u{8}\u{C}\n\r\tAé😀\0é"))
    }

    @Test(arguments: [
        // No value, or more than one.
        "", " ", "nul", "nulL", "tru", "True", "1 2", "{} {}", "[]x", "\u{FEFF}[]", "'a'", "NaN",
        // Commas, colons and brackets.
        "[1,]", "[,1]", "[1 2]", "[", "]", "[1", "[1}", "{", "}", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}",
        "{,}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{a:1}", "{1:1}", "{\"a\":1]", "{\"a\"::1}",
        // Numbers.
        "01", "-01", "+1", "-", "1.", ".5", "1e", "1e+", "0x1", "1_000", "--1", "1.e5", "00",
        // Strings.
        "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\", "\"\\u", "\"a\nb\"",
        "\"\u{0}\"", "\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\udc00\"",
        "\"\\ud800\\ud800\"", "\"\\U0041\"",
        // Keys that stand twice, by whatever spelling.
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"b\":{\"a\":1,\"a\":2}}",
        // Comments.
        "/**/1", "1//",
    ])
    func `what is not JSON is refused`(text: String) {
        #expect(throws: JSONError.self) { try Value(text) }
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xC0, 0xAF, 0x22],
            [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
            [0x22, 0x5C, 0x6E, 0x80, 0x22], [0x5B, 0x80, 0x5D],
        ] as [[UInt8]])
    func `bytes that are not UTF-8 are refused`(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try Value(bytes: bytes) }
        var reader = JSONReader(bytes)
        #expect(throws: JSONError.self) { try reader.skipValue() }
    }

    @Test(arguments: ["9223372036854775807", "-9223372036854775808", "0", "-0", "7"])
    func `integers of 64 bits are read`(text: String) throws {
        var reader = JSONReader(Array(text.utf8))
        #expect(try reader.integer() == Int(text))
        var json = JSONWriter()
        json.integer(Int(text) ?? 1)
        #expect(String(decoding: json.bytes, as: UTF8.self) == (text == "-0" ? "0" : text))
    }

    @Test(arguments: [
        "9223372036854775808", "-9223372036854775809", "99999999999999999999999", "1.0", "1e3",
        "1E3", "-", "", "\"1\"", "true", "007", "-00",
    ])
    func `what is no integer of 64 bits is refused as one`(text: String) {
        var reader = JSONReader(Array(text.utf8))
        #expect(throws: JSONError.self) { try reader.integer() }
    }

    @Test func `numbers that are not integers keep their digits`() throws {
        for text in ["1.50", "-0.10", "1e400", "12345678901234567890.5", "1E-7"] {
            var reader = JSONReader(Array(text.utf8))
            #expect(try reader.numberText() == text)
        }
    }

    @Test func `nesting and keys are bounded`() {
        let deep = { (count: Int) in
            String(repeating: "[", count: count) + String(repeating: "]", count: count)
        }
        #expect(throws: Never.self) { try Value(deep(JSONReader.depthMax)) }
        #expect(throws: JSONError.self) { try Value(deep(JSONReader.depthMax + 1)) }
        for text in [
            String(repeating: "[", count: 1_000_000), String(repeating: "{\"a\":", count: 300_000),
        ] {
            var reader = JSONReader(Array(text.utf8))
            #expect(throws: JSONError.self) { try reader.skipValue() }
        }
        let keys = { (count: Int) in
            "{" + (0..<count).map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
        }
        #expect(throws: Never.self) { try Value(keys(JSONReader.keysMax)) }
        #expect(throws: JSONError.self) { try Value(keys(JSONReader.keysMax + 1)) }
    }

    @Test func `errors say where and what`() {
        #expect(throws: JSONError.self) { try Value("{\"a\":1,\"a\":2}") }
        do {
            _ = try Value("[1, x]")
        } catch {
            #expect(error.description == "at byte 4: there is no value here")
        }
    }

    @Test func `no truncation and no mutation ends the process`() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            var json = JSONWriter()
            Value.array([.random(&random), .random(&random)]).write(&json)
            for end in 0..<json.bytes.count {
                #expect(throws: JSONError.self) { try Value(bytes: Array(json.bytes[..<end])) }
            }
            for _ in 0..<50 {
                var bytes = json.bytes
                for _ in 0...random.below(3) {
                    let position = random.below(bytes.count)
                    switch random.below(3) {
                    case 0: bytes[position] = UInt8(truncatingIfNeeded: random.next())
                    case 1: bytes.remove(at: position)
                    default:
                        bytes.insert(Array("[]{}\",:\\u0e-1".utf8)[random.below(13)], at: position)
                    }
                    if bytes.isEmpty { break }
                }
                let value = try? Value(bytes: bytes)
                var reader = JSONReader(bytes)
                let isSkipped = (try? (reader.skipValue(), reader.end())) != nil
                if value != nil { #expect(isSkipped) }
                _ = try? CartRequest(decoding: bytes, replyPartition: nil, traceparent: nil)
            }
        }
    }

    @Test func `numbers with a fraction are written, infinite ones as null`() {
        var json = JSONWriter()
        json.beginArray()
        for number in [0.5, -1e300, .infinity, .nan] { json.number(number) }
        json.boolean(true)
        json.cartID(CartID(bits: 0x0123_4567_89AB_CDEF_FEDC_BA98_7654_3210))
        json.integer(.min)
        json.endArray()
        #expect(
            String(decoding: json.bytes, as: UTF8.self)
                == "[0.5,-1e+300,null,null,true,\"01234567-89ab-cdef-fedc-ba9876543210\",\(Int.min)]"
        )
    }
}
