import Telemetry

extension PartitionLog {
    /// Finds the batches from an offset on.
    ///
    /// - Parameters:
    ///   - offset: the first one that is wanted; the first batch may begin before it.
    ///   - bytesMax: the most bytes to find.
    ///   - atLeastOne: whether the first batch is wanted even if it is larger than that.
    /// - Returns: `nil` where there is nothing yet.
    /// - Throws: `offsetOutOfRange` below the start of the log or above its end.
    func read(
        from offset: Int64, bytesMax: Int, atLeastOne: Bool
    ) throws(ErrorCode) -> LogSlice? {
        guard offset >= startOffset, offset <= endOffset else { throw .offsetOutOfRange }
        guard offset < visible.offset, bytesMax > 0 || atLeastOne else { return nil }
        do {
            return try slice(from: offset, bytesMax: bytesMax, atLeastOne: atLeastOne)
        } catch {
            environment.logger.error(
                "records could not be read", ["partition": name, "error": error.description])
            throw .storageError
        }
    }

    private func slice(
        from offset: Int64, bytesMax: Int, atLeastOne: Bool
    ) throws(StorageError) -> LogSlice? {
        let (segment, position) = try locate(offset)
        let isLast = segment.baseOffset == visible.segment
        let limit = isLast ? visible.position : segment.size
        guard position < limit else { return nil }
        let wanted = position + bytesMax
        var end = limit
        if wanted >= limit {
            if isLast { remember(visible) }
        } else if let entry = try segment.index(environment.scratch)
            .entry(atOrBeforePosition: wanted), Int(entry.position) > position
        {
            end = Int(entry.position)
            remember(
                LogPosition(
                    offset: segment.baseOffset + Int64(entry.relativeOffset),
                    segment: segment.baseOffset, position: end))
        } else {
            var firstSize = 0
            try segment.scan(from: position, to: limit, environment.scratch) { header, _ in
                firstSize = header.totalSize
                return false
            }
            if firstSize > bytesMax && !atLeastOne { return nil }
            end = min(limit, max(wanted, position + firstSize))
        }
        return LogSlice(file: try segment.file(), position: position, count: end - position)
    }

    /// Where the batch with an offset begins, which is not beyond the end.
    private func locate(_ offset: Int64) throws(StorageError) -> (Segment, Int) {
        let after = segments.partitioningIndex { $0.baseOffset > offset }
        let segment = segments[after - 1]
        if segment.baseOffset == offset { return (segment, 0) }
        let hint = hints.first { $0.offset == offset && $0.segment == segment.baseOffset }
        if let hint { return (segment, hint.position) }
        let entry = try segment.index(environment.scratch)
            .entry(atOrBefore: offset - segment.baseOffset)
        var found = Int(entry?.position ?? 0)
        try segment.scan(from: found, to: segment.size, environment.scratch) { header, position in
            found = position
            return header.lastOffset < offset
        }
        return (segment, found)
    }

    private func remember(_ place: LogPosition) {
        if hints.contains(place) { return }
        if hints.count < 4 {
            hints.append(place)
        } else {
            hints[nextHint] = place
            nextHint = (nextHint + 1) % hints.count
        }
    }

    /// How many bytes a consumer at an offset could read now; 0 where that cannot be told.
    func bytesAvailable(from offset: Int64) -> Int {
        guard offset < visible.offset, let (segment, position) = try? locate(offset) else {
            return 0
        }
        if segment.baseOffset == visible.segment { return visible.position - position }
        var bytes = segment.size - position
        for later in segments.reversed() {
            if later.baseOffset <= segment.baseOffset { break }
            if later.baseOffset < visible.segment { bytes += later.size }
            if later.baseOffset == visible.segment { bytes += visible.position }
        }
        return bytes
    }

    /// Where the bytes of a small slice are, once they are in memory.
    enum Loaded {
        case fresh(ArraySlice<UInt8>)
        /// At the beginning of the scratch block, until that is used again.
        case scratch(count: Int)
    }

    /// Brings a slice into memory; it must not be larger than the scratch block.
    func load(_ slice: LogSlice) throws(ErrorCode) -> Loaded {
        if let fresh, fresh.file === slice.file, slice.position >= fresh.position,
            slice.position + slice.count <= fresh.position + fresh.bytes.count
        {
            let start = slice.position - fresh.position
            return .fresh(fresh.bytes[start..<start + slice.count])
        }
        do throws(StorageError) {
            let count = try slice.file.read(
                into: environment.scratch, 0..<slice.count, at: slice.position)
            guard count == slice.count else {
                throw StorageError("unexpected end", slice.file.path, code: 0)
            }
            return .scratch(count: count)
        } catch {
            environment.logger.error(
                "records could not be read", ["partition": name, "error": error.description])
            throw .storageError
        }
    }

    /// The first record with a timestamp or a later one; `nil` where there is none.
    ///
    /// In a compressed batch the answer is the batch's first record, which may be earlier than
    /// asked: looking inside would need every compression here. No later record is ever skipped.
    func firstOffset(
        atOrAfter timestamp: Int64
    ) throws(ErrorCode) -> (offset: Int64, timestamp: Int64)? {
        do {
            for segment in segments where segment.baseOffset <= visible.segment {
                let index = try segment.index(environment.scratch)
                guard index.maxTimestamp >= timestamp else { continue }
                let limit =
                    segment.baseOffset == visible.segment ? visible.position : segment.size
                let start = Int(index.entry(before: timestamp)?.position ?? 0)
                var found: (RecordBatchHeader, Int)?
                try segment.scan(from: start, to: limit, environment.scratch) { header, position in
                    guard header.maxTimestamp >= timestamp else { return true }
                    found = (header, position)
                    return false
                }
                guard let (header, position) = found else { continue }
                let record = try firstRecord(
                    atOrAfter: timestamp, in: header, segment.file(), position)
                // Of records deleted on demand the bytes may still be there.
                guard startOffset < visible.offset else { return nil }
                return (max(record.offset, startOffset), record.timestamp)
            }
            return nil
        } catch {
            environment.logger.error(
                "records could not be read", ["partition": name, "error": error.description])
            throw .storageError
        }
    }

    private func firstRecord(
        atOrAfter timestamp: Int64, in header: RecordBatchHeader, _ file: DiskFile,
        _ position: Int
    ) throws(StorageError) -> (offset: Int64, timestamp: Int64) {
        let logAppendTime = header.attributes & 0x08 != 0
        let start = (header.baseOffset, logAppendTime ? header.maxTimestamp : header.baseTimestamp)
        if header.isCompressed || logAppendTime || header.baseTimestamp >= timestamp {
            return start
        }
        let block = ByteBlock(capacity: header.totalSize)
        let count = try file.read(into: block, 0..<header.totalSize, at: position)
        var reader = WireReader(block, min(RecordBatchHeader.size, count)..<count)
        do throws(WireError) {
            for _ in 0..<header.recordCount {
                let length = try reader.varint()
                let before = reader.remaining
                _ = try reader.int8()
                let recordTimestamp = header.baseTimestamp &+ (try reader.varint())
                let offset = header.baseOffset &+ (try reader.varint())
                if recordTimestamp >= timestamp { return (offset, recordTimestamp) }
                try reader.skip(Int(length) &- (before - reader.remaining))
            }
        } catch {
            return start
        }
        return start
    }
}
