import Telemetry
import Threading

/// From one generation to the next, and who is out of it.
extension GroupCoordinator {
    /// Has all members join again.
    func rebalance(_ group: Group, reason: String) {
        let isFirst = group.state == .empty
        if group.state == .completing {
            for member in group.members {
                member.answerSync(SyncOutcome(error: .rebalanceInProgress))
            }
        }
        if group.state != .preparing {
            logger.info(
                "group rebalances",
                [
                    "group": group.id, "reason": reason,
                    "generation": String(group.generation),
                ])
            group.state = .preparing
            group.isGathering = isFirst
            let delay =
                isFirst
                ? configuration.groupInitialRebalanceDelay
                : .milliseconds(group.rebalanceTimeoutMillis)
            setTimer(group, after: delay) { [weak self] group in
                group.isGathering = false
                self?.completeJoin(group)
            }
        }
        tryCompleteJoin(group)
    }

    /// Begins the next generation once everybody has joined.
    func tryCompleteJoin(_ group: Group) {
        guard group.state == .preparing, !group.isGathering, group.pending.isEmpty,
            group.members.allSatisfy({ $0.joinReply != nil })
        else { return }
        completeJoin(group)
    }

    private func completeJoin(_ group: Group) {
        stopTimer(group)
        for member in group.members where member.joinReply == nil && member.instanceID == nil {
            stopSession(member)
            group.remove(member)
            logger.warning(
                "member did not join again in time",
                ["group": group.id, "member": member.id])
        }
        let joined = group.members.filter { $0.joinReply != nil }
        guard let first = joined.first else {
            if group.members.isEmpty {
                becomeEmpty(group)
            } else {
                setTimer(group, after: .milliseconds(group.rebalanceTimeoutMillis)) {
                    [weak self] in self?.completeJoin($0)
                }
            }
            return
        }
        group.generation &+= 1
        group.protocolName = group.chooseProtocol()
        if !joined.contains(where: { $0.id == group.leaderID }) { group.leaderID = first.id }
        group.state = .completing
        logger.info(
            "group has a new generation",
            [
                "group": group.id, "generation": String(group.generation),
                "members": String(group.members.count), "protocol": group.protocolName,
            ])
        for member in group.members {
            member.answerJoin(group.outcome(for: member))
            hear(member, group)
        }
        setTimer(group, after: .milliseconds(group.rebalanceTimeoutMillis)) {
            [weak self] group in
            for member in group.members where member.syncReply == nil && member.instanceID == nil {
                self?.remove(member, from: group, reason: "did not ask for its assignment in time")
            }
        }
    }

    /// Takes a member out, and has the others join again.
    func remove(_ member: GroupMember, from group: Group, reason: String) {
        stopSession(member)
        member.answerJoin(.refused(.unknownMemberID, memberID: member.id))
        member.answerSync(SyncOutcome(error: .unknownMemberID))
        group.remove(member)
        logger.info(
            "member removed",
            ["group": group.id, "member": member.id, "reason": reason])
        switch group.state {
        case .stable, .completing: rebalance(group, reason: "a member \(reason)")
        case .preparing: tryCompleteJoin(group)
        case .empty: break
        }
    }

    private func becomeEmpty(_ group: Group) {
        stopTimer(group)
        group.generation &+= 1
        group.state = .empty
        group.leaderID = ""
        group.protocolName = ""
        group.isGathering = false
        removeIfUnused(group)
    }

    // MARK: - Clocks

    /// Notes that a client lives, and watches that it goes on living.
    func hear(_ member: GroupMember, _ group: Group) {
        member.heardMillis = monotonicMillis()
        guard member.sessionTimer == nil, member.joinReply == nil else { return }
        watch(member, group, for: Int64(member.sessionTimeoutMillis))
    }

    private func watch(_ member: GroupMember, _ group: Group, for millis: Int64) {
        member.sessionTimer = loop.schedule(after: .milliseconds(millis)) {
            [weak self, weak member, weak group] in
            guard let self, let member, let group else { return }
            member.sessionTimer = nil
            let silent = monotonicMillis() - member.heardMillis
            let rest = Int64(member.sessionTimeoutMillis) - silent
            if rest > 0 {
                watch(member, group, for: rest)
            } else {
                remove(member, from: group, reason: "was silent for its session time-out")
            }
        }
    }

    /// Ends the watch over a member.
    func stopSession(_ member: GroupMember) {
        if let timer = member.sessionTimer { loop.cancel(timer) }
        member.sessionTimer = nil
    }

    func setTimer(
        _ group: Group, after delay: Duration, _ action: @escaping (Group) -> Void
    ) {
        stopTimer(group)
        group.rebalanceTimer = loop.schedule(after: delay) { [weak group] in
            guard let group else { return }
            group.rebalanceTimer = nil
            action(group)
        }
    }

    /// Cancels what the group waits for.
    func stopTimer(_ group: Group) {
        if let timer = group.rebalanceTimer { loop.cancel(timer) }
        group.rebalanceTimer = nil
    }
}
