import Telemetry

/// A place in a log: an offset, and the byte where it stands or will stand.
struct LogPosition: Equatable {
    var offset: Int64
    /// The base offset of the segment.
    var segment: Int64
    /// The byte in that segment.
    var position: Int
}

/// Some whole batches in one file, ready to be sent; the last one may be cut off.
struct LogSlice {
    let file: DiskFile
    let position: Int
    let count: Int
}

/// What became of a batch that a producer sent.
struct StagedBatch {
    let baseOffset: Int64
    /// Which ``PartitionLog/flush()`` writes it.
    let flush: Int
}

/// The log of one partition: record batches as they came, in segment files.
///
/// Loop thread only. Batches are staged in memory and written together by ``flush()`` at the end of
/// the loop's turn, before anybody is told that they are safe. Consumers see them once they are
/// written, or, under ``BrokerConfiguration/FsyncPolicy/always``, once they are on the device.
final class PartitionLog {
    let topic: String
    let partition: Int32
    let directory: String
    let environment: StorageEnvironment

    /// Oldest first, the last one is written to; none until the first batch comes.
    var segments: [Segment] = []
    /// The offset that the next batch gets, the staged ones counted.
    var endOffset: Int64 = 0
    /// Where what is written to the file ends.
    var written = LogPosition(offset: 0, segment: 0, position: 0)
    /// Where what consumers may see ends.
    var visible = LogPosition(offset: 0, segment: 0, position: 0)
    var producers = ProducerTable()
    /// What the topic sets for it.
    var settings = TopicSettings([:])
    /// Records before this offset were deleted on demand.
    var lowWatermark: Int64 = 0
    /// After a failure that leaves the file's state unknown, the partition refuses to write.
    private(set) var isOffline = false
    private var isDeleted = false
    /// Whether the syncer has it in its list.
    var isNotedForSync = false
    /// Whether a file was created since the directory was last synced.
    var directoryNeedsSync = false
    /// Whether bytes were written since the last sync.
    var needsSync = false
    /// Index files of closed segments that wait for their segment's sync.
    var closedSegments: [(segment: Segment, index: [UInt8])] = []
    /// How many bytes of the active segment the index file vouched for at start.
    var vouchedBytes = 0
    private var isFailing = false
    /// Fetches that wait for data.
    var waiters: [FetchWaiter] = []
    /// Places that readers are likely to ask for next.
    var hints: [LogPosition] = []
    var nextHint = 0

    private var staged: [UInt8] = []
    private var undo: Undo?
    private(set) var flushCount = 0
    private(set) var failedFlushes: Set<Int> = []

    /// What the last flush wrote, if little: the fetch that it wakes needs no read.
    private(set) var fresh: (file: DiskFile, position: Int, bytes: [UInt8])?
    static let freshBytesMax = 8 * 1_024

    /// What a failed flush takes back.
    private struct Undo {
        let endOffset: Int64
        let index: SegmentIndex
        var producers: [(id: Int64, previous: ProducerEntry?)] = []
    }

    init(topic: String, partition: Int32, directory: String, environment: StorageEnvironment) {
        self.topic = topic
        self.partition = partition
        self.directory = directory
        self.environment = environment
    }

    /// The first offset that is kept.
    var startOffset: Int64 {
        min(endOffset, max(lowWatermark, segments.first?.baseOffset ?? endOffset))
    }

    /// Bytes in all segments.
    var size: Int { segments.reduce(0) { $0 + $1.size } }

    /// Whether batches wait for ``flush()``.
    var hasStaged: Bool { !staged.isEmpty }

    var name: String { "\(topic)-\(partition)" }

    /// Gives a batch its offset and keeps it for the next ``flush()``.
    ///
    /// - Parameters:
    ///   - header: of the batch, validated.
    ///   - block: the memory of the request.
    ///   - range: the batch in it.
    /// - Returns: the offset of its first record; for a repeated batch, the one it got before.
    func stage(
        _ header: RecordBatchHeader, _ block: ByteBlock, _ range: Range<Int>
    ) throws(ErrorCode) -> StagedBatch {
        guard !isOffline else { throw .storageError }
        if case .duplicate(let baseOffset) = try producers.check(header) {
            return StagedBatch(baseOffset: baseOffset, flush: flushCount)
        }
        let active = try segmentWithRoom(for: range.count)
        if staged.isEmpty {
            staged = environment.takeBuffer()
            do {
                undo = Undo(endOffset: endOffset, index: try active.index(environment.scratch))
            } catch {
                throw failed(error)
            }
        }
        staged.append(contentsOf: block, range, baseOffset: endOffset)
        let baseOffset = endOffset
        active.appendToIndex(header, relativeOffset: baseOffset - active.baseOffset)
        endOffset += Int64(header.recordCount)
        if header.hasProducer {
            let previous = producers.record(header, baseOffset: baseOffset)
            undo?.producers.append((header.producerID, previous))
        }
        return StagedBatch(baseOffset: baseOffset, flush: flushCount)
    }

    /// Writes what was staged; a failure takes all of it back.
    ///
    /// - Returns: whether all that was staged is written.
    @discardableResult
    func flush() -> Bool {
        guard !staged.isEmpty, let active = segments.last, let undo else { return true }
        defer {
            self.undo = nil
            flushCount += 1
        }
        do {
            let position = active.size
            let file = try active.file()
            try file.write(staged, at: position)
            active.size += staged.count
            environment.countLogBytes(staged.count)
            needsSync = true
            isFailing = false
            fresh = staged.count <= Self.freshBytesMax ? (file, position, Array(staged[...])) : nil
            dropStaged()
            written = LogPosition(
                offset: endOffset, segment: active.baseOffset, position: active.size)
            if environment.configuration.fsync == .interval { show(written) }
            return true
        } catch {
            _ = failed(error)
            dropStaged()
            endOffset = undo.endOffset
            active.setIndex(undo.index)
            for (id, previous) in undo.producers.reversed() { producers.restore(id, previous) }
            failedFlushes.insert(flushCount)
            do {
                try active.file().truncate(to: active.size)
            } catch {
                takeOffline(error)
            }
            return false
        }
    }

    private func dropStaged() {
        let buffer = staged
        staged = []
        environment.giveBack(buffer)
    }

    /// Forgets which flushes failed, once everybody concerned was told.
    func forgetFailedFlushes() { failedFlushes.removeAll() }

    /// Lets consumers see the log up to a place that is safe.
    func show(_ end: LogPosition) {
        if end.offset >= visible.offset { visible = end }
    }

    /// Ends a log whose topic is deleted: whatever still happens to its files does not matter.
    func markDeleted() {
        isDeleted = true
        isOffline = true
    }

    /// Refuses all further writes until the next start, which reads what is really there.
    func takeOffline(_ error: StorageError) {
        guard !isDeleted else { return }
        isOffline = true
        environment.logger.error(
            "partition takes no more records until the broker is restarted: a file is in an "
                + "unknown state",
            ["partition": name, "error": error.description])
    }

    private func failed(_ error: StorageError) -> ErrorCode {
        // Once, not for each of the many times that producers will try.
        guard !isFailing else { return .storageError }
        isFailing = true
        environment.logger.error(
            "records could not be written; their producers were told",
            ["partition": name, "error": error.description])
        return .storageError
    }

    // MARK: - Segments

    private var segmentBytes: Int {
        settings.segmentBytes ?? environment.configuration.segmentBytes
    }

    private func segmentWithRoom(for count: Int) throws(ErrorCode) -> Segment {
        if let active = segments.last {
            let used = active.size + staged.count
            let isFull =
                used > 0 && used + count > segmentBytes
                || endOffset - active.baseOffset > Int64(Int32.max)
            if !isFull { return active }
            guard flush() else { throw .storageError }
        }
        do {
            return try roll()
        } catch {
            throw failed(error)
        }
    }

    /// Closes the active segment and begins a new one at ``endOffset``; nothing may be staged.
    @discardableResult
    func roll() throws(StorageError) -> Segment {
        precondition(staged.isEmpty)
        if segments.isEmpty {
            try FileSystem.createDirectories(directory)
        }
        let segment = try Segment.create(directory: directory, baseOffset: endOffset)
        directoryNeedsSync = true
        if let closed = segments.last {
            if closed.size == 0 && closed.baseOffset == segment.baseOffset {
                segments.removeLast()
            } else {
                let index = try closed.index(environment.scratch)
                closedSegments.append(
                    (closed, index.encoded(baseOffset: closed.baseOffset, producers: producers)))
            }
        }
        segments.append(segment)
        vouchedBytes = 0
        written = LogPosition(offset: endOffset, segment: segment.baseOffset, position: 0)
        return segment
    }
}

extension [UInt8] {
    /// Appends a batch with its base offset and partition leader epoch written in.
    fileprivate mutating func append(
        contentsOf block: ByteBlock, _ range: Range<Int>, baseOffset: Int64
    ) {
        // The request's memory is this broker's own, and nobody reads it again.
        block.store(baseOffset, at: range.lowerBound)
        block.store(Int32(0), at: range.lowerBound + RecordBatchHeader.prefixSize)
        unsafe block.withBytes(range) { unsafe append(contentsOf: $0) }
    }
}
