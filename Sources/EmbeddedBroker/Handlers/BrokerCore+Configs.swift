import Telemetry

/// Settings: what they are, and the few that can be changed while the broker runs.
extension BrokerCore {
    /// Kafka's numbers for what has settings.
    private enum ResourceKind {
        static let topic: Int8 = 2
        static let broker: Int8 = 4
    }

    func describeConfigs(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let version = ticket.version
        let resources = try reader.array { reader throws(WireError) in
            (
                kind: try reader.int8(), name: try reader.string(),
                keys: try reader.nullableArray { reader throws(WireError) in
                    try reader.string()
                }
            )
        }
        ticket.reply { response in
            response.wire.int32(0)
            response.wire.array(resources) { wire, resource in
                var entries: [ConfigurationEntry] = []
                var error = ErrorCode.none
                switch resource.kind {
                case ResourceKind.topic:
                    if let topic = topics.topics[resource.name] {
                        entries = self.entries(of: topic)
                    } else {
                        error = .unknownTopicOrPartition
                    }
                case ResourceKind.broker where resource.name == String(Self.nodeID):
                    entries = brokerEntries
                default: error = .invalidRequest
                }
                if let keys = resource.keys { entries.removeAll { !keys.contains($0.name) } }
                wire.error(error)
                wire.nullableString(nil)
                wire.int8(resource.kind)
                wire.string(resource.name)
                wire.array(entries) { $1.write(to: &$0, version) }
            }
        }
    }

    private func entries(of topic: Topic) -> [ConfigurationEntry] {
        let defaults: [(String, String, ConfigurationEntry.Kind)] = [
            ("cleanup.policy", "delete", .list), ("compression.type", "producer", .string),
            ("max.message.bytes", String(configuration.messageBytesMax), .int),
            ("message.timestamp.type", "CreateTime", .string),
            ("min.insync.replicas", "1", .int),
            ("retention.bytes", String(configuration.retentionBytes ?? -1), .long),
            ("retention.ms", retentionMillisText, .long),
            ("segment.bytes", String(configuration.segmentBytes), .int),
        ]
        return defaults.map { name, value, kind in
            ConfigurationEntry(
                name: name, value: topic.overrides[name] ?? value, kind: kind,
                source: topic.overrides[name] == nil ? .default : .topic)
        }
    }

    private var brokerEntries: [ConfigurationEntry] {
        let offsetsRetention = configuration.offsetsRetention.map { $0.wholeMilliseconds / 60_000 }
        let values: [(String, String, ConfigurationEntry.Kind)] = [
            ("advertised.listeners", "PLAINTEXT://\(advertisedHost):\(advertisedPort)", .string),
            ("auto.create.topics.enable", String(configuration.autoCreateTopics), .boolean),
            ("default.replication.factor", "1", .int),
            ("log.cleanup.policy", "delete", .list),
            ("log.retention.bytes", String(configuration.retentionBytes ?? -1), .long),
            ("log.retention.ms", retentionMillisText, .long),
            ("log.segment.bytes", String(configuration.segmentBytes), .int),
            ("max.connections", String(configuration.connectionsMax), .int),
            ("message.max.bytes", String(configuration.messageBytesMax), .int),
            ("num.partitions", String(configuration.partitionsDefault), .int),
            ("offsets.retention.minutes", String(offsetsRetention ?? -1), .int),
            ("socket.request.max.bytes", String(configuration.requestBytesMax), .int),
        ]
        return values.map { ConfigurationEntry(name: $0, value: $1, kind: $2, source: .broker) }
    }

    private var retentionMillisText: String {
        String(configuration.retention?.wholeMilliseconds ?? -1)
    }

    // MARK: - Changing

    /// What somebody wants to be changed.
    private struct Alteration {
        /// What to do with one setting; Kafka's numbers.
        enum Operation: Int8 {
            case set = 0
            case delete = 1
        }

        let kind: Int8
        let name: String
        /// `nil` for an operation that no setting of this broker has.
        let changes: [(name: String, operation: Operation?, value: String?)]
        /// Whether settings that are not named keep their values.
        let isIncremental: Bool
    }

    func incrementalAlterConfigs(
        _ reader: inout WireReader, _ ticket: ReplyTicket
    ) throws(WireError) {
        let alterations = try reader.array { reader throws(WireError) in
            Alteration(
                kind: try reader.int8(), name: try reader.string(),
                changes: try reader.array { reader throws(WireError) in
                    (
                        name: try reader.string(),
                        operation: Alteration.Operation(rawValue: try reader.int8()),
                        value: try reader.nullableString()
                    )
                }, isIncremental: true)
        }
        alter(alterations, isCheckOnly: try reader.bool(), ticket)
    }

    func alterConfigs(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let alterations = try reader.array { reader throws(WireError) in
            Alteration(
                kind: try reader.int8(), name: try reader.string(),
                changes: try reader.array { reader throws(WireError) in
                    (name: try reader.string(), operation: .set, value: try reader.nullableString())
                }, isIncremental: false)
        }
        alter(alterations, isCheckOnly: try reader.bool(), ticket)
    }

    private func alter(_ alterations: [Alteration], isCheckOnly: Bool, _ ticket: ReplyTicket) {
        let results = alterations.map { alteration in
            (alteration, apply(alteration, isCheckOnly: isCheckOnly))
        }
        ticket.reply { response in
            response.wire.int32(0)
            response.wire.array(results) { wire, result in
                let (alteration, (error, message)) = result
                wire.error(error)
                wire.nullableString(message)
                wire.int8(alteration.kind)
                wire.string(alteration.name)
            }
        }
    }

    private func apply(_ alteration: Alteration, isCheckOnly: Bool) -> (ErrorCode, String?) {
        guard alteration.kind == ResourceKind.topic else {
            return alteration.kind == ResourceKind.broker
                ? (.invalidConfig, "the broker's own settings are given at its start")
                : (.invalidRequest, "only topics have settings that can be changed")
        }
        guard let topic = topics.topics[alteration.name] else {
            return (.unknownTopicOrPartition, "the topic does not exist")
        }
        var overrides = alteration.isIncremental ? topic.overrides : [:]
        var seen: Set<String> = []
        for (name, operation, value) in alteration.changes {
            guard seen.insert(name).inserted else {
                return (.invalidRequest, "\(name) is named twice")
            }
            switch operation {
            case .set:
                guard let value else { return (.invalidConfig, "\(name) has no value") }
                if let objection = TopicSettings.objection(to: name, value) {
                    return (.invalidConfig, objection)
                }
                overrides[name] = value
            case .delete:
                overrides[name] = nil
            case nil:
                return (.invalidConfig, "\(name) is no list to add to or take from")
            }
        }
        guard !isCheckOnly, overrides != topic.overrides else { return (.none, nil) }
        do {
            try topics.configure(topic, overrides)
        } catch {
            logger.error(
                "settings could not be changed",
                ["topic": topic.name, "error": error.description])
            return (.storageError, nil)
        }
        logger.info("settings changed", ["topic": topic.name])
        return (.none, nil)
    }
}

/// One setting, as DescribeConfigs tells it.
private struct ConfigurationEntry {
    /// Who set it; Kafka's numbers.
    enum Source: Int8 {
        case topic = 1
        case broker = 4
        case `default` = 5
    }

    /// What its value is; Kafka's numbers.
    enum Kind: Int8 {
        case boolean = 1
        case string = 2
        case int = 3
        case long = 5
        case list = 7
    }

    let name: String
    let value: String
    let kind: Kind
    let source: Source

    func write(to wire: inout WireWriter, _ version: Int16) {
        wire.string(name)
        wire.nullableString(value)
        wire.bool(source == .broker)
        if version == 0 {
            wire.bool(source == .default)
        } else {
            wire.int8(source.rawValue)
        }
        wire.bool(false)
        if version >= 1 { wire.int32(0) }
        if version >= 3 {
            wire.int8(kind.rawValue)
            wire.nullableString(nil)
        }
    }
}
