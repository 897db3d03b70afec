import Threading

/// A consumer group: who is in it and which generation they agreed on.
///
/// Loop thread only; ``GroupCoordinator`` drives it.
final class Group {
    /// Where a group stands between two generations.
    ///
    /// Source: Kafka's KIP-62 and its `GroupMetadata`.
    enum State: String {
        case empty = "Empty"
        /// Waits until all members have joined again.
        case preparing = "PreparingRebalance"
        /// Waits for the leader's assignment.
        case completing = "CompletingRebalance"
        case stable = "Stable"
    }

    /// A client that was told its ID and has not joined with it yet.
    struct Pending {
        let connection: Connection
        let timer: TimerID
    }

    let id: String
    var state = State.empty
    var generation: Int32 = 0
    var protocolType = ""
    var protocolName = ""
    var leaderID = ""
    /// In the order in which they came.
    private(set) var members: [GroupMember] = []
    var pending: [String: Pending] = [:]
    var rebalanceTimer: TimerID?
    /// Whether the first members still wait for others to come.
    var isGathering = false

    init(id: String) { self.id = id }

    func member(_ id: String) -> GroupMember? { members.first { $0.id == id } }

    func member(instance: String) -> GroupMember? {
        members.first { $0.instanceID == instance }
    }

    func add(_ member: GroupMember) { members.append(member) }

    func remove(_ member: GroupMember) {
        members.removeAll { $0 === member }
        if leaderID == member.id { leaderID = members.first?.id ?? "" }
    }

    /// Whether a client could be a member: the same kind, and a protocol that all others know.
    func accepts(_ type: String, _ protocols: [GroupProtocol], besides own: GroupMember?) -> Bool {
        guard !type.isEmpty, !protocols.isEmpty else { return false }
        let others = members.filter { $0 !== own }
        guard !others.isEmpty else { return true }
        return type == protocolType
            && protocols.contains { offered in
                others.allSatisfy { member in
                    member.protocols.contains { $0.name == offered.name }
                }
            }
    }

    /// The protocol that most members want first, of those that all of them know.
    func chooseProtocol() -> String {
        guard let first = members.first else { return "" }
        let known = first.protocols.map(\.name).filter { name in
            members.allSatisfy { member in member.protocols.contains { $0.name == name } }
        }
        var votes: [String: Int] = [:]
        for member in members {
            let wanted = member.protocols.first { known.contains($0.name) }
            if let wanted { votes[wanted.name, default: 0] += 1 }
        }
        let most = votes.values.max()
        return known.first { votes[$0] == most } ?? ""
    }

    /// The longest time that a member asked to be given for coming back.
    var rebalanceTimeoutMillis: Int64 {
        Int64(members.map(\.rebalanceTimeoutMillis).max() ?? 0)
    }

    /// The answer to a member's join in the current generation.
    func outcome(for member: GroupMember) -> JoinOutcome {
        var outcome = JoinOutcome(
            generation: generation, protocolName: protocolName, leaderID: leaderID,
            memberID: member.id)
        if member.id == leaderID {
            outcome.members = members.map { member in
                JoinOutcome.Member(
                    id: member.id, instanceID: member.instanceID,
                    metadata: member.metadata(protocolName))
            }
        }
        return outcome
    }
}
