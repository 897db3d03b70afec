extension BrokerCore {
    func handle(
        _ reader: inout WireReader, of connection: Connection
    ) throws(WireError) {
        // The version decides how the rest of the header reads, so an unknown one ends here.
        var peek = reader
        let rawKey = try peek.int16()
        let version = try peek.int16()
        guard let key = APIKey(rawValue: rawKey) else {
            connection.fail("a request of unknown kind \(rawKey)")
            return
        }
        let header = try RequestHeader(&reader)
        let ticket = ReplyTicket(
            connection: connection, header: header, sequence: connection.reserveSlot())
        metrics.count(key)
        guard key.versions.contains(version) else {
            if key == .apiVersions {
                ticket.reply { response in
                    Self.writeAPIVersions(&response.wire, version: 0, error: .unsupportedVersion)
                }
            } else {
                connection.fail("\(key.name) in unknown version \(version)")
            }
            return
        }
        if key != .fetch, !connection.parkedFetches.isEmpty { answerEarly(connection) }
        switch key {
        case .produce: try produce(&reader, ticket)
        case .fetch: try fetch(&reader, ticket)
        case .listOffsets: try listOffsets(&reader, ticket)
        case .metadata: try metadata(&reader, ticket)
        case .offsetCommit: try offsetCommit(&reader, ticket)
        case .offsetFetch: try offsetFetch(&reader, ticket)
        case .findCoordinator: try findCoordinator(&reader, ticket)
        case .joinGroup: try joinGroup(&reader, ticket)
        case .heartbeat: try heartbeat(&reader, ticket)
        case .leaveGroup: try leaveGroup(&reader, ticket)
        case .syncGroup: try syncGroup(&reader, ticket)
        case .describeGroups: try describeGroups(&reader, ticket)
        case .listGroups: listGroups(ticket)
        case .apiVersions:
            ticket.reply { response in
                Self.writeAPIVersions(&response.wire, version: version, error: .none)
            }
        case .createTopics: try createTopics(&reader, ticket)
        case .deleteTopics: try deleteTopics(&reader, ticket)
        case .initProducerID: try initProducerID(&reader, ticket)
        case .describeConfigs: try describeConfigs(&reader, ticket)
        case .alterConfigs: try alterConfigs(&reader, ticket)
        case .incrementalAlterConfigs: try incrementalAlterConfigs(&reader, ticket)
        case .createPartitions: try createPartitions(&reader, ticket)
        case .deleteRecords: try deleteRecords(&reader, ticket)
        case .offsetForLeaderEpoch: try offsetForLeaderEpoch(&reader, ticket)
        case .deleteGroups: try deleteGroups(&reader, ticket)
        case .describeCluster: try describeCluster(&reader, ticket)
        case .addPartitionsToTransaction: try addPartitionsToTransaction(&reader, ticket)
        case .addOffsetsToTransaction, .endTransaction: refuseTransaction(ticket)
        case .transactionalOffsetCommit: try transactionalOffsetCommit(&reader, ticket)
        }
    }

    /// Answers the fetches that wait on a connection, because another request stands behind them.
    ///
    /// Answers leave in order, so the other one would wait until the fetch's time is over: a consumer
    /// that looks up where a new partition begins would lose half a second each time.
    private func answerEarly(_ connection: Connection) {
        for waiter in connection.parkedFetches { complete(waiter) }
    }

    static func writeAPIVersions(_ wire: inout WireWriter, version: Int16, error: ErrorCode) {
        wire.error(error)
        guard version >= 3 else {
            wire.array(APIKey.allCases) { wire, key in
                wire.int16(key.rawValue)
                wire.int16(key.versions.lowerBound)
                wire.int16(key.versions.upperBound)
            }
            if version >= 1 { wire.int32(0) }
            return
        }
        wire.unsignedVarint(UInt64(APIKey.allCases.count) + 1)
        for key in APIKey.allCases {
            wire.int16(key.rawValue)
            wire.int16(key.versions.lowerBound)
            wire.int16(key.versions.upperBound)
            wire.noTags()
        }
        wire.int32(0)
        wire.noTags()
    }
}
