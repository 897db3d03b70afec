import Telemetry

/// A partition of a topic.
struct TopicPartition: Hashable {
    let topic: String
    let partition: Int32
}

/// How far a group got in a partition.
struct CommittedOffset: Equatable {
    var offset: Int64
    /// What the client sent; -1 where it sent none.
    var leaderEpoch: Int32
    var metadata: String
}

/// The offsets that groups committed, and who is in each group.
///
/// Loop thread only. The journal is written at the end of the loop's turn, after the records of that
/// turn; and it is synced after them.
final class OffsetStore {
    private enum RecordKind {
        static let committed: Int8 = 0
        static let removed: Int8 = 1
        static let groupRemoved: Int8 = 2
        static let groupUsed: Int8 = 3
        static let groupSettled: Int8 = 4
        static let groupEmptied: Int8 = 5
    }

    /// Below this size the journal is never rewritten, in bytes.
    private static let rewriteSizeMin = 8 * 1_024 * 1_024

    private(set) var groups: [String: [TopicPartition: CommittedOffset]] = [:]
    /// The groups with members, as they were when their last generation settled.
    private(set) var snapshots: [String: GroupSnapshot] = [:]
    /// When each group was last known to be used, in Unix milliseconds, as the journal has it.
    private var usedMillis: [String: Int64] = [:]
    let journal: Journal
    private let logger: Logger
    private var sizeAfterRewrite = 0
    /// Groups that committed since ``usedMillis`` was last brought up to date for them.
    private var usedSinceLook: Set<String> = []
    /// What the staged records replaced, for a write that fails.
    private var undo: [(group: String, partition: TopicPartition, previous: CommittedOffset?)] = []

    /// Reads the journal.
    init(path: String, logger: Logger) throws(StorageError) {
        self.logger = logger
        var groups: [String: [TopicPartition: CommittedOffset]] = [:]
        var usedMillis: [String: Int64] = [:]
        var snapshots: [String: GroupSnapshot] = [:]
        journal = try Journal(path: path, logger: logger) { reader throws(WireError) in
            let kind = try reader.int8()
            let group = try reader.string()
            switch kind {
            case RecordKind.committed:
                let partition = TopicPartition(
                    topic: try reader.string(), partition: try reader.int32())
                groups[group, default: [:]][partition] = CommittedOffset(
                    offset: try reader.int64(), leaderEpoch: try reader.int32(),
                    metadata: try reader.string())
            case RecordKind.removed:
                let partition = TopicPartition(
                    topic: try reader.string(), partition: try reader.int32())
                groups[group]?[partition] = nil
            case RecordKind.groupRemoved:
                groups[group] = nil
                usedMillis[group] = nil
            case RecordKind.groupUsed:
                usedMillis[group] = try reader.int64()
            case RecordKind.groupSettled:
                snapshots[group] = try GroupSnapshot(id: group, &reader)
            case RecordKind.groupEmptied:
                snapshots[group] = nil
            default:
                throw .invalidInteger
            }
        }
        self.groups = groups
        self.usedMillis = usedMillis
        self.snapshots = snapshots
    }

    func offset(_ group: String, _ partition: TopicPartition) -> CommittedOffset? {
        groups[group]?[partition]
    }

    /// Whether something waits for ``flush()``.
    var hasStaged: Bool { journal.hasStaged }

    /// Keeps an offset for the next ``flush()``.
    func commit(_ group: String, _ partition: TopicPartition, _ offset: CommittedOffset) {
        usedSinceLook.insert(group)
        undo.append((group, partition, groups[group]?[partition]))
        groups[group, default: [:]][partition] = offset
        journal.append(Self.record(group, partition, offset))
    }

    /// Keeps who is in a group for the next ``flush()``.
    func keep(_ snapshot: GroupSnapshot) {
        snapshots[snapshot.id] = snapshot
        journal.append(Self.record(snapshot))
    }

    /// Forgets who was in a group that has no members any more.
    func forgetMembers(of group: String) {
        guard snapshots.removeValue(forKey: group) != nil else { return }
        var record = WireWriter()
        record.int8(RecordKind.groupEmptied)
        record.string(group)
        journal.append(record)
    }

    /// Forgets what groups committed for a topic that is deleted.
    func removeTopic(_ topic: String) {
        for (group, offsets) in groups {
            for (partition, previous) in offsets where partition.topic == topic {
                undo.append((group, partition, previous))
                groups[group]?[partition] = nil
                var record = WireWriter()
                record.int8(RecordKind.removed)
                record.string(group)
                record.string(partition.topic)
                record.int32(partition.partition)
                journal.append(record)
            }
        }
    }

    /// Forgets all that a group committed.
    func removeGroup(_ group: String) {
        for (partition, previous) in groups[group] ?? [:] {
            undo.append((group, partition, previous))
        }
        groups[group] = nil
        usedMillis[group] = nil
        usedSinceLook.remove(group)
        var record = WireWriter()
        record.int8(RecordKind.groupRemoved)
        record.string(group)
        journal.append(record)
    }

    /// Forgets groups that were not used for long; for the next ``flush()``.
    ///
    /// A group counts as used when it commits and while it has members. That is noted now and then
    /// only, so that a group may be kept a tenth longer or, after a crash, shorter.
    ///
    /// - Returns: the groups that are forgotten.
    func expire(
        now: Int64, retentionMillis: Int64, hasMembers: (String) -> Bool
    ) -> [String] {
        var expired: [String] = []
        for group in groups.keys {
            let noted = usedMillis[group]
            let isUsed = noted == nil || usedSinceLook.contains(group) || hasMembers(group)
            let silence = now - (noted ?? now)
            if isUsed {
                // A clock that was set back must not keep a group for ever.
                if noted == nil || silence < 0 || silence >= retentionMillis / 10 {
                    note(group, usedAt: now)
                }
            } else if silence >= retentionMillis {
                expired.append(group)
            }
        }
        for group in expired { removeGroup(group) }
        return expired
    }

    private func note(_ group: String, usedAt millis: Int64) {
        usedMillis[group] = millis
        usedSinceLook.remove(group)
        journal.append(Self.use(group, millis))
    }

    /// Cuts offsets that lie beyond their log's end: the log lost its tail in a power failure.
    ///
    /// - Parameter end: the end of a partition's log; `nil` where the partition does not exist.
    func clamp(_ end: (TopicPartition) -> Int64?) {
        for (group, offsets) in groups {
            for (partition, committed) in offsets {
                guard let end = end(partition), committed.offset > end else { continue }
                logger.warning(
                    "committed offset set back to the end of the log",
                    [
                        "group": group, "topic": partition.topic,
                        "partition": String(partition.partition),
                        "committed": String(committed.offset), "end": String(end),
                    ])
                var clamped = committed
                clamped.offset = end
                commit(group, partition, clamped)
            }
        }
    }

    /// Writes what was committed; after an error nothing of it counts.
    func flush() throws(StorageError) {
        defer { undo.removeAll(keepingCapacity: undo.count < 1_024) }
        do {
            try journal.flush()
        } catch {
            for (group, partition, previous) in undo.reversed() {
                if previous != nil || groups[group] != nil {
                    groups[group, default: [:]][partition] = previous
                }
            }
            throw error
        }
        if journal.size > max(Self.rewriteSizeMin, 4 * sizeAfterRewrite) { rewrite() }
    }

    /// Replaces the journal by what counts now.
    private func rewrite() {
        var records: [WireWriter] = []
        for (group, offsets) in groups {
            for (partition, offset) in offsets {
                records.append(Self.record(group, partition, offset))
            }
            if !offsets.isEmpty, let millis = usedMillis[group] {
                records.append(Self.use(group, millis))
            }
        }
        for snapshot in snapshots.values { records.append(Self.record(snapshot)) }
        do {
            try journal.rewrite(records)
        } catch {
            logger.error(
                "the offsets journal could not be made smaller",
                ["error": error.description])
        }
        sizeAfterRewrite = journal.size
    }

    private static func record(_ snapshot: GroupSnapshot) -> WireWriter {
        var record = WireWriter(capacity: 256)
        record.int8(RecordKind.groupSettled)
        record.string(snapshot.id)
        snapshot.write(to: &record)
        return record
    }

    private static func use(_ group: String, _ millis: Int64) -> WireWriter {
        var record = WireWriter()
        record.int8(RecordKind.groupUsed)
        record.string(group)
        record.int64(millis)
        return record
    }

    private static func record(
        _ group: String, _ partition: TopicPartition, _ offset: CommittedOffset
    ) -> WireWriter {
        var record = WireWriter(capacity: 64)
        record.int8(RecordKind.committed)
        record.string(group)
        record.string(partition.topic)
        record.int32(partition.partition)
        record.int64(offset.offset)
        record.int32(offset.leaderEpoch)
        record.string(offset.metadata)
        return record
    }
}
