import Telemetry
import Testing

@testable import EmbeddedBroker

@Suite struct RetentionTests {
    private let directory = TemporaryDirectory()

    @Test func `the disk cap takes the oldest records of the largest partition`() async throws {
        try await withBroker {
            $0.segmentBytes = 4_096
            $0.diskBytesMax = 40_000
        } _: { broker in
            let client = try broker.client()
            try await client.metadata("large")
            try await client.metadata("small")
            #expect(try await client.produce("small", 0, RecordBatchBuilder("kept")).error == 0)
            let value = String(repeating: "x", count: 1_000)
            var end: Int64 = 0
            for _ in 0..<100 {
                let answer = try await client.produce("large", 0, RecordBatchBuilder(value))
                #expect(answer == ProduceAnswer(error: 0, baseOffset: end))
                end += 1
            }
            try await wait { try await client.offset("large", 0, at: -2) > 50 }
            #expect(try await client.offset("small", 0, at: -2) == 0)
            #expect(
                try await client.fetch("large", 0, offset: 0).error
                    == ErrorCode.offsetOutOfRange.rawValue)
            #expect(try await client.fetch("large", 0, offset: end - 1).records.count == 1)
        }
    }

    @Test func `the disk cap holds where no partition has more than one segment`() async throws {
        try await withBroker {
            $0.segmentBytes = 8_192
            $0.diskBytesMax = 16_384
        } _: { broker in
            let client = try broker.client()
            #expect(try await client.createTopic("t", partitions: 8) == 0)
            let value = String(repeating: "x", count: 4_000)
            for partition: Int32 in 0..<8 {
                let answer = try await client.produce("t", partition, RecordBatchBuilder(value))
                #expect(answer.error == 0)
            }
            try await wait {
                var kept: Int64 = 0
                for partition: Int32 in 0..<8 {
                    kept += 1 - (try await client.offset("t", partition, at: -2))
                }
                return kept * 4_000 <= 16_384
            }
            // Offsets go on, and producers are never refused.
            for partition: Int32 in 0..<8 {
                #expect(
                    try await client.produce("t", partition, RecordBatchBuilder("b"))
                        == ProduceAnswer(error: 0, baseOffset: 1))
            }
        }
    }

    @Test func `a topic's own retention deletes its records only`() async throws {
        try await withBroker {
            $0.retentionCheckInterval = .milliseconds(20)
        } _: { broker in
            let client = try broker.client()
            try await client.metadata("kept")
            #expect(try await client.createTopic("t", settings: [("retention.ms", "1000")]) == 0)
            let old = RecordBatchBuilder("a").at(wallClockMillis() - 60_000)
            #expect(try await client.produce("t", 0, old).error == 0)
            #expect(try await client.produce("kept", 0, old).error == 0)
            try await wait { try await client.offset("t", 0, at: -2) == 1 }
            #expect(try await client.offset("kept", 0, at: -2) == 0)
        }
    }

    @Test func `deleted records stay deleted where the log's tail was lost with them`() throws {
        let log = try openLog(directory)
        for _ in 0..<10 { try log.append(RecordBatchBuilder("a")) }
        log.deleteRecords(before: 7)
        #expect(log.startOffset == 7)
        #expect(try log.firstOffset(atOrAfter: 0)?.offset == 7)
        #expect(throws: ErrorCode.offsetOutOfRange) {
            try log.read(from: 6, bytesMax: 100, atLeastOne: true)
        }
        log.lowWatermark = 50
        #expect(log.startOffset == 10)
        #expect(log.endOffset == 10)
    }

    // MARK: - Committed offsets

    private func openOffsets() throws -> OffsetStore {
        try OffsetStore(
            path: directory.path + "/offsets.journal",
            logger: Logger(component: "test", level: .error))
    }

    private let partition = TopicPartition(topic: "t", partition: 0)

    @Test func `offsets of a group that is long gone expire, also across starts`() throws {
        let offset = CommittedOffset(offset: 1, leaderEpoch: -1, metadata: "")
        var store = try openOffsets()
        for group in ["gone", "member", "committing"] { store.commit(group, partition, offset) }
        try store.flush()
        func expire(at now: Int64) throws -> [String] {
            let expired = store.expire(now: now, retentionMillis: 1_000) { $0 == "member" }
            try store.flush()
            return expired
        }
        #expect(try expire(at: 10_000).isEmpty)
        store = try openOffsets()
        for now: Int64 in stride(from: 10_100, to: 11_000, by: 100) {
            store.commit("committing", partition, offset)
            #expect(try expire(at: now).isEmpty)
        }
        #expect(try expire(at: 11_000) == ["gone"])
        #expect(store.offset("gone", partition) == nil)
        store = try openOffsets()
        #expect(Set(store.groups.keys) == ["member", "committing"])
        #expect(try expire(at: 11_500).isEmpty)
    }

    @Test func `a group whose time of use is unknown begins with a full term`() throws {
        let store = try openOffsets()
        store.commit("g", partition, CommittedOffset(offset: 1, leaderEpoch: -1, metadata: ""))
        try store.flush()
        let again = try openOffsets()
        #expect(again.expire(now: 1_000_000, retentionMillis: 10) { _ in false }.isEmpty)
        #expect(again.expire(now: 1_000_009, retentionMillis: 10) { _ in false }.isEmpty)
        #expect(again.expire(now: 1_000_010, retentionMillis: 10) { _ in false } == ["g"])
    }

    @Test func `the broker forgets a group that nobody uses`() async throws {
        try await withBroker {
            $0.offsetsRetention = .milliseconds(200)
            $0.retentionCheckInterval = .milliseconds(20)
        } _: { broker in
            let client = try broker.client()
            try await client.metadata("t")
            #expect(try await client.commit("g", "t", 0, 0) == 0)
            try await wait { try await client.committed("g", "t", 0) == -1 }
        }
    }
}

/// Asks until the answer is yes.
///
/// - Throws: after 20 s, so that a broker that never gets there fails the test.
private func wait(for condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock().now + .seconds(20)
    while try await !condition() {
        guard ContinuousClock().now < deadline else {
            throw ClientError(reason: "the broker did not get there in time")
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}
