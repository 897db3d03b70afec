import Testing

@testable import EmbeddedBroker

@Suite struct ProtocolTests {
    @Test func `an unknown version of ApiVersions gets error 35 in the oldest format`() async throws
    {
        try await withBroker { broker in
            let client = try broker.client()
            let answer = try await client.call(.apiVersions, 99, [1, 2, 3])
            var reader = WireReader(answer)
            #expect(try reader.int16() == ErrorCode.unsupportedVersion.rawValue)
            #expect(try reader.int32() == Int32(APIKey.allCases.count))
            // The connection goes on.
            let again = try await client.call(.apiVersions, 0, [])
            #expect(Array(again.prefix(2)) == [0, 0])
        }
    }

    @Test func `ApiVersions 3 is answered in the flexible format`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            let request = body {
                $0.noTags()
                $0.compactString("client")
                $0.compactString("1.0")
                $0.noTags()
            }
            let answer = try await client.call(.apiVersions, 3, request)
            var reader = WireReader(answer)
            #expect(try reader.int16() == 0)
            #expect(try reader.unsignedVarint() == UInt64(APIKey.allCases.count) + 1)
            var produce: [Int16] = []
            for _ in APIKey.allCases {
                let key = try reader.int16()
                let versions = [try reader.int16(), try reader.int16()]
                try reader.skipTags()
                if key == APIKey.produce.rawValue { produce = versions }
            }
            #expect(produce == [0, 7])
        }
    }

    @Test func `answers leave in the order of the requests`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            try await client.metadata("t")
            // The fetch waits; what stands behind it must not overtake it.
            let fetch = try await client.send(
                .fetch, 11, RawClient.fetchBody("t", 0, offset: 0, waitMillis: 600_000))
            let produce = try await client.send(
                .produce, 7, RawClient.produceBody("t", 0, RecordBatchBuilder("a").bytes))
            let list = try await client.send(.listGroups, 0, [])
            for expected in [fetch, produce, list] {
                var reader = WireReader(try await client.receive())
                #expect(try reader.int32() == expected)
            }
        }
    }

    @Test func `many requests in one packet, and one request in many packets`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            let one = frame(APIKey.listGroups.rawValue, 0, 5, [])
            try await client.send(raw: (0..<50).flatMap { _ in one })
            for _ in 0..<50 { _ = try await client.receive() }
            for byte in one { try await client.send(raw: [byte]) }
            #expect(try await client.receive().count == 10)
        }
    }

    @Test(
        arguments: [
            [0x7F, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0, 0, 0, 1, 9],
            Array("GET / HTTP/1.1\r\n\r\n".utf8),
            frame(9_999, 0, 1, []), frame(APIKey.metadata.rawValue, 77, 1, []),
            frame(APIKey.metadata.rawValue, 4, 1, [0x7F, 0xFF, 0xFF, 0xFF]),
            frame(APIKey.produce.rawValue, 7, 1, [0xFF, 0xFF, 0xFF]),
            frame(APIKey.joinGroup.rawValue, 5, 1, [0, 2, 0xC3, 0x28]),
        ] as [[UInt8]])
    func `a malformed frame ends its connection and no other`(bytes: [UInt8]) async throws {
        try await withBroker { broker in
            let other = try broker.client()
            let client = try broker.client()
            try await client.send(raw: bytes)
            try await client.waitForClose()
            #expect(try await other.metadata("t").error == 0)
        }
    }

    @Test func `random frames do no harm`() async throws {
        try await withBroker { broker in
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = SeededGenerator(seed: seed)
            let valid: [[UInt8]] = [
                frame(0, 7, 1, RawClient.produceBody("t", 0, RecordBatchBuilder("a").bytes)),
                frame(1, 11, 1, RawClient.fetchBody("t", 0, offset: 0, waitMillis: 1)),
                frame(11, 5, 1, RawClient.joinBody("g", "")),
                frame(
                    3, 4, 1,
                    body {
                        $0.int32(-1); $0.bool(true)
                    }),
            ]
            for round in 0..<300 {
                let client = try broker.client()
                var bytes = valid[round % valid.count]
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    let position = Int.random(in: 4..<bytes.count, using: &random)
                    bytes[position] = UInt8.random(in: 0...255, using: &random)
                }
                // A broker that trapped would refuse the next connection.
                try? await client.send(raw: bytes)
            }
            let client = try broker.client()
            #expect(try await client.metadata("t").error == 0, "seed \(seed)")
        }
    }

    @Test func `connections beyond the limit are closed`() async throws {
        try await withBroker {
            $0.connectionsMax = 2
        } _: { broker in
            let first = try broker.client()
            let second = try broker.client()
            _ = try await first.call(.listGroups, 0, [])
            _ = try await second.call(.listGroups, 0, [])
            let third = try broker.client()
            try await third.waitForClose()
            _ = try await first.call(.listGroups, 0, [])
        }
    }

    @Test func `a client that takes no answers harms no other`() async throws {
        try await withBroker {
            $0.unsentBytesMax = 256 * 1_024
            $0.inFlightMax = 16
        } _: { broker in
            let other = try broker.client()
            try await other.metadata("t")
            let large = String(repeating: "x", count: 500_000)
            #expect(try await other.produce("t", 0, RecordBatchBuilder(large)).error == 0)
            let lazy = try broker.client()
            for _ in 0..<200 {
                try await lazy.send(.fetch, 11, RawClient.fetchBody("t", 0, offset: 0))
            }
            for _ in 0..<20 { #expect(try await other.fetch("t", 0, offset: 0).error == 0) }
            // When it takes them at last, all are there.
            for _ in 0..<200 { _ = try await lazy.receive() }
        }
    }
}

/// Random numbers that a seed brings back.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
