import Telemetry
import Threading

/// What is forgotten as time goes by and as the disk fills.
extension BrokerCore {
    /// How long the cap on the disk may be exceeded before it is looked at.
    private static let diskCheckDelay = Duration.milliseconds(100)

    func scheduleRetention() {
        retentionTimer = loop.schedule(after: configuration.retentionCheckInterval) {
            [weak self] in
            guard let self else { return }
            applyRetention()
            expireOffsets()
            scheduleRetention()
        }
    }

    func applyRetention() {
        let now = wallClockMillis()
        let retentionMillis = configuration.retention.map(\.wholeMilliseconds)
        let retentionBytes = configuration.retentionBytes.map { Int64($0) }
        for topic in topics.topics.values {
            for log in topic.partitions {
                log.applyRetention(
                    now: now,
                    retentionMillis: topic.settings.retentionMillis ?? retentionMillis,
                    retentionBytes: topic.settings.retentionBytes ?? retentionBytes)
                syncer.note(log)
            }
        }
        checkDiskCap()
    }

    /// Forgets what groups committed that have had no members for long.
    private func expireOffsets() {
        guard let retention = configuration.offsetsRetention else { return }
        let now = wallClockMillis()
        let expired = offsets.expire(now: now, retentionMillis: retention.wholeMilliseconds) {
            groups.groups[$0].map { !$0.members.isEmpty } ?? false
        }
        for group in expired {
            logger.info("committed offsets of a group that is long gone deleted", ["group": group])
        }
        if offsets.hasStaged { scheduleTurnEnd() }
    }

    // MARK: - The disk

    /// Has segments deleted soon where all logs together are larger than allowed.
    func checkDiskCap() {
        guard let cap = configuration.diskBytesMax, environment.logBytes > cap,
            diskCheckTimer == nil
        else { return }
        diskCheckTimer = loop.schedule(after: Self.diskCheckDelay) { [weak self] in
            guard let self else { return }
            diskCheckTimer = nil
            trim(to: cap)
        }
    }

    /// Deletes the oldest segment of the largest partition until the logs are small enough.
    ///
    /// Segments that are still written to are spared as long as others are left.
    private func trim(to cap: Int) {
        while environment.logBytes > cap {
            guard
                let log = largestLog(isActiveIncluded: false) ?? largestLog(isActiveIncluded: true),
                log.dropOldest()
            else { return }
            syncer.note(log)
        }
    }

    private func largestLog(isActiveIncluded: Bool) -> PartitionLog? {
        var largest: (log: PartitionLog, size: Int)?
        topics.forEachLog { log in
            let size = log.size
            guard size > largest?.size ?? 0,
                log.canDropOldest(isActiveIncluded: isActiveIncluded)
            else { return }
            largest = (log, size)
        }
        return largest?.log
    }
}
