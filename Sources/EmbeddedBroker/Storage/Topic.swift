/// A topic: its partitions and its settings.
final class Topic {
    let name: String
    /// The settings that differ from the broker's, by Kafka's names.
    private(set) var overrides: [String: String]
    private(set) var partitions: [PartitionLog]

    init(name: String, overrides: [String: String], partitions: [PartitionLog]) {
        self.name = name
        self.overrides = overrides
        self.partitions = partitions
        settings = TopicSettings(overrides)
        for log in partitions { log.settings = settings }
    }

    /// The overrides as numbers.
    private(set) var settings: TopicSettings

    /// Takes over settings that were checked.
    func configure(_ overrides: [String: String]) {
        self.overrides = overrides
        settings = TopicSettings(overrides)
        for log in partitions { log.settings = settings }
    }

    /// Takes over further partitions, whose numbers follow those that are there.
    func add(_ logs: [PartitionLog]) {
        for log in logs { log.settings = settings }
        partitions += logs
    }

    /// The log of a partition; `nil` for a number that does not exist.
    func partition(_ index: Int32) -> PartitionLog? {
        partitions.indices.contains(Int(index)) ? partitions[Int(index)] : nil
    }

    /// Whether Kafka allows the name.
    static func isValidName(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 249, name != ".", name != ".." else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
    }
}

/// A topic's settings, as far as this broker has them.
struct TopicSettings {
    /// Milliseconds; -1 keeps records for ever; `nil`: the broker's setting.
    var retentionMillis: Int64?
    /// Bytes a partition; -1 sets no limit; `nil`: the broker's setting.
    var retentionBytes: Int64?
    /// The size at which a segment is closed, in bytes; `nil`: the broker's setting.
    var segmentBytes: Int?
    /// The largest batch, in bytes.
    var messageBytesMax: Int?

    init(_ overrides: [String: String]) {
        retentionMillis = overrides["retention.ms"].flatMap { Int64($0) }
        retentionBytes = overrides["retention.bytes"].flatMap { Int64($0) }
        segmentBytes = overrides["segment.bytes"].flatMap { Int($0) }
        messageBytesMax = overrides["max.message.bytes"].flatMap { Int($0) }
    }

    /// Why a setting cannot be taken; `nil` where it can.
    static func objection(to name: String, _ value: String) -> String? {
        switch name {
        case "retention.ms", "retention.bytes":
            guard let number = Int64(value), number >= -1 else {
                return "\(name) must be a number from -1 up"
            }
        case "segment.bytes":
            guard let number = Int(value), (1_024...1 << 30).contains(number) else {
                return "segment.bytes must be a number from 1024 to \(1 << 30)"
            }
        case "max.message.bytes":
            guard let number = Int(value), (0...1 << 30).contains(number) else {
                return "\(name) must be a number from 0 to \(1 << 30)"
            }
        case "cleanup.policy":
            guard value == "delete" else {
                return "this broker does not compact: cleanup.policy must be delete"
            }
        case "message.timestamp.type":
            guard value == "CreateTime" else {
                return "this broker keeps batches as they came: CreateTime only"
            }
        case "compression.type":
            guard value == "producer" else {
                return "this broker keeps batches as they came: producer only"
            }
        case "min.insync.replicas":
            guard value == "1" else { return "one broker has one replica" }
        default:
            return "unknown setting \(name)"
        }
        return nil
    }
}
