import Telemetry

extension PartitionLog {
    /// Opens the log as the last process left it.
    ///
    /// Segments before the last one with a valid index file are taken as they are. What follows is
    /// read batch by batch, checksums included; at the first batch that is not whole the log is cut.
    /// After a clean stop that is nothing.
    func recover() throws(StorageError) {
        let names = try FileSystem.list(directory)
        for name in names where name.hasSuffix(".tmp") {
            try FileSystem.remove(directory + "/" + name)
        }
        try openSegments(names)
        guard !segments.isEmpty else {
            endOffset = lowWatermark
            visible.offset = endOffset
            written = visible
            return
        }

        var first = 0
        var index = SegmentIndex()
        for candidate in segments.indices.reversed() {
            guard segments[candidate].isCertified,
                let found = try storedIndex(segments[candidate])
            else { continue }
            first = candidate
            index = found.index
            producers = found.producers
            break
        }
        // Where the last valid index file is an older one, the rest was never vouched for.
        for segment in segments[(first + 1)...] { segment.isCertified = false }
        segments[first].isCertified =
            index.validBytes == segments[first].size && first < segments.count - 1
        endOffset = segments[first].baseOffset
        if first == segments.count - 1 { vouchedBytes = index.validBytes }

        var position = first
        while position < segments.count {
            let segment = segments[position]
            guard segment.baseOffset == endOffset || position == first else {
                try discard(from: position, reason: "a segment does not follow the one before it")
                break
            }
            let isWhole = try recover(segment, index)
            index = SegmentIndex()
            position += 1
            if !isWhole, position < segments.count {
                try discard(from: position, reason: "the segment before it was cut")
                break
            }
        }
        for segment in segments.dropLast() where !segment.isCertified {
            let index = try segment.index(environment.scratch)
            closedSegments.append(
                (segment, index.encoded(baseOffset: segment.baseOffset, producers: producers)))
        }
        environment.countLogBytes(size)
        if let last = segments.last {
            written = LogPosition(
                offset: endOffset, segment: last.baseOffset, position: last.size)
            visible = written
        }
    }

    private func openSegments(_ names: [String]) throws(StorageError) {
        var bases: [Int64] = []
        for name in names where name.hasSuffix(Segment.logSuffix) {
            guard let base = Int64(name.dropLast(Segment.logSuffix.count)), base >= 0 else {
                throw StorageError("not a segment", directory + "/" + name, code: 0)
            }
            bases.append(base)
        }
        let indexes = Set(names.filter { $0.hasSuffix(Segment.indexSuffix) })
        // Written by a sync that went on while retention deleted the segment.
        for index in indexes.subtracting(bases.map { Segment.name($0) + Segment.indexSuffix }) {
            try FileSystem.remove(directory + "/" + index)
        }
        for base in bases.sorted() {
            let segment = Segment(
                directory: directory, baseOffset: base, size: 0,
                isCertified: indexes.contains(Segment.name(base) + Segment.indexSuffix))
            segment.size = try segment.file().size()
            segment.closeFile()
            segments.append(segment)
        }
    }

    private func storedIndex(
        _ segment: Segment
    ) throws(StorageError) -> (index: SegmentIndex, producers: ProducerTable)? {
        guard let bytes = try FileSystem.read(segment.indexPath),
            let stored = SegmentIndex.decode(bytes, baseOffset: segment.baseOffset),
            stored.index.validBytes <= segment.size
        else { return nil }
        return stored
    }

    /// Reads a segment from where its index ends; returns whether all of it is whole batches.
    private func recover(
        _ segment: Segment, _ known: SegmentIndex
    ) throws(StorageError) -> Bool {
        var index = known
        var position = index.validBytes
        endOffset = segment.baseOffset + index.recordCount
        let file = try segment.file()
        var window = ByteBlock(capacity: min(1_024 * 1_024, segment.size - position))
        var filled = 0..<0  // The part of the file that stands in the window.
        func fill(_ count: Int) throws(StorageError) -> Bool {
            if position >= filled.lowerBound, position + count <= filled.upperBound { return true }
            guard position + count <= segment.size else { return false }
            if count > window.capacity { window = ByteBlock(capacity: count) }
            let room = min(window.capacity, segment.size - position)
            let read = try file.read(into: window, 0..<room, at: position)
            filled = position..<position + read
            return read >= count
        }
        while position < segment.size {
            guard try fill(RecordBatchHeader.size) else { break }
            let header = RecordBatchHeader(window, at: position - filled.lowerBound)
            guard RecordBatchHeader.magic(window, at: position - filled.lowerBound) == 2,
                header.baseOffset == endOffset,
                header.isConsistent(within: segment.size - position),
                try fill(header.totalSize)
            else { break }
            let start = position - filled.lowerBound
            let checksum = window.crc32c(
                start + RecordBatchHeader.checksummedFrom..<start + header.totalSize)
            guard checksum == header.crc else { break }
            index.append(header, relativeOffset: header.baseOffset - segment.baseOffset)
            if header.hasProducer { producers.record(header, baseOffset: header.baseOffset) }
            endOffset = header.lastOffset + 1
            position += header.totalSize
        }
        segment.setIndex(index)
        guard position < segment.size else { return true }
        environment.logger.warning(
            "torn tail cut: the last write did not finish before the process or the machine died",
            [
                "partition": name, "bytes": String(segment.size - position),
                "end_offset": String(endOffset),
            ])
        try file.truncate(to: position)
        segment.size = position
        needsSync = true
        return false
    }

    private func discard(from position: Int, reason: String) throws(StorageError) {
        environment.logger.error(
            "segments discarded: \(reason)",
            ["partition": name, "count": String(segments.count - position)])
        for segment in segments[position...] { try segment.delete() }
        segments.removeSubrange(position...)
        directoryNeedsSync = true
    }
}
