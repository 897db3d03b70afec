import Telemetry
import Threading

/// Leads every consumer group through its generations.
///
/// Loop thread only. Each settled generation is told to ``didSettle``, which keeps it on disk: after a
/// restart the members go on as if nothing had happened, and one that is gone is out after its session
/// time-out. What was under way in between is lost, and its clients join again.
///
/// Source: Kafka's "classic" group protocol; the states and error codes are those of its
/// `GroupCoordinator`.
final class GroupCoordinator {
    private(set) var groups: [String: Group] = [:]
    /// Is called when the number of groups changes.
    var didCount: (Int) -> Void = { _ in }

    /// Is called when a group has a new generation, or a member a new ID.
    var didSettle: (GroupSnapshot) -> Void = { _ in }
    /// Is called with the ID of a group that has no members any more.
    var didEmpty: (String) -> Void = { _ in }

    let configuration: BrokerConfiguration
    let loop: EventLoop
    let logger: Logger

    init(configuration: BrokerConfiguration, loop: EventLoop, logger: Logger) {
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
    }

    /// Brings groups back as they were before the broker's restart.
    func restore(_ snapshots: some Sequence<GroupSnapshot>) {
        for snapshot in snapshots {
            let group = add(snapshot.id)
            group.state = .stable
            group.generation = snapshot.generation
            group.protocolType = snapshot.protocolType
            group.protocolName = snapshot.protocolName
            group.leaderID = snapshot.leaderID
            for member in snapshot.members {
                let member = GroupMember(member)
                group.add(member)
                hear(member, group)
            }
        }
    }

    // MARK: - Requests

    /// Takes a client into a group; answers once the group has agreed on a generation.
    func join(
        _ request: JoinRequest, _ ticket: ReplyTicket, _ reply: @escaping (JoinOutcome) -> Void
    ) {
        let sessionTimeout = Int64(request.sessionTimeoutMillis)
        guard !request.groupID.isEmpty else { return reply(.refused(.invalidGroupID)) }
        guard sessionTimeout >= configuration.groupSessionTimeoutMin.wholeMilliseconds,
            sessionTimeout <= configuration.groupSessionTimeoutMax.wholeMilliseconds
        else { return reply(.refused(.invalidSessionTimeout, memberID: request.memberID)) }
        let group = groups[request.groupID]
        guard let group = group ?? (request.memberID.isEmpty ? add(request.groupID) : nil) else {
            return reply(.refused(.unknownMemberID, memberID: request.memberID))
        }
        let known = knownMember(request, in: group)
        guard group.accepts(request.protocolType, request.protocols, besides: known) else {
            removeIfUnused(group)
            return reply(.refused(.inconsistentGroupProtocol, memberID: request.memberID))
        }
        if request.memberID.isEmpty {
            joinNew(request, group, replacing: known, ticket, reply)
        } else if let pending = group.pending.removeValue(forKey: request.memberID) {
            loop.cancel(pending.timer)
            addMember(request.memberID, request, group, ticket, reply)
        } else if let known {
            rejoin(known, request, group, ticket, reply)
        } else {
            let isFenced = request.instanceID.map { group.member(instance: $0) != nil } ?? false
            reply(
                .refused(
                    isFenced ? .fencedInstanceID : .unknownMemberID, memberID: request.memberID))
        }
    }

    /// Gives a member what the leader assigned to it; from the leader, takes the assignments.
    func sync(
        _ groupID: String, generation: Int32, memberID: String, instanceID: String?,
        assignments: [(memberID: String, assignment: [UInt8])], _ connection: Connection,
        _ reply: @escaping (SyncOutcome) -> Void
    ) {
        let checked = check(groupID, generation, memberID, instanceID)
        guard case .success(let (group, member)) = checked else {
            return reply(SyncOutcome(error: checked.error))
        }
        hear(member, group)
        switch group.state {
        case .empty: reply(SyncOutcome(error: .unknownMemberID))
        case .preparing: reply(SyncOutcome(error: .rebalanceInProgress))
        case .stable: reply(SyncOutcome(assignment: member.assignment))
        case .completing:
            member.syncReply = reply
            member.connection = connection
            guard memberID == group.leaderID else { return }
            let byMember = Dictionary(
                assignments.map { ($0.memberID, $0.assignment) }, uniquingKeysWith: { $1 })
            stopTimer(group)
            group.state = .stable
            for member in group.members {
                member.assignment = byMember[member.id] ?? []
                hear(member, group)
                member.answerSync(SyncOutcome(assignment: member.assignment))
            }
            didSettle(GroupSnapshot(group))
        }
    }

    /// Takes note that a member lives; tells it when it has to join again.
    func heartbeat(
        _ groupID: String, generation: Int32, memberID: String, instanceID: String?
    ) -> ErrorCode {
        let checked = check(groupID, generation, memberID, instanceID)
        guard case .success(let (group, member)) = checked else { return checked.error }
        hear(member, group)
        return group.state == .preparing ? .rebalanceInProgress : .none
    }

    /// Takes a member out.
    func leave(_ groupID: String, memberID: String, instanceID: String?) -> ErrorCode {
        guard let group = groups[groupID] else { return .unknownMemberID }
        if let pending = group.pending.removeValue(forKey: memberID) {
            loop.cancel(pending.timer)
            tryCompleteJoin(group)
            removeIfUnused(group)
            return .none
        }
        let member =
            memberID.isEmpty
            ? instanceID.flatMap { group.member(instance: $0) } : group.member(memberID)
        guard let member else {
            let isFenced = instanceID.map { group.member(instance: $0) != nil } ?? false
            return isFenced ? .fencedInstanceID : .unknownMemberID
        }
        remove(member, from: group, reason: "left")
        return .none
    }

    /// Whether a commit of offsets is allowed.
    func checkCommit(
        _ groupID: String, generation: Int32, memberID: String, instanceID: String?
    ) -> ErrorCode {
        guard let group = groups[groupID], !group.members.isEmpty else {
            // A consumer that assigns partitions itself is no member of anything.
            if generation < 0 { return .none }
            return groups[groupID] == nil ? .illegalGeneration : .unknownMemberID
        }
        if generation < 0 && memberID.isEmpty { return .unknownMemberID }
        let checked = check(groupID, generation, memberID, instanceID)
        guard case .success(let (group, member)) = checked else { return checked.error }
        hear(member, group)
        return group.state == .completing ? .rebalanceInProgress : .none
    }

    /// Forgets the answers that a connection waited for.
    func connectionClosed(_ connection: Connection) {
        for group in groups.values {
            for (id, pending) in group.pending where pending.connection === connection {
                loop.cancel(pending.timer)
                group.pending[id] = nil
            }
            for member in group.members where member.connection === connection {
                member.connection = nil
                member.syncReply = nil
                guard member.joinReply != nil else { continue }
                member.joinReply = nil
                hear(member, group)
                // Nobody could ever join again under an ID that nobody was told.
                if member.isIDUnknownToClient {
                    remove(member, from: group, reason: "disconnected while joining")
                }
            }
            tryCompleteJoin(group)
            removeIfUnused(group)
        }
    }

    /// Cancels all timers.
    func stop() {
        for group in groups.values {
            stopTimer(group)
            for pending in group.pending.values { loop.cancel(pending.timer) }
            for member in group.members { stopSession(member) }
        }
        groups = [:]
    }

    private func check(
        _ groupID: String, _ generation: Int32, _ memberID: String, _ instanceID: String?
    ) -> Result<(Group, GroupMember), ErrorCode> {
        guard let group = groups[groupID] else { return .failure(.unknownMemberID) }
        guard let member = group.member(memberID) else {
            let isFenced = instanceID.map { group.member(instance: $0) != nil } ?? false
            return .failure(isFenced ? .fencedInstanceID : .unknownMemberID)
        }
        if let instanceID, member.instanceID != instanceID { return .failure(.unknownMemberID) }
        guard generation == group.generation else { return .failure(.illegalGeneration) }
        return .success((group, member))
    }

    // MARK: - Joining

    private func knownMember(_ request: JoinRequest, in group: Group) -> GroupMember? {
        guard request.memberID.isEmpty else {
            let member = group.member(request.memberID)
            return member?.instanceID == request.instanceID ? member : nil
        }
        return request.instanceID.flatMap { group.member(instance: $0) }
    }

    private func joinNew(
        _ request: JoinRequest, _ group: Group, replacing known: GroupMember?,
        _ ticket: ReplyTicket, _ reply: @escaping (JoinOutcome) -> Void
    ) {
        let prefix = request.instanceID ?? ticket.clientID
        let id = "\(prefix)-\(randomUUIDText())"
        if let known {
            replace(known, by: id, request, group, ticket, reply)
            return
        }
        guard group.members.count + group.pending.count < configuration.groupMembersMax else {
            return reply(.refused(.groupMaxSizeReached))
        }
        guard request.mustKnowID, request.instanceID == nil else {
            addMember(id, request, group, ticket, reply)
            group.members.last?.isIDUnknownToClient = true
            return
        }
        let timeout = Duration.milliseconds(request.sessionTimeoutMillis)
        let timer = loop.schedule(after: timeout) { [weak self, weak group] in
            guard let self, let group else { return }
            group.pending[id] = nil
            tryCompleteJoin(group)
            removeIfUnused(group)
        }
        group.pending[id] = Group.Pending(connection: ticket.connection, timer: timer)
        reply(.refused(.memberIDRequired, memberID: id))
    }

    private func addMember(
        _ id: String, _ request: JoinRequest, _ group: Group, _ ticket: ReplyTicket,
        _ reply: @escaping (JoinOutcome) -> Void
    ) {
        let member = GroupMember(
            id: id, request, clientID: ticket.clientID, clientHost: ticket.connection.socket.peer)
        if group.members.isEmpty { group.protocolType = request.protocolType }
        group.add(member)
        wait(member, ticket.connection, reply)
        rebalance(group, reason: "a member joined")
    }

    private func rejoin(
        _ member: GroupMember, _ request: JoinRequest, _ group: Group, _ ticket: ReplyTicket,
        _ reply: @escaping (JoinOutcome) -> Void
    ) {
        let isUnchanged = member.protocols == request.protocols
        member.update(request)
        hear(member, group)
        switch group.state {
        case .completing where isUnchanged,
            .stable where isUnchanged && member.id != group.leaderID:
            // The answer got lost on its way, or the client only wants to hear it again.
            reply(group.outcome(for: member))
        case .preparing:
            wait(member, ticket.connection, reply)
            tryCompleteJoin(group)
        case .empty, .completing, .stable:
            wait(member, ticket.connection, reply)
            rebalance(group, reason: "a member joined again")
        }
    }

    /// Lets a restarted static member take its former place.
    private func replace(
        _ member: GroupMember, by id: String, _ request: JoinRequest, _ group: Group,
        _ ticket: ReplyTicket, _ reply: @escaping (JoinOutcome) -> Void
    ) {
        member.answerJoin(.refused(.fencedInstanceID, memberID: member.id))
        member.answerSync(SyncOutcome(error: .fencedInstanceID))
        let formerLeader = group.leaderID
        let wasLeader = group.leaderID == member.id
        member.id = id
        if wasLeader { group.leaderID = id }
        let isUnchanged = member.protocols == request.protocols
        member.update(request)
        hear(member, group)
        if group.state == .stable, isUnchanged {
            // Told of its former self as leader, it asks for its assignment and computes none.
            var outcome = group.outcome(for: member)
            outcome.leaderID = formerLeader
            outcome.members = []
            didSettle(GroupSnapshot(group))
            reply(outcome)
            return
        }
        wait(member, ticket.connection, reply)
        rebalance(group, reason: "a static member came back")
    }

    private func wait(
        _ member: GroupMember, _ connection: Connection,
        _ reply: @escaping (JoinOutcome) -> Void
    ) {
        member.answerJoin(.refused(.unknownMemberID, memberID: member.id))
        member.joinReply = reply
        member.connection = connection
        stopSession(member)
    }

    // MARK: - The set of groups

    private func add(_ id: String) -> Group {
        let group = Group(id: id)
        groups[id] = group
        didCount(groups.count)
        return group
    }

    func removeIfUnused(_ group: Group) {
        guard group.members.isEmpty, group.pending.isEmpty, group.state != .completing,
            group.state != .stable
        else { return }
        if group.state == .preparing {
            group.state = .empty
        }
        stopTimer(group)
        groups[group.id] = nil
        didEmpty(group.id)
        didCount(groups.count)
    }
}

extension Result where Failure == ErrorCode {
    /// The failure's code, or none.
    fileprivate var error: ErrorCode {
        switch self {
        case .success: .none
        case .failure(let error): error
        }
    }
}

/// A random UUID, as text.
private func randomUUIDText() -> String {
    let value = UInt128.random(in: 0...UInt128.max)
    let digits = String(value, radix: 16)
    let padded = Array(String(repeating: "0", count: 32 - digits.count) + digits)
    return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(padded[$0]) }
        .joined(separator: "-")
}
