import Testing

@testable import EmbeddedBroker

@Suite struct ProduceFetchTests {
    @Test func `what is produced is fetched`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            #expect(try await client.metadata("t").partitions == 2)
            #expect(
                try await client.produce("t", 1, RecordBatchBuilder("a", "b"))
                    == ProduceAnswer(error: 0, baseOffset: 0))
            #expect(
                try await client.produce("t", 1, RecordBatchBuilder("c"))
                    == ProduceAnswer(error: 0, baseOffset: 2))
            let answer = try await client.fetch("t", 1, offset: 1)
            #expect(answer.highWatermark == 3)
            #expect(answer.records.map(\.value).suffix(2) == ["b", "c"])
        }
    }

    @Test(arguments: BrokerConfiguration.FsyncPolicy.allCases)
    func `a waiting fetch is answered when data comes`(
        policy: BrokerConfiguration.FsyncPolicy
    ) async throws {
        try await withBroker {
            $0.fsync = policy
        } _: { broker in
            let consumer = try broker.client()
            let producer = try broker.client()
            try await producer.metadata("t")
            // Longer than the client waits for any answer: only data can end it in time.
            try await consumer.send(
                .fetch, 11, RawClient.fetchBody("t", 0, offset: 0, waitMillis: 600_000))
            #expect(try await producer.produce("t", 0, RecordBatchBuilder("a")).error == 0)
            let frame = try await consumer.receive()
            let answer = try RawClient.readFetch(Array(frame[4...]))
            #expect(answer.records.map(\.value) == ["a"])
        }
    }

    @Test func `a fetch waits for as many bytes as it asks`() async throws {
        try await withBroker { broker in
            let consumer = try broker.client()
            let producer = try broker.client()
            try await producer.metadata("t")
            let batch = RecordBatchBuilder(String(repeating: "x", count: 100))
            try await consumer.send(
                .fetch, 11,
                RawClient.fetchBody(
                    "t", 0, offset: 0, waitMillis: 600_000,
                    bytesMin: Int32(batch.bytes.count * 3)))
            for _ in 0..<3 { #expect(try await producer.produce("t", 0, batch).error == 0) }
            let frame = try await consumer.receive()
            #expect(try RawClient.readFetch(Array(frame[4...])).records.count == 3)
        }
    }

    @Test func `a fetch without data ends after its time`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            try await client.metadata("t")
            let answer = try await client.fetch("t", 0, offset: 0, waitMillis: 20)
            #expect(answer == FetchAnswer(error: 0, highWatermark: 0, records: []))
        }
    }

    @Test func `a fetch out of range is answered at once`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            try await client.metadata("t")
            let answer = try await client.fetch("t", 0, offset: 5, waitMillis: 600_000)
            #expect(answer.error == ErrorCode.offsetOutOfRange.rawValue)
            let unknown = try await client.fetch("u", 0, offset: 0, waitMillis: 600_000)
            #expect(unknown.error == ErrorCode.unknownTopicOrPartition.rawValue)
        }
    }

    @Test func `large records are fetched whole`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            try await client.metadata("t")
            let values = (0..<8).map { String(repeating: "\($0)", count: 700_000) }
            for value in values {
                #expect(try await client.produce("t", 0, RecordBatchBuilder(value)).error == 0)
            }
            var read: [String] = []
            while read.count < values.count {
                let answer = try await client.fetch("t", 0, offset: Int64(read.count))
                #expect(!answer.records.isEmpty)
                read += answer.records.map(\.value)
            }
            #expect(read == values)
        }
    }

    @Test func `batches that cannot be kept are refused`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            try await client.metadata("t")
            func error(_ bytes: [UInt8]) async throws -> Int16 {
                try await client.produce("t", 0, bytes: bytes).error
            }
            let good = RecordBatchBuilder("value")
            var damaged = good.bytes
            damaged[damaged.count - 1] ^= 1
            #expect(try await error(damaged) == ErrorCode.corruptMessage.rawValue)
            #expect(try await error([]) == ErrorCode.corruptMessage.rawValue)
            #expect(
                try await error(Array(good.bytes.dropLast())) == ErrorCode.corruptMessage.rawValue)
            #expect(try await error(good.bytes + good.bytes) == ErrorCode.invalidRecord.rawValue)
            for magic in [0, 1] as [Int8] {
                var old = good
                old.magic = magic
                #expect(
                    try await error(old.bytes) == ErrorCode.unsupportedForMessageFormat.rawValue)
            }
            var transactional = good.idempotent(1, sequence: 0)
            transactional.attributes = 0x10
            #expect(
                try await error(transactional.bytes)
                    == ErrorCode.transactionalIDAuthorizationFailed.rawValue)
            var control = good
            control.attributes = 0x20
            #expect(try await error(control.bytes) == ErrorCode.invalidRecord.rawValue)
            let large = RecordBatchBuilder(String(repeating: "x", count: 2_000_000))
            #expect(try await error(large.bytes) == ErrorCode.messageTooLarge.rawValue)
            #expect(
                try await client.produce("t", 9, good).error
                    == ErrorCode.unknownTopicOrPartition.rawValue)
            // Nothing of it is in the log.
            #expect(try await client.offset("t", 0, at: -1) == 0)
        }
    }

    @Test func `a repeated batch is acknowledged again and kept once`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            try await client.metadata("t")
            let answer = try await client.call(
                .initProducerID, 1,
                body {
                    $0.nullableString(nil)
                    $0.int32(0)
                })
            var reader = WireReader(answer)
            _ = try reader.int32()
            #expect(try reader.int16() == 0)
            let id = try reader.int64()
            let batch = RecordBatchBuilder("a").idempotent(id, sequence: 0)
            for _ in 0..<3 {
                #expect(
                    try await client.produce("t", 0, batch)
                        == ProduceAnswer(error: 0, baseOffset: 0))
            }
            #expect(
                try await client.produce("t", 0, batch.idempotent(id, sequence: 4)).error
                    == ErrorCode.outOfOrderSequence.rawValue)
            #expect(try await client.offset("t", 0, at: -1) == 1)
        }
    }

    @Test func `transactions are refused`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            let answer = try await client.call(
                .initProducerID, 1,
                body {
                    $0.nullableString("tx")
                    $0.int32(0)
                })
            var reader = WireReader(answer)
            _ = try reader.int32()
            #expect(
                try reader.int16() == ErrorCode.transactionalIDAuthorizationFailed.rawValue)
            let coordinator = try await client.call(
                .findCoordinator, 1,
                body {
                    $0.string("tx")
                    $0.int8(1)
                })
            reader = WireReader(coordinator)
            _ = try reader.int32()
            #expect(
                try reader.int16() == ErrorCode.transactionalIDAuthorizationFailed.rawValue)
        }
    }

    @Test func `a producer that wants no acknowledgement gets none`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            try await client.metadata("t")
            try await client.send(
                .produce, 7,
                RawClient.produceBody("t", 0, RecordBatchBuilder("a").bytes, acks: 0))
            // The next answer is the next request's.
            #expect(try await client.offset("t", 0, at: -1) == 1)
        }
    }

    @Test func `topics are created, described and deleted`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            func create(
                _ name: String, partitions: Int32, replicas: Int16 = 1,
                settings: [(String, String)] = []
            ) async throws -> Int16 {
                let answer = try await client.call(
                    .createTopics, 2,
                    body {
                        $0.array([name]) { writer, name in
                            writer.string(name)
                            writer.int32(partitions)
                            writer.int16(replicas)
                            writer.int32(0)
                            writer.array(settings) { writer, setting in
                                writer.string(setting.0)
                                writer.nullableString(setting.1)
                            }
                        }
                        $0.int32(1_000)
                        $0.bool(false)
                    })
                var reader = WireReader(answer)
                _ = try reader.int32()
                _ = try reader.int32()
                _ = try reader.string()
                return try reader.int16()
            }
            #expect(try await create("t", partitions: 5) == 0)
            #expect(
                try await create("t", partitions: 5) == ErrorCode.topicAlreadyExists.rawValue)
            #expect(try await create("../x", partitions: 1) == ErrorCode.invalidTopic.rawValue)
            #expect(try await create("u", partitions: 0) == ErrorCode.invalidPartitions.rawValue)
            #expect(
                try await create("u", partitions: 1, replicas: 3)
                    == ErrorCode.invalidReplicationFactor.rawValue)
            #expect(
                try await create(
                    "u", partitions: 1, settings: [("cleanup.policy", "compact")])
                    == ErrorCode.invalidConfig.rawValue)
            #expect(try await client.metadata("t", mayCreate: false).partitions == 5)
            #expect(try await client.produce("t", 4, RecordBatchBuilder("a")).error == 0)
            _ = try await client.call(
                .deleteTopics, 1,
                body {
                    $0.array(["t"]) { $0.string($1) }
                    $0.int32(1_000)
                })
            #expect(
                try await client.metadata("t", mayCreate: false).error
                    == ErrorCode.unknownTopicOrPartition.rawValue)
            #expect(names(in: broker.directory.path + "/data/topics").isEmpty)
            #expect(try await create("t", partitions: 5) == 0)
            #expect(try await client.offset("t", 4, at: -1) == 0)
        }
    }

    @Test func `unknown topics are not created where that is off`() async throws {
        try await withBroker {
            $0.autoCreateTopics = false
        } _: { broker in
            let client = try broker.client()
            #expect(
                try await client.metadata("t").error
                    == ErrorCode.unknownTopicOrPartition.rawValue)
        }
    }
}
