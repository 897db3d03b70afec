import Telemetry

/// What is deleted from a log: the oldest segments, never one that consumers or the sync still need.
extension PartitionLog {
    /// Deletes the oldest segments that are too old, too many, or deleted on demand.
    ///
    /// - Parameters:
    ///   - now: Unix milliseconds.
    ///   - retentionMillis: `nil` or negative keeps records for ever.
    ///   - retentionBytes: `nil` or negative sets no limit.
    func applyRetention(now: Int64, retentionMillis: Int64?, retentionBytes: Int64?) {
        guard !isOffline, !hasStaged else { return }
        do {
            if let active = segments.last, active.size > 0, visible == written {
                var isDue = lowWatermark >= endOffset
                if !isDue, let limit = retentionMillis, limit >= 0 {
                    isDue = try active.index(environment.scratch).isOlder(than: now - limit)
                }
                if isDue { try rollAndShow() }
            }
            while let oldest = deletableSegment {
                var isDue = segments[1].baseOffset <= lowWatermark
                if !isDue, let limit = retentionBytes, limit >= 0 {
                    isDue = Int64(size - oldest.size) >= limit
                }
                if !isDue, let limit = retentionMillis, limit >= 0 {
                    isDue = try oldest.index(environment.scratch).isOlder(than: now - limit)
                }
                guard isDue else { break }
                try deleteOldest(reason: "retention")
            }
        } catch {
            environment.logger.error(
                "retention failed", ["partition": name, "error": error.description])
        }
        for segment in segments.dropLast() {
            if segment.isCertified && !segment.wasUsed {
                segment.closeFile()
                segment.dropIndex()
            }
            segment.wasUsed = false
        }
    }

    /// Takes note that records before an offset were deleted, and frees the segments that held
    /// nothing else.
    ///
    /// - Parameter offset: at most the end of what consumers may see.
    func deleteRecords(before offset: Int64) {
        lowWatermark = max(lowWatermark, offset)
        applyRetention(now: 0, retentionMillis: nil, retentionBytes: nil)
    }

    /// Whether ``dropOldest()`` could free something now.
    ///
    /// - Parameter isActiveIncluded: whether the segment that is written to may go too.
    func canDropOldest(isActiveIncluded: Bool) -> Bool {
        guard !isOffline else { return false }
        if deletableSegment != nil { return true }
        return isActiveIncluded && !hasStaged && visible == written
            && (segments.last?.size ?? 0) > 0
    }

    /// Deletes the oldest segment, for the disk is full or may get no fuller.
    ///
    /// - Returns: whether it is gone.
    func dropOldest() -> Bool {
        do {
            if deletableSegment == nil { try rollAndShow() }
            guard deletableSegment != nil else { return false }
            try deleteOldest(reason: "disk cap")
            return true
        } catch {
            environment.logger.error(
                "the disk cap could not be kept", ["partition": name, "error": error.description])
            return false
        }
    }

    /// The oldest segment, where something younger than it is visible.
    private var deletableSegment: Segment? {
        guard segments.count > 1, let oldest = segments.first,
            oldest.baseOffset < visible.segment
        else { return nil }
        return oldest
    }

    private func rollAndShow() throws(StorageError) {
        try roll()
        show(written)
    }

    private func deleteOldest(reason: String) throws(StorageError) {
        let oldest = segments[0]
        if segments.count == 2, segments[1].size == 0, directoryNeedsSync {
            // The name of the empty segment is what keeps the log's end: it has to be safe first.
            try FileSystem.syncDirectory(directory)
        }
        try oldest.delete()
        closedSegments.removeAll { $0.segment === oldest }
        environment.countLogBytes(-oldest.size)
        segments.removeFirst()
        environment.logger.info(
            "segment deleted",
            ["partition": name, "reason": reason, "start_offset": String(startOffset)])
    }
}
