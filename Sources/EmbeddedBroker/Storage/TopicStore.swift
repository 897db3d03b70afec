import Telemetry

/// All topics, and what else the broker has to remember of itself.
///
/// Loop thread only. Every change is in the journal, and on the device, before it is answered.
final class TopicStore {
    private enum RecordKind {
        static let clusterID: Int8 = 0
        static let topicCreated: Int8 = 1
        static let topicDeleted: Int8 = 2
        static let producerIDsReserved: Int8 = 3
        static let partitionsAdded: Int8 = 4
        static let topicConfigured: Int8 = 5
        static let recordsDeleted: Int8 = 6
    }

    /// What the journal tells of a topic.
    private struct StoredTopic {
        var partitions: Int32
        var overrides: [String: String]
        /// By partition.
        var lowWatermarks: [Int32: Int64] = [:]
    }

    /// Below this size the journal is never rewritten, in bytes.
    private static let rewriteSizeMin = 1_024 * 1_024
    /// Producer IDs are reserved on disk in blocks of this size.
    private static let producerIDBlock: Int64 = 1_000

    private(set) var topics: [String: Topic] = [:]
    /// The cluster's ID, as clients see it.
    private(set) var clusterID = ""

    private let environment: StorageEnvironment
    private let directory: DataDirectory
    private let journal: Journal
    private var nextProducerID: Int64
    private var reservedProducerIDs: Int64
    private var sizeAfterRewrite = 0

    /// Opens all logs as the last process left them.
    init(directory: DataDirectory, environment: StorageEnvironment) throws(StorageError) {
        self.directory = directory
        self.environment = environment
        var clusterID = ""
        var known: [String: StoredTopic] = [:]
        var deleted: Set<String> = []
        var reserved: Int64 = 0
        journal = try Journal(
            path: directory.metadataPath, logger: environment.logger
        ) { reader throws(WireError) in
            switch try reader.int8() {
            case RecordKind.clusterID:
                clusterID = try reader.string()
            case RecordKind.topicCreated:
                let name = try reader.string()
                let partitions = try reader.int32()
                known[name] = StoredTopic(
                    partitions: partitions, overrides: try Self.readOverrides(&reader))
                deleted.remove(name)
            case RecordKind.topicDeleted:
                let name = try reader.string()
                known[name] = nil
                deleted.insert(name)
            case RecordKind.partitionsAdded:
                let name = try reader.string()
                known[name]?.partitions = try reader.int32()
            case RecordKind.topicConfigured:
                let name = try reader.string()
                known[name]?.overrides = try Self.readOverrides(&reader)
            case RecordKind.recordsDeleted:
                let name = try reader.string()
                let partition = try reader.int32()
                known[name]?.lowWatermarks[partition] = try reader.int64()
            case RecordKind.producerIDsReserved:
                reserved = try reader.int64()
            default:
                throw .invalidInteger
            }
        }
        nextProducerID = reserved
        reservedProducerIDs = reserved
        self.clusterID = clusterID
        if clusterID.isEmpty { try makeClusterID() }
        for (name, topic) in known {
            let logs = makeLogs(name, 0..<topic.partitions)
            for log in logs {
                log.lowWatermark = topic.lowWatermarks[log.partition] ?? 0
                try log.recover()
            }
            topics[name] = Topic(name: name, overrides: topic.overrides, partitions: logs)
        }
        try removeLeftovers(of: deleted)
    }

    func log(_ topic: String, _ partition: Int32) -> PartitionLog? {
        topics[topic]?.partition(partition)
    }

    /// Every partition's log.
    func forEachLog(_ body: (PartitionLog) -> Void) {
        for topic in topics.values {
            for log in topic.partitions { body(log) }
        }
    }

    /// Creates a topic whose name and settings were checked.
    func create(
        _ name: String, partitions: Int32, overrides: [String: String]
    ) throws(StorageError) -> Topic {
        let logs = makeLogs(name, 0..<partitions)
        try removeDirectories(of: logs)
        try commit(Self.creation(name, partitions, overrides))
        let topic = Topic(name: name, overrides: overrides, partitions: logs)
        topics[name] = topic
        return topic
    }

    /// Gives a topic further partitions; the number was checked.
    func grow(_ topic: Topic, to partitions: Int32) throws(StorageError) {
        let logs = makeLogs(topic.name, Int32(topic.partitions.count)..<partitions)
        try removeDirectories(of: logs)
        var record = WireWriter()
        record.int8(RecordKind.partitionsAdded)
        record.string(topic.name)
        record.int32(partitions)
        try commit(record)
        topic.add(logs)
    }

    /// Gives a topic other settings, which were checked.
    func configure(_ topic: Topic, _ overrides: [String: String]) throws(StorageError) {
        var record = WireWriter()
        record.int8(RecordKind.topicConfigured)
        record.string(topic.name)
        Self.write(overrides, to: &record)
        try commit(record)
        topic.configure(overrides)
    }

    /// Deletes records before an offset that consumers may see.
    func deleteRecords(of log: PartitionLog, before offset: Int64) throws(StorageError) {
        try commit(Self.recordDeletion(log, before: offset))
        log.deleteRecords(before: offset)
        rewriteIfLarge()
    }

    /// Deletes a topic and its records.
    func delete(_ topic: Topic) throws(StorageError) {
        var record = WireWriter()
        record.int8(RecordKind.topicDeleted)
        record.string(topic.name)
        try commit(record)
        topics[topic.name] = nil
        for log in topic.partitions {
            log.markDeleted()
            environment.countLogBytes(-log.size)
            do {
                try FileSystem.removeDirectory(log.directory)
            } catch {
                environment.logger.warning(
                    "a deleted partition's files are left until the next start",
                    ["partition": log.name, "error": error.description])
            }
        }
    }

    /// A producer ID that was never given out before.
    func makeProducerID() throws(StorageError) -> Int64 {
        if nextProducerID == reservedProducerIDs {
            let end = reservedProducerIDs + Self.producerIDBlock
            var record = WireWriter()
            record.int8(RecordKind.producerIDsReserved)
            record.int64(end)
            try commit(record)
            reservedProducerIDs = end
        }
        defer { nextProducerID += 1 }
        return nextProducerID
    }

    private func makeLogs(_ topic: String, _ partitions: Range<Int32>) -> [PartitionLog] {
        partitions.map { partition in
            PartitionLog(
                topic: topic, partition: partition,
                directory: directory.topicsPath + "/\(topic)-\(partition)",
                environment: environment)
        }
    }

    /// Removes what a deleted topic of the same name may have left.
    private func removeDirectories(of logs: [PartitionLog]) throws(StorageError) {
        for log in logs where FileSystem.exists(log.directory) {
            try FileSystem.removeDirectory(log.directory)
        }
    }

    private func makeClusterID() throws(StorageError) {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        clusterID = String((0..<22).compactMap { _ in alphabet.randomElement() })
        var record = WireWriter()
        record.int8(RecordKind.clusterID)
        record.string(clusterID)
        try commit(record)
        try FileSystem.syncDirectory(directory.path)
    }

    /// These records are rare and small, so that the loop waits for the device.
    private func commit(_ record: WireWriter) throws(StorageError) {
        journal.append(record)
        try journal.flush()
        try journal.file.sync()
    }

    // MARK: - Records

    private static func creation(
        _ name: String, _ partitions: Int32, _ overrides: [String: String]
    ) -> WireWriter {
        var record = WireWriter()
        record.int8(RecordKind.topicCreated)
        record.string(name)
        record.int32(partitions)
        write(overrides, to: &record)
        return record
    }

    private static func recordDeletion(
        _ log: PartitionLog, before offset: Int64
    ) -> WireWriter {
        var record = WireWriter()
        record.int8(RecordKind.recordsDeleted)
        record.string(log.topic)
        record.int32(log.partition)
        record.int64(offset)
        return record
    }

    private static func write(_ overrides: [String: String], to record: inout WireWriter) {
        record.array(Array(overrides)) { writer, override in
            writer.string(override.key)
            writer.string(override.value)
        }
    }

    private static func readOverrides(
        _ reader: inout WireReader
    ) throws(WireError) -> [String: String] {
        let overrides = try reader.array { reader throws(WireError) in
            (try reader.string(), try reader.string())
        }
        return Dictionary(overrides) { $1 }
    }

    /// Replaces a journal that has grown by what counts now.
    private func rewriteIfLarge() {
        guard journal.size > max(Self.rewriteSizeMin, 4 * sizeAfterRewrite) else { return }
        var identity = WireWriter()
        identity.int8(RecordKind.clusterID)
        identity.string(clusterID)
        var reservation = WireWriter()
        reservation.int8(RecordKind.producerIDsReserved)
        reservation.int64(reservedProducerIDs)
        var records = [identity, reservation]
        for topic in topics.values {
            records.append(
                Self.creation(topic.name, Int32(topic.partitions.count), topic.overrides))
            for log in topic.partitions where log.lowWatermark > 0 {
                records.append(Self.recordDeletion(log, before: log.lowWatermark))
            }
        }
        do {
            try journal.rewrite(records)
        } catch {
            environment.logger.error(
                "the topics journal could not be made smaller", ["error": error.description])
        }
        sizeAfterRewrite = journal.size
    }

    /// Deletes what a crash left of deleted topics; a directory that nobody knows is only reported.
    private func removeLeftovers(of deleted: Set<String>) throws(StorageError) {
        for entry in try FileSystem.list(directory.topicsPath) {
            guard let dash = entry.lastIndex(of: "-"),
                let partition = Int32(entry[entry.index(after: dash)...])
            else { continue }
            let name = String(entry[..<dash])
            if log(name, partition) != nil { continue }
            let path = directory.topicsPath + "/" + entry
            if deleted.contains(name) {
                try FileSystem.removeDirectory(path)
            } else {
                environment.logger.warning(
                    "a directory belongs to no topic and was left alone", ["path": path])
            }
        }
    }
}
