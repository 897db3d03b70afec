/// Where batches stand in a segment: one entry for every ``interval`` bytes or so.
///
/// Written beside the segment once the segment's bytes are on the device: an index file vouches for
/// the first ``validBytes`` of its segment, and recovery reads only what comes after them. It also
/// holds the idempotent producers as they were at that point.
struct SegmentIndex {
    /// One batch of the segment.
    struct Entry: Equatable {
        /// The batch's base offset, less the segment's.
        let relativeOffset: UInt32
        /// Where the batch begins, in bytes.
        let position: UInt32
        /// The greatest timestamp of the batches before this one, in Unix milliseconds.
        let maxTimestampBefore: Int64
    }

    /// Bytes between two entries, at least.
    static let interval = 16 * 1_024
    /// The timestamp of a segment without records.
    static let noTimestamp: Int64 = -1

    private static let magic: Int32 = 0x4846_4958  // "HFIX"
    private static let version: Int16 = 1

    private(set) var entries: [Entry] = []
    /// The greatest timestamp of the segment, in Unix milliseconds.
    private(set) var maxTimestamp = Self.noTimestamp
    /// Bytes of the segment that the index knows.
    private(set) var validBytes = 0
    /// The offset after the last batch that the index knows, less the segment's base offset.
    private(set) var recordCount: Int64 = 0
    private var nextEntryPosition = 0

    /// Takes note of a batch that was appended.
    mutating func append(_ header: RecordBatchHeader, relativeOffset: Int64) {
        if validBytes >= nextEntryPosition {
            entries.append(
                Entry(
                    relativeOffset: UInt32(truncatingIfNeeded: relativeOffset),
                    position: UInt32(truncatingIfNeeded: validBytes),
                    maxTimestampBefore: maxTimestamp))
            nextEntryPosition = validBytes + Self.interval
        }
        maxTimestamp = max(maxTimestamp, header.maxTimestamp)
        validBytes += header.totalSize
        recordCount = relativeOffset &+ Int64(header.lastOffsetDelta) &+ 1
    }

    /// Whether all records are older; where none has a timestamp, that cannot be told.
    func isOlder(than timestamp: Int64) -> Bool {
        maxTimestamp != Self.noTimestamp && maxTimestamp < timestamp
    }

    /// The last entry at or before an offset; `nil` in an empty segment.
    func entry(atOrBefore relativeOffset: Int64) -> Entry? {
        let index = entries.partitioningIndex { Int64($0.relativeOffset) > relativeOffset }
        return index > 0 ? entries[index - 1] : nil
    }

    /// The last entry at or before a position in the file.
    func entry(atOrBeforePosition position: Int) -> Entry? {
        let index = entries.partitioningIndex { Int($0.position) > position }
        return index > 0 ? entries[index - 1] : nil
    }

    /// The last entry from which on a batch with this timestamp or a later one can stand first.
    func entry(before timestamp: Int64) -> Entry? {
        let index = entries.partitioningIndex { $0.maxTimestampBefore >= timestamp }
        return index > 0 ? entries[index - 1] : nil
    }

    // MARK: - File

    /// The bytes of the index file.
    func encoded(baseOffset: Int64, producers: ProducerTable) -> [UInt8] {
        var writer = WireWriter(capacity: 64 + entries.count * 16)
        writer.int32(Self.magic)
        writer.int16(Self.version)
        writer.int64(baseOffset)
        writer.int64(Int64(validBytes))
        writer.int64(recordCount)
        writer.int64(maxTimestamp)
        writer.array(entries) { writer, entry in
            writer.uint32(entry.relativeOffset)
            writer.uint32(entry.position)
            writer.int64(entry.maxTimestampBefore)
        }
        producers.write(to: &writer)
        writer.uint32(crc32c(writer.bytes))
        return writer.bytes
    }

    init() {}

    /// Reads an index file; `nil` where it is damaged or of another segment.
    static func decode(
        _ bytes: [UInt8], baseOffset: Int64
    ) -> (index: SegmentIndex, producers: ProducerTable)? {
        guard bytes.count > 4 else { return nil }
        do {
            let block = ByteBlock(copying: bytes)
            let end = bytes.count - 4
            guard block.integer(UInt32.self, at: end) == block.crc32c(0..<end) else { return nil }
            var reader = WireReader(block, 0..<end)
            guard try reader.int32() == magic, try reader.int16() == version,
                try reader.int64() == baseOffset
            else { return nil }
            var index = SegmentIndex()
            index.validBytes = Int(try reader.int64())
            index.recordCount = try reader.int64()
            index.maxTimestamp = try reader.int64()
            index.entries = try reader.array { reader throws(WireError) in
                Entry(
                    relativeOffset: try reader.uint32(), position: try reader.uint32(),
                    maxTimestampBefore: try reader.int64())
            }
            index.nextEntryPosition = index.entries.last.map { Int($0.position) + interval } ?? 0
            return (index, try ProducerTable(&reader))
        } catch {
            return nil
        }
    }
}

extension RandomAccessCollection {
    /// The first index from which on `belongsAfter` holds, in a collection partitioned by it.
    func partitioningIndex(where belongsAfter: (Element) -> Bool) -> Index {
        var low = startIndex
        var count = self.count
        while count > 0 {
            let half = count / 2
            let middle = index(low, offsetBy: half)
            if belongsAfter(self[middle]) {
                count = half
            } else {
                low = index(after: middle)
                count -= half + 1
            }
        }
        return low
    }
}
