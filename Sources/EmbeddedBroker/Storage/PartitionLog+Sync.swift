import Telemetry

/// What the sync thread does for one partition.
struct LogSyncWork: Sendable {
    /// A closed segment: its bytes first, then the index file that vouches for them.
    struct Closed: Sendable {
        let baseOffset: Int64
        /// `nil` where the bytes are on the device already.
        let file: DiskFile?
        let indexPath: String
        let index: [UInt8]
    }

    var closed: [Closed] = []
    /// The segment that is written to.
    var active: DiskFile?
    /// The partition's directory, where a file was created in it.
    var directory: String?

    /// What came of it.
    struct Outcome: Sendable {
        /// The segments whose index file is written.
        var certified: [Int64] = []
        /// Why some index files are not: their segments are read in full after a crash.
        var indexFailure: StorageError?
    }

    /// Forces everything to the device; blocks.
    func run() throws(StorageError) -> Outcome {
        var outcome = Outcome()
        if let directory { try FileSystem.syncDirectory(directory) }
        for segment in closed {
            try segment.file?.sync()
            do throws(StorageError) {
                // A power failure may damage the index, which its checksum then tells.
                try FileSystem.replace(segment.indexPath, with: segment.index, isSynced: false)
                outcome.certified.append(segment.baseOffset)
            } catch {
                outcome.indexFailure = error
            }
        }
        try active?.sync()
        return outcome
    }
}

extension PartitionLog {
    /// Whether something has to be forced to the device.
    var hasUnsynced: Bool {
        !isOffline && (needsSync || directoryNeedsSync || !closedSegments.isEmpty)
    }

    /// What has to be forced to the device; `nil` where everything is there.
    func takeSyncWork() -> LogSyncWork? {
        guard hasUnsynced else { return nil }
        var work = LogSyncWork()
        do {
            for (segment, index) in closedSegments {
                work.closed.append(
                    LogSyncWork.Closed(
                        baseOffset: segment.baseOffset,
                        file: segment !== segments.last || needsSync ? try segment.file() : nil,
                        indexPath: segment.indexPath, index: index))
            }
            if needsSync, closedSegments.last?.segment !== segments.last {
                work.active = try segments.last?.file()
            }
        } catch {
            takeOffline(error)
            return nil
        }
        if directoryNeedsSync { work.directory = directory }
        closedSegments = []
        needsSync = false
        directoryNeedsSync = false
        return work
    }

    /// Takes note that the work is done.
    func syncSucceeded(_ outcome: LogSyncWork.Outcome) {
        for segment in segments where outcome.certified.contains(segment.baseOffset) {
            segment.isCertified = segment !== segments.last
        }
        if let error = outcome.indexFailure {
            environment.logger.warning(
                "an index file could not be written: the segment is read in full after a crash",
                ["partition": name, "error": error.description])
        }
    }

    /// What a clean stop writes for the active segment, once its bytes are on the device.
    func closingWork() -> LogSyncWork? {
        guard !isOffline, let active = segments.last, active.size > 0,
            vouchedBytes != active.size
        else { return takeSyncWork() }
        do {
            let index = try active.index(environment.scratch)
            closedSegments.append(
                (active, index.encoded(baseOffset: active.baseOffset, producers: producers)))
        } catch {
            takeOffline(error)
        }
        return takeSyncWork()
    }
}
