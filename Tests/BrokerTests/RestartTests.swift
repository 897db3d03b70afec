import Testing

@testable import EmbeddedBroker

@Suite struct RestartTests {
    @Test(arguments: BrokerConfiguration.FsyncPolicy.allCases)
    func `what was acknowledged survives the sudden end of the process`(
        policy: BrokerConfiguration.FsyncPolicy
    ) async throws {
        let broker = try await TestBroker.start { $0.fsync = policy }
        let client = try broker.client()
        try await client.metadata("t")
        for index in 0..<20 {
            let batch = RecordBatchBuilder("v\(index)").idempotent(4, sequence: Int32(index))
            #expect(try await client.produce("t", 0, batch).error == 0)
        }
        #expect(try await client.commit("g", "t", 0, 15) == 0)

        let restarted = try await broker.restartedAfterKill()
        let again = try restarted.client()
        #expect(
            try await again.fetch("t", 0, offset: 0).records.map(\.value)
                == (0..<20).map { "v\($0)" })
        #expect(try await again.committed("g", "t", 0) == 15)
        #expect(try await again.committed("g", "t", 1) == -1)
        // The last batch, sent again because its acknowledgement got lost.
        let last = RecordBatchBuilder("v19").idempotent(4, sequence: 19)
        #expect(
            try await again.produce("t", 0, last) == ProduceAnswer(error: 0, baseOffset: 19))
        let next = RecordBatchBuilder("v20").idempotent(4, sequence: 20)
        #expect(
            try await again.produce("t", 0, next) == ProduceAnswer(error: 0, baseOffset: 20))
        await restarted.shutdown()
    }

    @Test func `an orderly stop leaves its marker and the next start takes it`() async throws {
        let directory = TemporaryDirectory()
        for round in 0..<3 {
            let broker = try await TestBroker.start(in: directory)
            #expect(!names(in: directory.path + "/data").contains("clean-stop"))
            let client = try broker.client()
            try await client.metadata("t")
            #expect(
                try await client.produce("t", 0, RecordBatchBuilder("v\(round)"))
                    == ProduceAnswer(error: 0, baseOffset: Int64(round)))
            await broker.shutdown()
            #expect(names(in: directory.path + "/data").contains("clean-stop"))
        }
    }

    @Test func `committed offsets beyond the log's end are set back at start`() async throws {
        let broker = try await TestBroker.start()
        let client = try broker.client()
        try await client.metadata("t")
        for _ in 0..<5 {
            #expect(try await client.produce("t", 0, RecordBatchBuilder("v")).error == 0)
        }
        #expect(try await client.commit("g", "t", 0, 5) == 0)
        let segment = "/data/topics/t-0/00000000000000000000.log"
        let bytes = contents(of: broker.directory.path + segment)
        await broker.shutdown()
        // A power failure that took the last two records.
        let directory = broker.directory.path + "/data/topics/t-0"
        removeTree(directory + "/00000000000000000000.index")
        write(Array(bytes.prefix(bytes.count * 3 / 5)), to: directory + "/00000000000000000000.log")
        let restarted = try await TestBroker.start(in: broker.directory)
        let again = try restarted.client()
        #expect(try await again.offset("t", 0, at: -1) == 3)
        #expect(try await again.committed("g", "t", 0) == 3)
        await restarted.shutdown()
    }

    @Test func `a second broker in the same directory is refused`() async throws {
        let broker = try await TestBroker.start()
        await #expect(throws: StorageError.self) {
            _ = try await TestBroker.start(in: broker.directory)
        }
        await broker.shutdown()
        let next = try await TestBroker.start(in: broker.directory)
        await next.shutdown()
    }

    @Test func `a taken port is named, and the directory is free again`() async throws {
        let broker = try await TestBroker.start()
        let directory = TemporaryDirectory()
        await #expect(throws: StorageError.self) {
            _ = try await TestBroker.start(in: directory) { $0.port = broker.port }
        }
        let next = try await TestBroker.start(in: directory)
        await next.shutdown()
        await broker.shutdown()
    }

    @Test func `a directory of another version is refused`() async throws {
        let broker = try await TestBroker.start()
        await broker.shutdown()
        write(
            Array("holdfast-broker 99\n".utf8), to: broker.directory.path + "/data/format-version")
        await #expect(throws: StorageError.self) {
            _ = try await TestBroker.start(in: broker.directory)
        }
    }

    @Test func `producer IDs are never given out twice`() async throws {
        let broker = try await TestBroker.start()
        func producerID(_ client: RawClient) async throws -> Int64 {
            let answer = try await client.call(
                .initProducerID, 1,
                body {
                    $0.nullableString(nil)
                    $0.int32(0)
                })
            var reader = WireReader(answer)
            _ = try reader.int32()
            _ = try reader.int16()
            return try reader.int64()
        }
        let client = try broker.client()
        let before = [try await producerID(client), try await producerID(client)]
        let restarted = try await broker.restartedAfterKill()
        let again = try restarted.client()
        let after = try await producerID(again)
        #expect(Set(before).count == 2)
        #expect(!before.contains(after))
        await restarted.shutdown()
    }
}
