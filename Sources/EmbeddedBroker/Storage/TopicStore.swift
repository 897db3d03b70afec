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
    }

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

    /// Opens all logs as the last process left them.
    init(directory: DataDirectory, environment: StorageEnvironment) throws(StorageError) {
        self.directory = directory
        self.environment = environment
        var clusterID = ""
        var known: [String: (partitions: Int32, overrides: [String: String])] = [:]
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
                let overrides = try reader.array { reader throws(WireError) in
                    (try reader.string(), try reader.string())
                }
                known[name] = (partitions, Dictionary(overrides) { $1 })
                deleted.remove(name)
            case RecordKind.topicDeleted:
                let name = try reader.string()
                known[name] = nil
                deleted.insert(name)
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
            let made = makeTopic(name, topic.partitions, topic.overrides)
            for log in made.partitions { try log.recover() }
            topics[name] = made
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
        let topic = makeTopic(name, partitions, overrides)
        for log in topic.partitions where FileSystem.exists(log.directory) {
            try FileSystem.removeDirectory(log.directory)
        }
        var record = WireWriter()
        record.int8(RecordKind.topicCreated)
        record.string(name)
        record.int32(partitions)
        record.array(Array(overrides)) { writer, override in
            writer.string(override.key)
            writer.string(override.value)
        }
        try commit(record)
        topics[name] = topic
        return topic
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
            environment.logBytes.add(-log.size)
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

    private func makeTopic(
        _ name: String, _ partitions: Int32, _ overrides: [String: String]
    ) -> Topic {
        let logs = (0..<partitions).map { partition in
            PartitionLog(
                topic: name, partition: partition,
                directory: directory.topicsPath + "/\(name)-\(partition)",
                environment: environment)
        }
        return Topic(name: name, overrides: overrides, partitions: logs)
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
