import Telemetry
import Testing

@testable import EmbeddedBroker

@Suite struct JournalTests {
    private let directory = TemporaryDirectory()
    private let logger = Logger(component: "test", level: .error)

    private func partition(_ index: Int32) -> TopicPartition {
        TopicPartition(topic: "t", partition: index)
    }

    private func committed(_ offset: Int64) -> CommittedOffset {
        CommittedOffset(offset: offset, leaderEpoch: 0, metadata: "m")
    }

    private func openOffsets() throws -> OffsetStore {
        try OffsetStore(path: directory.path + "/offsets", logger: logger)
    }

    @Test func `committed offsets are found again`() throws {
        let store = try openOffsets()
        store.commit("g", partition(0), committed(5))
        store.commit("g", partition(0), committed(6))
        store.commit("h", partition(1), committed(7))
        try store.flush()
        store.commit("g", partition(0), committed(99))  // Never written.
        let reopened = try openOffsets()
        #expect(reopened.offset("g", partition(0)) == committed(6))
        #expect(reopened.offset("h", partition(1)) == committed(7))
    }

    @Test func `a torn tail costs only the record that was torn`() throws {
        let store = try openOffsets()
        store.commit("g", partition(0), committed(5))
        try store.flush()
        store.commit("g", partition(0), committed(6))
        try store.flush()
        let path = directory.path + "/offsets"
        write(Array(contents(of: path).dropLast(3)), to: path)
        let reopened = try openOffsets()
        #expect(reopened.offset("g", partition(0)) == committed(5))
        reopened.commit("g", partition(0), committed(8))
        try reopened.flush()
        #expect(try openOffsets().offset("g", partition(0)) == committed(8))
    }

    @Test func `offsets beyond the end of their log are set back to it`() throws {
        let store = try openOffsets()
        store.commit("g", partition(0), committed(50))
        store.commit("g", partition(1), committed(10))
        store.commit("g", partition(2), committed(50))
        try store.flush()
        store.clamp { $0.partition == 2 ? nil : 20 }
        try store.flush()
        let reopened = try openOffsets()
        #expect(reopened.offset("g", partition(0))?.offset == 20)
        #expect(reopened.offset("g", partition(1))?.offset == 10)
        #expect(reopened.offset("g", partition(2))?.offset == 50)
    }

    @Test func `a journal that has grown is replaced by what counts`() throws {
        let store = try openOffsets()
        let long = String(repeating: "x", count: 4_000)
        for index in 0..<3_000 {
            store.commit(
                "g", partition(Int32(index % 3)),
                CommittedOffset(offset: Int64(index), leaderEpoch: 0, metadata: long))
            if index % 100 == 0 { try store.flush() }
        }
        try store.flush()
        #expect(store.journal.size < 8 * 1_024 * 1_024)
        let reopened = try openOffsets()
        #expect(reopened.offset("g", partition(2))?.offset == 2_999)
    }

    @Test func `offsets of a deleted topic are forgotten`() throws {
        let store = try openOffsets()
        store.commit("g", partition(0), committed(5))
        store.removeTopic("t")
        try store.flush()
        #expect(store.offset("g", partition(0)) == nil)
        #expect(try openOffsets().offset("g", partition(0)) == nil)
    }
}
