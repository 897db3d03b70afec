import Glibc
import Telemetry
import Testing

@testable import EmbeddedBroker

@Suite struct PartitionLogTests {
    private let directory = TemporaryDirectory()

    private var firstSegment: String { directory.path + "/t-0/00000000000000000000.log" }

    @Test func `records come back as they were written`() throws {
        let log = try openLog(directory)
        #expect(try log.append(RecordBatchBuilder("a", "b")) == 0)
        #expect(try log.append(RecordBatchBuilder("c")) == 2)
        #expect(
            try log.records(from: 0) == [
                ReadRecord(offset: 0, value: "a"), ReadRecord(offset: 1, value: "b"),
                ReadRecord(offset: 2, value: "c"),
            ])
        #expect(try log.records(from: 1).map(\.value) == ["b", "c"])
        #expect(try log.records(from: 3).isEmpty)
    }

    @Test func `offsets before the start and after the end are out of range`() throws {
        let log = try openLog(directory)
        try log.append(RecordBatchBuilder("a"))
        #expect(throws: ErrorCode.offsetOutOfRange) {
            try log.read(from: 2, bytesMax: 100, atLeastOne: true)
        }
        #expect(throws: ErrorCode.offsetOutOfRange) {
            try log.read(from: -1, bytesMax: 100, atLeastOne: true)
        }
    }

    @Test func `the first batch is given even when it is larger than asked`() throws {
        let log = try openLog(directory)
        try log.append(RecordBatchBuilder(String(repeating: "x", count: 1_000)))
        #expect(try log.records(from: 0, bytesMax: 10).count == 1)
        #expect(try log.read(from: 0, bytesMax: 10, atLeastOne: false) == nil)
    }

    @Test func `a log is found again after the end of the process`() throws {
        let log = try openLog(directory)
        for index in 0..<100 { try log.append(RecordBatchBuilder("v\(index)")) }
        let reopened = try openLog(directory)
        #expect(reopened.endOffset == 100)
        #expect(try reopened.values() == (0..<100).map { "v\($0)" })
    }

    @Test(arguments: [1, 30, 61, 70])
    func `a torn tail is cut at the first batch that is not whole`(torn: Int) throws {
        let log = try openLog(directory)
        try log.append(RecordBatchBuilder("a"))
        try log.append(RecordBatchBuilder("b"))
        let whole = contents(of: firstSegment)
        try log.append(RecordBatchBuilder("the one that is torn"))
        write(Array(contents(of: firstSegment).prefix(whole.count + torn)), to: firstSegment)

        let reopened = try openLog(directory)
        #expect(reopened.endOffset == 2)
        #expect(contents(of: firstSegment) == whole)
        #expect(try reopened.append(RecordBatchBuilder("c")) == 2)
        #expect(try openLog(directory).values() == ["a", "b", "c"])
    }

    @Test func `a tail is cut at the first bad checksum, and what follows goes with it`() throws {
        let log = try openLog(directory)
        try log.append(RecordBatchBuilder("a"))
        let position = contents(of: firstSegment).count
        try log.append(RecordBatchBuilder("b"))
        try log.append(RecordBatchBuilder("c"))
        var bytes = contents(of: firstSegment)
        bytes[position + RecordBatchHeader.size + 3] ^= 1
        write(bytes, to: firstSegment)
        let reopened = try openLog(directory)
        #expect(try reopened.values() == ["a"])
        #expect(reopened.endOffset == 1)
    }

    @Test func `zeros at the end, as power failures leave them, are cut`() throws {
        let log = try openLog(directory)
        try log.append(RecordBatchBuilder("a"))
        write(contents(of: firstSegment) + [UInt8](repeating: 0, count: 5_000), to: firstSegment)
        #expect(try openLog(directory).values() == ["a"])
    }

    @Test func `segments are begun at their size and read across`() throws {
        let log = try openLog(directory) { $0.segmentBytes = 1_000 }
        for index in 0..<100 { try log.append(RecordBatchBuilder("value \(index)")) }
        #expect(log.segments.count > 5)
        #expect(try log.values() == (0..<100).map { "value \($0)" })
        #expect(try log.values(from: 55).first == "value 55")
        let reopened = try openLog(directory) { $0.segmentBytes = 1_000 }
        #expect(reopened.endOffset == 100)
        #expect(try reopened.values(from: 20) == (20..<100).map { "value \($0)" })
    }

    @Test func `any offset is found through the index`() throws {
        let log = try openLog(directory)
        let filler = String(repeating: "x", count: 500)
        for index in 0..<400 { try log.append(RecordBatchBuilder("\(index)", filler)) }
        #expect(try log.segments[0].index(log.environment.scratch).entries.count > 10)
        for offset in stride(from: Int64(0), to: 800, by: 7) {
            let found = try log.records(from: offset, bytesMax: 3_000)
            #expect(found.first?.offset == offset)
        }
    }

    @Test func `a segment with an index file is not read again at start`() throws {
        let log = try openLog(directory) { $0.segmentBytes = 1_000 }
        for index in 0..<50 { try log.append(RecordBatchBuilder("value \(index)")) }
        try log.closeNow()
        // A damage that only reading could find.
        var bytes = contents(of: firstSegment)
        bytes[RecordBatchHeader.size + 2] ^= 1
        write(bytes, to: firstSegment)
        let reopened = try openLog(directory) { $0.segmentBytes = 1_000 }
        #expect(reopened.endOffset == 50)
        #expect(try reopened.append(RecordBatchBuilder("next")) == 50)
        try reopened.closeNow()
        #expect(try openLog(directory).values(from: 40).last == "next")
    }

    @Test func `a damaged index file is made anew from its segment`() throws {
        let log = try openLog(directory) { $0.segmentBytes = 1_000 }
        for index in 0..<50 { try log.append(RecordBatchBuilder("value \(index)")) }
        try log.closeNow()
        for name in names(in: directory.path + "/t-0") where name.hasSuffix(".index") {
            write([1, 2, 3], to: directory.path + "/t-0/" + name)
        }
        let reopened = try openLog(directory) { $0.segmentBytes = 1_000 }
        #expect(try reopened.values() == (0..<50).map { "value \($0)" })
    }

    @Test func `a gap between segments ends the log before it`() throws {
        let log = try openLog(directory) { $0.segmentBytes = 1_000 }
        for index in 0..<50 { try log.append(RecordBatchBuilder("value \(index)")) }
        let second = log.segments[1]
        unlink(second.path)
        let reopened = try openLog(directory) { $0.segmentBytes = 1_000 }
        #expect(reopened.endOffset == second.baseOffset)
        #expect(reopened.segments.count == 1)
    }

    @Test func `a repeated batch gets the offset it got before, also after a restart`() throws {
        let log = try openLog(directory)
        let batches = (0..<7).map {
            RecordBatchBuilder("v\($0)").idempotent(9, sequence: Int32($0))
        }
        for batch in batches { try log.append(batch) }
        #expect(try log.append(batches[6]) == 6)
        let reopened = try openLog(directory)
        #expect(try reopened.append(batches[3]) == 3)
        #expect(try reopened.append(batches[6]) == 6)
        #expect(reopened.endOffset == 7)
        #expect(throws: ErrorCode.duplicateSequence) { try reopened.append(batches[1]) }
        #expect(throws: ErrorCode.outOfOrderSequence) {
            try reopened.append(RecordBatchBuilder("x").idempotent(9, sequence: 8))
        }
    }

    @Test func `producers are known after an orderly stop, without reading the log`() throws {
        let log = try openLog(directory) { $0.segmentBytes = 500 }
        let batches = (0..<20).map {
            RecordBatchBuilder("v\($0)").idempotent(9, sequence: Int32($0))
        }
        for batch in batches { try log.append(batch) }
        try log.closeNow()
        let reopened = try openLog(directory)
        #expect(reopened.producers.entries == log.producers.entries)
        #expect(try reopened.append(batches[19]) == 19)
    }

    @Test func `a repeated batch of the same turn is found before it is written`() throws {
        let log = try openLog(directory)
        let batch = RecordBatchBuilder("a").idempotent(1, sequence: 0)
        #expect(try log.stage(batch).baseOffset == 0)
        #expect(try log.stage(batch).baseOffset == 0)
        log.flush()
        #expect(log.endOffset == 1)
    }

    @Test func `a write that fails takes everything back`() throws {
        let log = try openLog(directory)
        try log.append(RecordBatchBuilder("a").idempotent(1, sequence: 0))
        let before = log.producers.entries
        // Every further write to the file gets ENOSPC.
        let full = open("/dev/full", O_RDWR)
        let descriptor = try log.segments[0].file().descriptor
        let kept = dup(descriptor)
        dup2(full, descriptor)
        let staged = try log.stage(RecordBatchBuilder("b").idempotent(1, sequence: 1))
        #expect(!log.flush())
        #expect(log.failedFlushes.contains(staged.flush))
        #expect(log.endOffset == 1)
        #expect(log.visible.offset == 1)
        #expect(log.producers.entries == before)
        // The file could not be cut either, so the partition takes nothing until the next start.
        #expect(log.isOffline)
        #expect(throws: ErrorCode.storageError) { try log.append(RecordBatchBuilder("c")) }
        dup2(kept, descriptor)
        close(kept)
        close(full)
        let reopened = try openLog(directory)
        #expect(try reopened.append(RecordBatchBuilder("b").idempotent(1, sequence: 1)) == 1)
        #expect(try reopened.values() == ["a", "b"])
    }

    @Test func `old segments are deleted by size and by age`() throws {
        let log = try openLog(directory) { $0.segmentBytes = 1_000 }
        for index in 0..<100 {
            try log.append(RecordBatchBuilder("value \(index)").at(1_000_000 + Int64(index)))
        }
        let size = log.size
        log.applyRetention(now: 1_000_200, retentionMillis: nil, retentionBytes: Int64(size / 2))
        #expect(log.size < size)
        #expect(log.size >= size / 2)
        #expect(log.startOffset > 0)
        #expect(throws: ErrorCode.offsetOutOfRange) {
            try log.read(from: 0, bytesMax: 100, atLeastOne: true)
        }
        let kept = try log.values()
        #expect(kept.last == "value 99")
        log.applyRetention(now: 9_000_000, retentionMillis: 1_000, retentionBytes: nil)
        #expect(log.startOffset == 100)
        #expect(log.endOffset == 100)
        let reopened = try openLog(directory) { $0.segmentBytes = 1_000 }
        #expect(reopened.startOffset == 100)
        #expect(try reopened.append(RecordBatchBuilder("next")) == 100)
    }

    @Test func `the first record at or after a time is found`() throws {
        let log = try openLog(directory) { $0.segmentBytes = 20_000 }
        for batch in 0..<1_000 {
            try log.append(RecordBatchBuilder("a", "b").at(Int64(1_000 + batch * 10), step: 5))
        }
        #expect(try log.firstOffset(atOrAfter: 0)?.offset == 0)
        #expect(try log.firstOffset(atOrAfter: 1_000)?.offset == 0)
        #expect(try log.firstOffset(atOrAfter: 1_003)?.offset == 1)
        #expect(try log.firstOffset(atOrAfter: 6_001)?.offset == 1_001)
        #expect(try log.firstOffset(atOrAfter: 10_995)?.offset == 1_999)
        #expect(try log.firstOffset(atOrAfter: 10_996) == nil)
    }

    @Test func `consumers see records only once they are on the device, if so configured`() throws {
        let log = try openLog(directory) { $0.fsync = .always }
        try log.append(RecordBatchBuilder("a"))
        #expect(log.visible.offset == 0)
        #expect(try log.read(from: 0, bytesMax: 100, atLeastOne: true) == nil)
        let written = log.written
        try log.syncNow()
        log.show(written)
        #expect(try log.records(from: 0).count == 1)
    }
}
