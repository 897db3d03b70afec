import Threading

/// A way to assign partitions that a member offers, with what it tells the leader.
struct GroupProtocol: Equatable {
    let name: String
    let metadata: [UInt8]
}

/// A client that asks to be a member of a group.
struct JoinRequest {
    let groupID: String
    let sessionTimeoutMillis: Int32
    /// How long members may take to come back during a rebalance.
    let rebalanceTimeoutMillis: Int32
    /// Empty for a client that was no member before.
    let memberID: String
    /// The name that a static member keeps over restarts.
    let instanceID: String?
    let protocolType: String
    /// The most wanted one first.
    let protocols: [GroupProtocol]
    /// Whether a new client must be told its ID first and ask again (version 4 and later).
    let mustKnowID: Bool
}

/// The answer to a join.
struct JoinOutcome {
    /// A member, as the leader is told of it.
    struct Member {
        let id: String
        let instanceID: String?
        let metadata: [UInt8]
    }

    var error = ErrorCode.none
    var generation: Int32 = -1
    var protocolName = ""
    var leaderID = ""
    var memberID = ""
    /// Empty but for the leader.
    var members: [Member] = []

    static func refused(_ error: ErrorCode, memberID: String = "") -> JoinOutcome {
        JoinOutcome(error: error, memberID: memberID)
    }
}

/// The answer to a sync: what the leader assigned.
struct SyncOutcome {
    var error = ErrorCode.none
    var assignment: [UInt8] = []
}

/// One member of a group; loop thread only.
final class GroupMember {
    var id: String
    let instanceID: String?
    var clientID: String
    var clientHost: String
    var sessionTimeoutMillis: Int32
    var rebalanceTimeoutMillis: Int32
    var protocols: [GroupProtocol]
    var assignment: [UInt8] = []
    /// When the client was last heard of, on the monotonic clock.
    var heardMillis: Int64 = 0
    var sessionTimer: TimerID?

    /// The join that waits for its answer.
    var joinReply: ((JoinOutcome) -> Void)?
    /// The sync that waits for its answer.
    var syncReply: ((SyncOutcome) -> Void)?
    /// Where the waiting join or sync came from.
    var connection: Connection?
    /// Whether the client learns its ID only from the answer that it waits for.
    var isIDUnknownToClient = false

    init(id: String, _ request: JoinRequest, clientID: String, clientHost: String) {
        self.id = id
        instanceID = request.instanceID
        self.clientID = clientID
        self.clientHost = clientHost
        sessionTimeoutMillis = request.sessionTimeoutMillis
        rebalanceTimeoutMillis = request.rebalanceTimeoutMillis
        protocols = request.protocols
    }

    /// A member as it was before the broker's restart.
    init(_ snapshot: GroupSnapshot.Member) {
        id = snapshot.id
        instanceID = snapshot.instanceID
        clientID = snapshot.clientID
        clientHost = snapshot.clientHost
        sessionTimeoutMillis = snapshot.sessionTimeoutMillis
        rebalanceTimeoutMillis = snapshot.rebalanceTimeoutMillis
        protocols = snapshot.protocols
        assignment = snapshot.assignment
    }

    /// Takes over what a member that joins again asks for.
    func update(_ request: JoinRequest) {
        sessionTimeoutMillis = request.sessionTimeoutMillis
        rebalanceTimeoutMillis = request.rebalanceTimeoutMillis
        protocols = request.protocols
    }

    /// What the member tells the leader under a protocol.
    func metadata(_ name: String) -> [UInt8] {
        protocols.first { $0.name == name }?.metadata ?? []
    }

    func answerJoin(_ outcome: JoinOutcome) {
        guard let reply = joinReply else { return }
        joinReply = nil
        isIDUnknownToClient = false
        reply(outcome)
    }

    func answerSync(_ outcome: SyncOutcome) {
        guard let reply = syncReply else { return }
        syncReply = nil
        reply(outcome)
    }
}
