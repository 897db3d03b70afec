extension BrokerCore {
    func findCoordinator(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        _ = try reader.string()
        let kind = ticket.version >= 1 ? try reader.int8() : 0
        let error: ErrorCode =
            switch kind {
            case 0: .none
            case 1: .transactionalIDAuthorizationFailed
            default: .invalidRequest
            }
        ticket.reply { response in
            if ticket.version >= 1 { response.wire.int32(0) }
            response.wire.error(error)
            if ticket.version >= 1 {
                response.wire.nullableString(
                    kind == 1 ? "this broker has no transactions" : nil)
            }
            response.wire.int32(error == .none ? Self.nodeID : -1)
            response.wire.string(error == .none ? advertisedHost : "")
            response.wire.int32(error == .none ? advertisedPort : -1)
        }
    }

    func joinGroup(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let version = ticket.version
        let groupID = try reader.string()
        let sessionTimeout = try reader.int32()
        let rebalanceTimeout = version >= 1 ? try reader.int32() : sessionTimeout
        let memberID = try reader.string()
        let request = JoinRequest(
            groupID: groupID, sessionTimeoutMillis: sessionTimeout,
            rebalanceTimeoutMillis: max(0, rebalanceTimeout), memberID: memberID,
            instanceID: version >= 5 ? try reader.nullableString() : nil,
            protocolType: try reader.string(),
            protocols: try reader.array { reader throws(WireError) in
                GroupProtocol(name: try reader.string(), metadata: try reader.bytes())
            },
            mustKnowID: version >= 4)
        groups.join(request, ticket) { outcome in
            ticket.reply { response in
                if version >= 2 { response.wire.int32(0) }
                response.wire.error(outcome.error)
                response.wire.int32(outcome.generation)
                response.wire.string(outcome.protocolName)
                response.wire.string(outcome.leaderID)
                response.wire.string(outcome.memberID)
                response.wire.array(outcome.members) { wire, member in
                    wire.string(member.id)
                    if version >= 5 { wire.nullableString(member.instanceID) }
                    wire.sizedBytes(member.metadata)
                }
            }
        }
    }

    func syncGroup(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let groupID = try reader.string()
        let generation = try reader.int32()
        let memberID = try reader.string()
        let instanceID = ticket.version >= 3 ? try reader.nullableString() : nil
        let assignments = try reader.array { reader throws(WireError) in
            (memberID: try reader.string(), assignment: try reader.bytes())
        }
        groups.sync(
            groupID, generation: generation, memberID: memberID, instanceID: instanceID,
            assignments: assignments, ticket.connection
        ) { outcome in
            ticket.reply { response in
                if ticket.version >= 1 { response.wire.int32(0) }
                response.wire.error(outcome.error)
                response.wire.sizedBytes(outcome.assignment)
            }
        }
    }

    func heartbeat(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let groupID = try reader.string()
        let generation = try reader.int32()
        let memberID = try reader.string()
        let instanceID = ticket.version >= 3 ? try reader.nullableString() : nil
        let error = groups.heartbeat(
            groupID, generation: generation, memberID: memberID, instanceID: instanceID)
        ticket.reply { response in
            if ticket.version >= 1 { response.wire.int32(0) }
            response.wire.error(error)
        }
    }

    func leaveGroup(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let groupID = try reader.string()
        guard ticket.version >= 3 else {
            let memberID = try reader.string()
            let error = groups.leave(groupID, memberID: memberID, instanceID: nil)
            ticket.reply { response in
                if ticket.version >= 1 { response.wire.int32(0) }
                response.wire.error(error)
            }
            return
        }
        let members = try reader.array { reader throws(WireError) in
            (id: try reader.string(), instanceID: try reader.nullableString())
        }
        let errors = members.map { member in
            groups.leave(groupID, memberID: member.id, instanceID: member.instanceID)
        }
        ticket.reply { response in
            response.wire.int32(0)
            response.wire.error(.none)
            response.wire.array(Array(zip(members, errors))) { wire, result in
                wire.string(result.0.id)
                wire.nullableString(result.0.instanceID)
                wire.error(result.1)
            }
        }
    }

    func describeGroups(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let version = ticket.version
        let ids = try reader.array { reader throws(WireError) in try reader.string() }
        ticket.reply { response in
            if version >= 1 { response.wire.int32(0) }
            response.wire.array(ids) { wire, id in
                let group = groups.groups[id]
                let state = group?.state.rawValue ?? (offsets.groups[id] == nil ? "Dead" : "Empty")
                wire.error(.none)
                wire.string(id)
                wire.string(state)
                wire.string(group?.protocolType ?? "")
                wire.string(group?.protocolName ?? "")
                wire.array(group?.members ?? []) { wire, member in
                    wire.string(member.id)
                    if version >= 4 { wire.nullableString(member.instanceID) }
                    wire.string(member.clientID)
                    wire.string(member.clientHost)
                    wire.sizedBytes(member.metadata(group?.protocolName ?? ""))
                    wire.sizedBytes(member.assignment)
                }
                if version >= 3 { wire.int32(Int32.min) }
            }
        }
    }

    func deleteGroups(_ reader: inout WireReader, _ ticket: ReplyTicket) throws(WireError) {
        let ids = try reader.array { reader throws(WireError) in try reader.string() }
        var results: [(group: String, error: ErrorCode)] = []
        for id in ids {
            var error = ErrorCode.none
            if let group = groups.groups[id], !group.members.isEmpty {
                error = .nonEmptyGroup
            } else if offsets.groups[id] == nil {
                error = .groupIDNotFound
            } else {
                offsets.removeGroup(id)
            }
            results.append((id, error))
        }
        pendingAnswers.append(PendingGroupDeletion(ticket: ticket, results: results))
        scheduleTurnEnd()
    }

    func listGroups(_ ticket: ReplyTicket) {
        let ids = Set(groups.groups.keys).union(
            offsets.groups.lazy.filter { !$0.value.isEmpty }.map(\.key))
        ticket.reply { response in
            if ticket.version >= 1 { response.wire.int32(0) }
            response.wire.error(.none)
            response.wire.array(ids.sorted()) { wire, id in
                wire.string(id)
                wire.string(groups.groups[id]?.protocolType ?? "consumer")
            }
        }
    }
}
