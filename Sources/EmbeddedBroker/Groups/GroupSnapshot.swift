/// A group as its last generation left it, as it is kept on disk.
struct GroupSnapshot {
    /// One member, with what was assigned to it.
    struct Member {
        let id: String
        let instanceID: String?
        let clientID: String
        let clientHost: String
        let sessionTimeoutMillis: Int32
        let rebalanceTimeoutMillis: Int32
        let protocols: [GroupProtocol]
        let assignment: [UInt8]
    }

    let id: String
    let generation: Int32
    let protocolType: String
    let protocolName: String
    let leaderID: String
    let members: [Member]

    init(_ group: Group) {
        id = group.id
        generation = group.generation
        protocolType = group.protocolType
        protocolName = group.protocolName
        leaderID = group.leaderID
        members = group.members.map { member in
            Member(
                id: member.id, instanceID: member.instanceID, clientID: member.clientID,
                clientHost: member.clientHost, sessionTimeoutMillis: member.sessionTimeoutMillis,
                rebalanceTimeoutMillis: member.rebalanceTimeoutMillis,
                protocols: member.protocols, assignment: member.assignment)
        }
    }

    /// Reads what ``write(to:)`` wrote, the group's ID aside.
    init(id: String, _ reader: inout WireReader) throws(WireError) {
        self.id = id
        generation = try reader.int32()
        protocolType = try reader.string()
        protocolName = try reader.string()
        leaderID = try reader.string()
        members = try reader.array { reader throws(WireError) in
            Member(
                id: try reader.string(), instanceID: try reader.nullableString(),
                clientID: try reader.string(), clientHost: try reader.string(),
                sessionTimeoutMillis: try reader.int32(),
                rebalanceTimeoutMillis: try reader.int32(),
                protocols: try reader.array { reader throws(WireError) in
                    GroupProtocol(name: try reader.string(), metadata: try reader.bytes())
                }, assignment: try reader.bytes())
        }
    }

    /// Writes all but the group's ID.
    func write(to writer: inout WireWriter) {
        writer.int32(generation)
        writer.string(protocolType)
        writer.string(protocolName)
        writer.string(leaderID)
        writer.array(members) { writer, member in
            writer.string(member.id)
            writer.nullableString(member.instanceID)
            writer.string(member.clientID)
            writer.string(member.clientHost)
            writer.int32(member.sessionTimeoutMillis)
            writer.int32(member.rebalanceTimeoutMillis)
            writer.array(member.protocols) { writer, offered in
                writer.string(offered.name)
                writer.sizedBytes(offered.metadata)
            }
            writer.sizedBytes(member.assignment)
        }
    }
}
