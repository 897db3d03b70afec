import Telemetry

/// Partitions after their topic's creation.
extension BrokerCore {
    func createPartitions(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let wishes = try reader.array { reader throws(WireError) in
            (
                name: try reader.string(), count: try reader.int32(),
                assignments: try reader.nullableArray { reader throws(WireError) in
                    try reader.array { reader throws(WireError) in try reader.int32() }
                }
            )
        }
        _ = try reader.int32()
        let isCheckOnly = try reader.bool()
        var results: [(name: String, error: ErrorCode, message: String?)] = []
        for wish in wishes {
            var (error, message) = objection(to: wish.count, wish.assignments, of: wish.name)
            if wishes.count(where: { $0.name == wish.name }) > 1 {
                (error, message) = (.invalidRequest, "the topic is named twice")
            }
            if error == .none, !isCheckOnly, let topic = topics.topics[wish.name] {
                error = add(wish.count, to: topic)
            }
            results.append((wish.name, error, message))
        }
        ticket.reply { response in
            response.wire.int32(0)
            response.wire.array(results) { wire, result in
                wire.string(result.name)
                wire.error(result.error)
                wire.nullableString(result.message)
            }
        }
    }

    private func objection(
        to count: Int32, _ assignments: [[Int32]]?, of name: String
    ) -> (ErrorCode, String?) {
        guard let topic = topics.topics[name] else {
            return (.unknownTopicOrPartition, "the topic does not exist")
        }
        let present = topic.partitions.count
        guard count > present, count <= configuration.partitionsMax else {
            return (
                .invalidPartitions,
                "the topic has \(present) partitions; it may get more, up to "
                    + "\(configuration.partitionsMax)"
            )
        }
        if let assignments {
            guard assignments.count == Int(count) - present,
                assignments.allSatisfy({ $0 == [Self.nodeID] })
            else { return (.invalidReplicaAssignment, "broker \(Self.nodeID) is the only one") }
        }
        return (.none, nil)
    }

    private func add(_ count: Int32, to topic: Topic) -> ErrorCode {
        do {
            try topics.grow(topic, to: count)
        } catch {
            logger.error(
                "partitions could not be created",
                ["topic": topic.name, "error": error.description])
            return .storageError
        }
        countPartitions()
        logger.info("partitions created", ["topic": topic.name, "partitions": String(count)])
        return .none
    }

    // MARK: - Records

    func deleteRecords(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let asked = try reader.array { reader throws(WireError) in
            (
                name: try reader.string(),
                partitions: try reader.array { reader throws(WireError) in
                    (index: try reader.int32(), offset: try reader.int64())
                }
            )
        }
        _ = try reader.int32()
        let deletions = asked.map { topic in
            (
                name: topic.name,
                results: topic.partitions.map { partition in
                    (
                        index: partition.index,
                        result: deleteRecords(
                            TopicPartition(topic: topic.name, partition: partition.index),
                            before: partition.offset)
                    )
                }
            )
        }
        ticket.reply { response in
            response.wire.int32(0)
            response.wire.array(deletions) { wire, topic in
                wire.string(topic.name)
                wire.array(topic.results) { wire, partition in
                    wire.int32(partition.index)
                    switch partition.result {
                    case .success(let lowWatermark):
                        wire.int64(lowWatermark)
                        wire.error(.none)
                    case .failure(let error):
                        wire.int64(-1)
                        wire.error(error)
                    }
                }
            }
        }
    }

    /// Deletes a partition's records before an offset, -1 being the end; returns the first one kept.
    private func deleteRecords(
        _ partition: TopicPartition, before offset: Int64
    ) -> Result<Int64, ErrorCode> {
        guard let log = topics.log(partition.topic, partition.partition) else {
            return .failure(.unknownTopicOrPartition)
        }
        let target = offset == -1 ? log.visible.offset : offset
        guard (0...log.visible.offset).contains(target) else { return .failure(.offsetOutOfRange) }
        guard target > log.startOffset else { return .success(log.startOffset) }
        do {
            try topics.deleteRecords(of: log, before: target)
        } catch {
            logger.error(
                "records could not be deleted",
                ["partition": log.name, "error": error.description])
            return .failure(.storageError)
        }
        syncer.note(log)
        wakeFetches(of: log)
        logger.info(
            "records deleted",
            ["partition": log.name, "start_offset": String(log.startOffset)])
        return .success(log.startOffset)
    }

    // MARK: - Leader epochs

    /// Tells where an epoch ends; this broker has led all partitions in the one epoch 0.
    func offsetForLeaderEpoch(
        _ reader: inout WireReader, _ ticket: ReplyTicket
    ) throws(WireError) {
        let version = ticket.version
        if version >= 3 { _ = try reader.int32() }
        let asked = try reader.array { reader throws(WireError) in
            (
                name: try reader.string(),
                partitions: try reader.array { reader throws(WireError) in
                    (
                        index: try reader.int32(),
                        current: version >= 2 ? try reader.int32() : -1,
                        epoch: try reader.int32()
                    )
                }
            )
        }
        ticket.reply { response in
            if version >= 2 { response.wire.int32(0) }
            response.wire.array(asked) { wire, topic in
                wire.string(topic.name)
                wire.array(topic.partitions) { wire, partition in
                    let log = topics.log(topic.name, partition.index)
                    var error = ErrorCode.none
                    if log == nil { error = .unknownTopicOrPartition }
                    if log != nil, partition.current > 0 { error = .unknownLeaderEpoch }
                    let isKnown = error == .none && partition.epoch == 0
                    wire.error(error)
                    wire.int32(partition.index)
                    if version >= 1 { wire.int32(isKnown ? 0 : -1) }
                    wire.int64(isKnown ? log?.visible.offset ?? -1 : -1)
                }
            }
        }
    }
}
