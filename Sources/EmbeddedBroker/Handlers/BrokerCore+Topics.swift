import Telemetry

extension BrokerCore {
    func metadata(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let version = ticket.version
        var names = try reader.nullableArray { reader throws(WireError) in try reader.string() }
        if version == 0, names?.isEmpty == true { names = nil }
        let mayCreate = version >= 4 ? try reader.bool() : true
        if version >= 8 {
            _ = try reader.bool()
            _ = try reader.bool()
        }
        let described: [(name: String, result: Result<Topic, ErrorCode>)]
        if let names {
            described = names.map { name in
                (name, topic(name, mayCreate: mayCreate && configuration.autoCreateTopics))
            }
        } else {
            described = topics.topics.values.map { ($0.name, .success($0)) }
        }
        ticket.reply { response in
            writeMetadata(&response.wire, version, described)
        }
    }

    private func topic(_ name: String, mayCreate: Bool) -> Result<Topic, ErrorCode> {
        if let topic = topics.topics[name] { return .success(topic) }
        guard Topic.isValidName(name) else { return .failure(.invalidTopic) }
        guard mayCreate else { return .failure(.unknownTopicOrPartition) }
        return create(
            name, partitions: Int32(clamping: configuration.partitionsDefault), overrides: [:])
    }

    private func create(
        _ name: String, partitions: Int32, overrides: [String: String]
    ) -> Result<Topic, ErrorCode> {
        do {
            let topic = try topics.create(name, partitions: partitions, overrides: overrides)
            countPartitions()
            logger.info(
                "topic created", ["topic": name, "partitions": String(partitions)])
            return .success(topic)
        } catch {
            logger.error(
                "topic could not be created", ["topic": name, "error": error.description])
            return .failure(.storageError)
        }
    }

    private func writeMetadata(
        _ wire: inout WireWriter, _ version: Int16,
        _ described: [(name: String, result: Result<Topic, ErrorCode>)]
    ) {
        let operationsUnknown = Int32.min
        if version >= 3 { wire.int32(0) }
        wire.int32(1)
        wire.int32(Self.nodeID)
        wire.string(advertisedHost)
        wire.int32(advertisedPort)
        if version >= 1 { wire.nullableString(nil) }
        if version >= 2 { wire.nullableString(topics.clusterID) }
        if version >= 1 { wire.int32(Self.nodeID) }
        wire.array(described) { wire, described in
            var error = ErrorCode.none
            var partitions: [PartitionLog] = []
            switch described.result {
            case .success(let topic): partitions = topic.partitions
            case .failure(let failure): error = failure
            }
            wire.error(error)
            wire.string(described.name)
            if version >= 1 { wire.bool(false) }
            wire.array(partitions) { wire, log in
                wire.error(.none)
                wire.int32(log.partition)
                wire.int32(Self.nodeID)
                if version >= 7 { wire.int32(0) }
                wire.array([Self.nodeID]) { $0.int32($1) }
                wire.array([Self.nodeID]) { $0.int32($1) }
                if version >= 5 { wire.int32(0) }
            }
            if version >= 8 { wire.int32(operationsUnknown) }
        }
        if version >= 8 { wire.int32(operationsUnknown) }
    }

    // MARK: - Creating and deleting

    /// A topic that somebody wants to have.
    private struct Creation {
        let name: String
        let partitions: Int32
        let replicas: Int16
        let assignments: [(partition: Int32, replicas: [Int32])]
        let settings: [(name: String, value: String?)]
    }

    func createTopics(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let version = ticket.version
        let creations = try reader.array { reader throws(WireError) in
            Creation(
                name: try reader.string(), partitions: try reader.int32(),
                replicas: try reader.int16(),
                assignments: try reader.array { reader throws(WireError) in
                    (
                        try reader.int32(),
                        try reader.array { reader throws(WireError) in try reader.int32() }
                    )
                },
                settings: try reader.array { reader throws(WireError) in
                    (try reader.string(), try reader.nullableString())
                })
        }
        _ = try reader.int32()
        let isCheckOnly = version >= 1 ? try reader.bool() : false
        var results: [(name: String, error: ErrorCode, message: String?)] = []
        for creation in creations {
            var (error, message) = objection(to: creation)
            if creations.count(where: { $0.name == creation.name }) > 1 {
                (error, message) = (.invalidRequest, "the topic is named twice")
            }
            if error == .none, !isCheckOnly {
                let made = create(
                    creation.name, partitions: partitionCount(of: creation),
                    overrides: Dictionary(
                        creation.settings.compactMap { setting in
                            setting.value.map { (setting.name, $0) }
                        }, uniquingKeysWith: { $1 }))
                if case .failure(let failure) = made { error = failure }
            }
            results.append((creation.name, error, message))
        }
        ticket.reply { response in
            if version >= 2 { response.wire.int32(0) }
            response.wire.array(results) { wire, result in
                wire.string(result.name)
                wire.error(result.error)
                if version >= 1 { wire.nullableString(result.message) }
            }
        }
    }

    private func partitionCount(of creation: Creation) -> Int32 {
        if !creation.assignments.isEmpty { return Int32(creation.assignments.count) }
        return creation.partitions == -1
            ? Int32(clamping: configuration.partitionsDefault) : creation.partitions
    }

    private func objection(to creation: Creation) -> (ErrorCode, String?) {
        guard Topic.isValidName(creation.name) else {
            return (.invalidTopic, "a name has up to 249 letters, digits, '.', '_' and '-'")
        }
        guard topics.topics[creation.name] == nil else {
            return (.topicAlreadyExists, "the topic exists")
        }
        let count = partitionCount(of: creation)
        guard (1...Int32(clamping: configuration.partitionsMax)).contains(count) else {
            return (.invalidPartitions, "from 1 to \(configuration.partitionsMax) partitions")
        }
        if creation.assignments.isEmpty {
            guard creation.replicas == 1 || creation.replicas == -1 else {
                return (.invalidReplicationFactor, "one broker keeps one replica")
            }
        } else {
            let partitions = Set(creation.assignments.map(\.partition))
            guard partitions == Set(0..<count),
                creation.assignments.allSatisfy({ $0.replicas == [Self.nodeID] })
            else {
                return (.invalidReplicaAssignment, "broker \(Self.nodeID) is the only one")
            }
        }
        for (name, value) in creation.settings {
            guard let value else { return (.invalidConfig, "\(name) has no value") }
            if let objection = TopicSettings.objection(to: name, value) {
                return (.invalidConfig, objection)
            }
        }
        return (.none, nil)
    }

    func deleteTopics(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let names = try reader.array { reader throws(WireError) in try reader.string() }
        _ = try reader.int32()
        let results = names.map { name in (name: name, error: delete(name)) }
        ticket.reply { response in
            if ticket.version >= 1 { response.wire.int32(0) }
            response.wire.array(results) { wire, result in
                wire.string(result.name)
                wire.error(result.error)
            }
        }
    }

    private func delete(_ name: String) -> ErrorCode {
        guard let topic = topics.topics[name] else { return .unknownTopicOrPartition }
        do {
            try topics.delete(topic)
        } catch {
            logger.error(
                "topic could not be deleted", ["topic": name, "error": error.description])
            return .storageError
        }
        offsets.removeTopic(name)
        scheduleTurnEnd()
        countPartitions()
        logger.info("topic deleted", ["topic": name])
        for log in topic.partitions { wakeFetches(of: log) }
        return .none
    }
}
