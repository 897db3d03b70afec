extension BrokerCore {
    func offsetCommit(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let version = ticket.version
        let groupID = try reader.string()
        let generation = try reader.int32()
        let memberID = try reader.string()
        let instanceID = version >= 7 ? try reader.nullableString() : nil
        if version <= 4 { _ = try reader.int64() }
        let topics = try reader.array { reader throws(WireError) in
            let name = try reader.string()
            let partitions = try reader.array { reader throws(WireError) in
                (
                    index: try reader.int32(),
                    committed: CommittedOffset(
                        offset: try reader.int64(),
                        leaderEpoch: version >= 6 ? try reader.int32() : -1,
                        metadata: try reader.nullableString() ?? "")
                )
            }
            return (name: name, partitions: partitions)
        }
        let refusal = groups.checkCommit(
            groupID, generation: generation, memberID: memberID, instanceID: instanceID)
        var results: [PendingCommit.Topic] = []
        for (name, partitions) in topics {
            var answered: [(index: Int32, error: ErrorCode)] = []
            for (index, committed) in partitions {
                let partition = TopicPartition(topic: name, partition: index)
                let error = refusal == .none ? objection(to: committed, partition) : refusal
                if error == .none { offsets.commit(groupID, partition, committed) }
                answered.append((index, error))
            }
            results.append((name, answered))
        }
        pendingAnswers.append(PendingCommit(ticket: ticket, topics: results))
        scheduleTurnEnd()
    }

    private func objection(
        to committed: CommittedOffset, _ partition: TopicPartition
    ) -> ErrorCode {
        guard topics.log(partition.topic, partition.partition) != nil else {
            return .unknownTopicOrPartition
        }
        return committed.metadata.utf8.count > configuration.offsetMetadataBytesMax
            ? .offsetMetadataTooLarge : .none
    }

    func offsetFetch(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let version = ticket.version
        let groupID = try reader.string()
        let asked = try reader.nullableArray { reader throws(WireError) in
            (
                name: try reader.string(),
                partitions: try reader.array { reader throws(WireError) in try reader.int32() }
            )
        }
        let topics = asked ?? allCommitted(groupID)
        ticket.reply { response in
            if version >= 3 { response.wire.int32(0) }
            response.wire.array(topics) { wire, topic in
                wire.string(topic.name)
                wire.array(topic.partitions) { wire, index in
                    let committed = offsets.offset(
                        groupID, TopicPartition(topic: topic.name, partition: index))
                    wire.int32(index)
                    wire.int64(committed?.offset ?? -1)
                    if version >= 5 { wire.int32(committed?.leaderEpoch ?? -1) }
                    wire.nullableString(committed?.metadata ?? "")
                    wire.error(.none)
                }
            }
            if version >= 2 { response.wire.error(.none) }
        }
    }

    private func allCommitted(_ groupID: String) -> [(name: String, partitions: [Int32])] {
        var partitions: [String: [Int32]] = [:]
        for partition in (offsets.groups[groupID] ?? [:]).keys {
            partitions[partition.topic, default: []].append(partition.partition)
        }
        return partitions.map { ($0.key, $0.value.sorted()) }
    }
}
