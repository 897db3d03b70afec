import Testing

@testable import EmbeddedBroker

@Suite struct AdminTests {
    // MARK: - Cluster

    @Test(arguments: [0, 1] as [Int16])
    func `the cluster is described in the flexible format`(version: Int16) async throws {
        try await withBroker {
            $0.advertisedHost = "log.example"
            $0.advertisedPort = 9_092
        } _: { broker in
            let client = try broker.client()
            let tagsOfHeader: [UInt8] = [0]
            let request: [UInt8] = version == 0 ? [0, 0] : [0, 1, 0]
            let answer = try await client.call(.describeCluster, version, tagsOfHeader + request)
            var reader = WireReader(answer)
            try reader.skipTags()
            _ = try reader.int32()
            #expect(try reader.int16() == 0)
            #expect(try reader.compactNullableString() == nil)
            if version >= 1 { #expect(try reader.int8() == 1) }
            #expect(try reader.compactNullableString()?.utf8.count == 22)
            #expect(try reader.int32() == 1)
            #expect(try reader.unsignedVarint() == 2)
            #expect(try reader.int32() == 1)
            #expect(try reader.compactNullableString() == "log.example")
            #expect(try reader.int32() == 9_092)
            #expect(try reader.compactNullableString() == nil)
            try reader.skipTags()
            #expect(try reader.int32() == Int32.min)
            try reader.skipTags()
            #expect(reader.remaining == 0)
            // The connection goes on.
            #expect(try await client.metadata("t").error == 0)
        }
    }

    // MARK: - Partitions

    @Test func `partitions are added, take records, and survive the end of the process`()
        async throws
    {
        let broker = try await TestBroker.start()
        let client = try broker.client()
        #expect(try await client.metadata("t").partitions == 2)
        #expect(try await client.createPartitions("t", 5, isCheckOnly: true) == 0)
        #expect(try await client.metadata("t").partitions == 2)
        #expect(try await client.createPartitions("t", 5) == 0)
        #expect(try await client.metadata("t").partitions == 5)
        #expect(try await client.produce("t", 4, RecordBatchBuilder("a")).error == 0)

        let restarted = try await broker.restartedAfterKill()
        let again = try restarted.client()
        #expect(try await again.metadata("t").partitions == 5)
        #expect(try await again.fetch("t", 4, offset: 0).records.map(\.value) == ["a"])
        await restarted.shutdown()
    }

    @Test func `partitions that cannot be had are refused`() async throws {
        try await withBroker {
            $0.partitionsMax = 10
        } _: { broker in
            let client = try broker.client()
            try await client.metadata("t")
            for count: Int32 in [0, 1, 2, 11] {
                #expect(
                    try await client.createPartitions("t", count)
                        == ErrorCode.invalidPartitions.rawValue)
            }
            #expect(
                try await client.createPartitions("unknown", 3)
                    == ErrorCode.unknownTopicOrPartition.rawValue)
            #expect(
                try await client.createPartitions("t", 3, assignments: [[2]])
                    == ErrorCode.invalidReplicaAssignment.rawValue)
            #expect(try await client.createPartitions("t", 3, assignments: [[1]]) == 0)
        }
    }

    // MARK: - Records

    @Test func `deleted records are gone for good`() async throws {
        let broker = try await TestBroker.start { $0.segmentBytes = 4_096 }
        let client = try broker.client()
        try await client.metadata("t")
        for index in 0..<200 {
            let batch = RecordBatchBuilder("value \(index)")
            #expect(try await client.produce("t", 0, batch).error == 0)
        }
        let directory = broker.directory.path + "/data/topics/t-0"
        let filesBefore = names(in: directory).count
        #expect(try await client.deleteRecords("t", 0, before: 150) == .init(150, error: 0))
        #expect(try await client.deleteRecords("t", 0, before: 20) == .init(150, error: 0))
        #expect(names(in: directory).count < filesBefore)
        #expect(try await client.offset("t", 0, at: -2) == 150)
        #expect(try await client.offset("t", 0, at: 0) == 150)
        #expect(
            try await client.fetch("t", 0, offset: 149).error
                == ErrorCode.offsetOutOfRange.rawValue)

        let restarted = try await broker.restartedAfterKill { $0.segmentBytes = 4_096 }
        let again = try restarted.client()
        #expect(try await again.offset("t", 0, at: -2) == 150)
        let kept = try await again.fetch("t", 0, offset: 150).records.filter { $0.offset >= 150 }
        #expect(kept.first == ReadRecord(offset: 150, value: "value 150"))
        // All of them, and the offsets go on where they were.
        #expect(try await again.deleteRecords("t", 0, before: -1) == .init(200, error: 0))
        #expect(try await again.offset("t", 0, at: 0) == -1)
        let last = try await restarted.restartedAfterKill { $0.segmentBytes = 4_096 }
        let third = try last.client()
        #expect(try await third.offset("t", 0, at: -2) == 200)
        #expect(
            try await third.produce("t", 0, RecordBatchBuilder("next"))
                == ProduceAnswer(error: 0, baseOffset: 200))
        await last.shutdown()
    }

    @Test func `only records that exist can be deleted`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            try await client.metadata("t")
            #expect(try await client.produce("t", 0, RecordBatchBuilder("a")).error == 0)
            for offset: Int64 in [2, -2, Int64.max] {
                #expect(
                    try await client.deleteRecords("t", 0, before: offset)
                        == .init(-1, error: ErrorCode.offsetOutOfRange.rawValue))
            }
            #expect(
                try await client.deleteRecords("t", 7, before: 0)
                    == .init(-1, error: ErrorCode.unknownTopicOrPartition.rawValue))
        }
    }

    // MARK: - Settings

    @Test func `a topic's retention is changed, shown, and survives the end of the process`()
        async throws
    {
        let broker = try await TestBroker.start { $0.retention = .seconds(60) }
        let client = try broker.client()
        try await client.metadata("t")
        #expect(try await client.settings(of: "t")["retention.ms"] == "60000")
        #expect(
            try await client.alter(
                "t", [("retention.ms", 0, "1000"), ("retention.bytes", 0, "5000")]) == 0)
        #expect(try await client.alter("t", [("retention.bytes", 1, nil)]) == 0)
        let restarted = try await broker.restartedAfterKill()
        let settings = try await restarted.client().settings(of: "t")
        #expect(settings["retention.ms"] == "1000")
        #expect(settings["retention.bytes"] == "-1")
        #expect(settings["cleanup.policy"] == "delete")
        await restarted.shutdown()
    }

    @Test(arguments: [
        ("cleanup.policy", "compact"), ("retention.ms", "-2"), ("retention.ms", "soon"),
        ("segment.bytes", "1"), ("compression.type", "gzip"), ("flush.messages", "1"),
    ])
    func `a setting that would be pretended is refused`(name: String, value: String) async throws {
        try await withBroker { broker in
            let client = try broker.client()
            try await client.metadata("t")
            let refused = ErrorCode.invalidConfig.rawValue
            #expect(try await client.alter("t", [(name, 0, value)]) == refused)
            #expect(try await client.createTopic("u", settings: [(name, value)]) == refused)
            #expect(try await client.metadata("u", mayCreate: false).error == 3)
        }
    }

    @Test func `alterations that make no sense are refused`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            try await client.metadata("t")
            #expect(
                try await client.alter("unknown", [("retention.ms", 0, "1")])
                    == ErrorCode.unknownTopicOrPartition.rawValue)
            #expect(
                try await client.alter("t", [("retention.ms", 2, "1")])
                    == ErrorCode.invalidConfig.rawValue)
            #expect(
                try await client.alter("t", [("retention.ms", 0, "1"), ("retention.ms", 1, nil)])
                    == ErrorCode.invalidRequest.rawValue)
            #expect(
                try await client.alter("1", [("num.partitions", 0, "1")], kind: 4)
                    == ErrorCode.invalidConfig.rawValue)
        }
    }

    @Test func `a topic's segments have the size that it asked for`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            let settings = [
                ("segment.bytes", "1024"), ("retention.ms", "-1"), ("retention.bytes", "-1"),
                ("cleanup.policy", "delete"),
            ]
            #expect(try await client.createTopic("t", settings: settings) == 0)
            for _ in 0..<50 {
                #expect(try await client.produce("t", 0, RecordBatchBuilder("value")).error == 0)
            }
            let files = names(in: broker.directory.path + "/data/topics/t-0")
            #expect(files.count { $0.hasSuffix(".log") } > 2)
        }
    }

    // MARK: - Leader epochs and transactions

    @Test func `the one leader epoch ends where the log does`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            try await client.metadata("t")
            #expect(try await client.produce("t", 0, RecordBatchBuilder("a", "b")).error == 0)
            #expect(try await client.end(ofEpoch: 0, "t", 0) == .init(2, error: 0))
            #expect(try await client.end(ofEpoch: 3, "t", 0) == .init(-1, error: 0))
            #expect(
                try await client.end(ofEpoch: 0, current: 4, "t", 0)
                    == .init(-1, error: ErrorCode.unknownLeaderEpoch.rawValue))
            #expect(
                try await client.end(ofEpoch: 0, "t", 9)
                    == .init(-1, error: ErrorCode.unknownTopicOrPartition.rawValue))
        }
    }

    @Test func `transactions are refused, not pretended`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            let refused = ErrorCode.transactionalIDAuthorizationFailed.rawValue
            let producer = body {
                $0.string("tx")
                $0.int64(1)
                $0.int16(0)
            }
            let partitions = body {
                $0.array(["t"]) { writer, topic in
                    writer.string(topic)
                    writer.array([Int32(0)]) { $0.int32($1) }
                }
            }
            var reader = WireReader(
                try await client.call(.addPartitionsToTransaction, 1, producer + partitions))
            _ = try reader.int32()
            #expect(try reader.int32() == 1)
            #expect(try reader.string() == "t")
            #expect(try reader.int32() == 1)
            #expect(try reader.int32() == 0)
            #expect(try reader.int16() == refused)
            for (key, rest) in [
                (APIKey.endTransaction, [1]), (.addOffsetsToTransaction, body { $0.string("g") }),
            ] as [(APIKey, [UInt8])] {
                reader = WireReader(try await client.call(key, 1, producer + rest))
                _ = try reader.int32()
                #expect(try reader.int16() == refused)
            }
            let commit = body {
                $0.string("tx")
                $0.string("g")
                $0.int64(1)
                $0.int16(0)
                $0.array(["t"]) { writer, topic in
                    writer.string(topic)
                    writer.array([Int32(0)]) { writer, index in
                        writer.int32(index)
                        writer.int64(5)
                        writer.int32(-1)
                        writer.nullableString(nil)
                    }
                }
            }
            reader = WireReader(try await client.call(.transactionalOffsetCommit, 2, commit))
            _ = try reader.int32()
            _ = try reader.int32()
            _ = try reader.string()
            _ = try reader.int32()
            _ = try reader.int32()
            #expect(try reader.int16() == refused)
            #expect(try await client.committed("g", "t", 0) == -1)
        }
    }

    // MARK: - Groups

    @Test func `an empty group is deleted for good, one with members is not`() async throws {
        let broker = try await TestBroker.start()
        let client = try broker.client()
        try await client.metadata("t")
        #expect(try await client.deleteGroup("g") == ErrorCode.groupIDNotFound.rawValue)
        let joined = try await client.join("g")
        #expect(joined.error == 0)
        #expect(
            try await client.sync("g", joined.generation, joined.memberID, [(joined.memberID, [])])
                .error == 0)
        let commit = try await client.commit(
            "g", "t", 0, 0, generation: joined.generation, memberID: joined.memberID)
        #expect(commit == 0)
        #expect(try await client.deleteGroup("g") == ErrorCode.nonEmptyGroup.rawValue)
        #expect(try await client.leave("g", joined.memberID) == 0)
        #expect(try await client.committed("g", "t", 0) == 0)
        #expect(try await client.deleteGroup("g") == 0)
        #expect(try await client.committed("g", "t", 0) == -1)
        let restarted = try await broker.restartedAfterKill()
        #expect(try await restarted.client().committed("g", "t", 0) == -1)
        await restarted.shutdown()
    }
}
