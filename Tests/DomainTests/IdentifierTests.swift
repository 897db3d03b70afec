import Messages
import Testing

@testable import Simulation

@Suite struct IdentifierTests {
    @Test(arguments: ["a", "A-z_0.9", String(repeating: "x", count: 64)])
    func `codes and request IDs take what is plain`(text: String) {
        #expect(ProductCode(text)?.text == text)
        #expect(RequestID(text)?.description == text)
    }

    @Test(arguments: [
        "", " ", "a b", "a/b", "ä", "e\u{301}", "\u{212A}", "a\0", "a\n", "Ａ", "🔨", "\u{202E}a",
        "a\u{200B}", String(repeating: "x", count: 65), "a,b", "'", "\"", "{", "%20",
    ])
    func `codes and request IDs refuse all else`(text: String) {
        #expect(ProductCode(text) == nil)
        #expect(RequestID(text) == nil)
    }

    @Test func `a request ID may have colons, a product code not`() {
        #expect(RequestID("a:b") != nil)
        #expect(ProductCode("a:b") == nil)
    }

    @Test func `user IDs are visible ASCII`() {
        #expect(UserID("ann@example.org/~\"'{}")?.text == "ann@example.org/~\"'{}")
        #expect(UserID(String(repeating: "x", count: 128)) != nil)
        for text in [
            "", " ", "a b", "a\u{7F}", "\u{1}", "ä", "\u{212A}",
            String(repeating: "x", count: 129),
        ] {
            #expect(UserID(text) == nil)
        }
    }

    @Test func `product codes are ordered byte by byte`() {
        let codes = ["B", "a", "A", "_", "-", "10", "9"].compactMap { ProductCode($0) }
        #expect(codes.sorted().map(\.text) == ["-", "10", "9", "A", "B", "_", "a"])
    }

    // Python: uuid.uuid5(uuid.UUID("8f3c1a52-6e0b-4d7c-9a41-5b2e70d3c6f8"), name)
    @Test(arguments: [
        ("ann", "0082cf0b-6af3-5c47-998b-43703c2c3ccc"),
        ("bob", "cc914f62-0b48-5a7c-8d76-e80cc5546e4c"),
        ("user-1", "9983aaa5-aa41-5489-9cb1-f37cbb0a66b3"),
    ])
    func `the cart of a user is a UUIDv5, the same everywhere and for ever`(
        name: String, uuid: String
    ) {
        let cartID = CartID(of: user(name))
        #expect(cartID.description == uuid)
        #expect(cartID.bits >> 76 & 0xF == 5)
        #expect(cartID.bits >> 62 & 0b11 == 0b10)
    }

    @Test func `cart IDs are read in either case and written in lower case`() {
        let text = "0123abcd-ef01-5234-89ab-CDEF01234567"
        let cartID = CartID(text)
        #expect(cartID?.description == text.lowercased())
        #expect(cartID?.bits == 0x0123_ABCD_EF01_5234_89AB_CDEF_0123_4567)
        #expect(CartID(bits: 0).description == "00000000-0000-0000-0000-000000000000")
        #expect(CartID(bits: .max).description == "ffffffff-ffff-ffff-ffff-ffffffffffff")
    }

    @Test(arguments: [
        "", "0123abcd", "0123abcdef01523489abcdef01234567",
        "0123abcd-ef01-5234-89ab-cdef0123456", "0123abcd-ef01-5234-89ab-cdef012345678",
        "0123abcd_ef01-5234-89ab-cdef01234567", "0123abcg-ef01-5234-89ab-cdef01234567",
        "-123abcd-ef01-5234-89ab-cdef01234567", "{0123abcd-ef01-5234-89ab-cdef0123456",
        "０123abcd-ef01-5234-89ab-cdef01234",
    ])
    func `what is no UUID is no cart ID`(text: String) {
        #expect(CartID(text) == nil)
    }

    @Test func `random request IDs are valid and differ`() {
        var random = SeededGenerator(seed: 1)
        let made = (0..<1_000).map { _ in RequestID.random(using: &random) }
        #expect(Set(made).count == 1_000)
        #expect(made.allSatisfy { RequestID($0.text) == $0 && $0.text.utf8.count == 15 })
    }

    @Test func `times add up in milliseconds`() {
        let start = Timestamp(millis: 1_000)
        #expect((start + .seconds(2)).millis == 3_000)
        #expect((start + .microseconds(1_500)).millis == 1_001)
        #expect((start + .milliseconds(-1_500)).millis == -500)
        #expect(start < start + .milliseconds(1))
    }
}

@Suite struct PartitionerTests {
    // The vectors of Kafka's own UtilsTest and of librdkafka's rdmurmur2.c.
    @Test(arguments: [
        ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
    ])
    func `murmur2 is Kafka's`(key: String, hash: Int) throws {
        let count = 1 << 20
        let positive = Int(UInt32(truncatingIfNeeded: hash) & 0x7FFF_FFFF)
        #expect(Partitioner.partition(of: Array(key.utf8), count: count) == positive % count)
        #expect(
            Partitioner.partition(of: Array(key.utf8), count: 1_000_003) == positive % 1_000_003)
    }

    @Test(arguments: [
        ("kafka", 0xD067_CF64), ("giberish123456789", 0x8F55_2B0C), ("1234", 0x9FC9_7B14),
        ("234", 0xE7C0_09CA), ("34", 0x8739_30DA), ("4", 0x5A4B_5CA1), ("", 0x106E_08D9),
    ])
    func `murmur2 is librdkafka's`(key: String, hash: UInt32) {
        #expect(
            Partitioner.partition(of: Array(key.utf8), count: 0x7FFF_FFFF)
                == Int(hash & 0x7FFF_FFFF) % 0x7FFF_FFFF)
    }

    @Test func `keys spread evenly`() {
        var counts = Array(repeating: 0, count: 12)
        for index in 0..<12_000 {
            counts[Partitioner.partition(of: CartID(of: user("u\(index)")).utf8, count: 12)] += 1
        }
        #expect(counts.allSatisfy { (850...1_150).contains($0) })
    }
}
