import Testing

@testable import EmbeddedBroker

@Suite struct GroupTests {
    /// Asks until the group wants its members to join again.
    private func waitForRebalance(
        _ client: RawClient, _ group: String, _ member: JoinAnswer
    ) async throws {
        for _ in 0..<2_000 {
            let error = try await client.heartbeat(group, member.generation, member.memberID)
            if error == ErrorCode.rebalanceInProgress.rawValue { return }
            #expect(error == 0)
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("the group never rebalanced")
    }

    @Test func `a member alone leads and gets what it assigns`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            let member = try await client.join("g")
            #expect(member.error == 0)
            #expect(member.generation == 1)
            #expect(member.leaderID == member.memberID)
            #expect(member.members == [member.memberID])
            #expect(member.protocolName == "range")
            let synced = try await client.sync("g", 1, member.memberID, [(member.memberID, [7])])
            #expect(synced.assignment == [7])
            #expect(try await client.heartbeat("g", 1, member.memberID) == 0)
        }
    }

    @Test func `a second member makes the first one join again, and both get their parts`()
        async throws
    {
        try await withBroker { broker in
            let first = try broker.client()
            let second = try broker.client()
            let alone = try await first.join("g")
            _ = try await first.sync("g", 1, alone.memberID, [(alone.memberID, [1])])

            async let joining = second.join("g")
            try await waitForRebalance(first, "g", alone)
            let leader = try await first.join("g", alone.memberID, metadata: [2])
            let follower = try await joining
            #expect(leader.generation == 2)
            #expect(follower.generation == 2)
            #expect(leader.leaderID == alone.memberID)
            #expect(Set(leader.members) == [alone.memberID, follower.memberID])
            #expect(follower.members.isEmpty)

            async let waiting = second.sync("g", 2, follower.memberID)
            let own = try await first.sync(
                "g", 2, leader.memberID,
                [(leader.memberID, [1]), (follower.memberID, [2])])
            #expect(own.assignment == [1])
            #expect(try await waiting.assignment == [2])

            // The second one leaves, the first one is asked to join again.
            #expect(try await second.leave("g", follower.memberID) == 0)
            try await waitForRebalance(first, "g", leader)
            let last = try await first.join("g", leader.memberID)
            #expect(last.generation == 3)
            #expect(last.members == [leader.memberID])
        }
    }

    @Test func `a silent member is out after its session time-out`() async throws {
        try await withBroker {
            $0.groupSessionTimeoutMin = .milliseconds(50)
        } _: { broker in
            let first = try broker.client()
            let second = try broker.client()
            let member = try await first.join("g", sessionTimeoutMillis: 10_000)
            _ = try await first.sync("g", 1, member.memberID, [(member.memberID, [1])])
            async let joining = second.join("g", sessionTimeoutMillis: 100)
            try await waitForRebalance(first, "g", member)
            let leader = try await first.join("g", member.memberID, metadata: [2])
            let silent = try await joining
            _ = try await first.sync("g", 2, leader.memberID, [])
            // The second member says nothing more.
            try await waitForRebalance(first, "g", leader)
            let alone = try await first.join("g", leader.memberID, metadata: [3])
            #expect(alone.members == [leader.memberID])
            #expect(
                try await second.heartbeat("g", 2, silent.memberID)
                    == ErrorCode.unknownMemberID.rawValue)
        }
    }

    @Test func `a client that vanishes between its two joins holds nobody up`() async throws {
        try await withBroker { broker in
            let vanishing = try broker.client()
            let answer = try RawClient.readJoin(
                try await vanishing.call(
                    .joinGroup, 5, RawClient.joinBody("g", "", sessionTimeoutMillis: 600_000)))
            #expect(answer.error == ErrorCode.memberIDRequired.rawValue)
            await vanishing.disconnect()
            let client = try broker.client()
            #expect(try await client.join("g").generation == 1)
        }
    }

    @Test func `strangers and old generations are told so`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            #expect(
                try await client.heartbeat("g", 1, "nobody") == ErrorCode.unknownMemberID.rawValue)
            #expect(
                try await client.join("g", "nobody").error == ErrorCode.unknownMemberID.rawValue)
            let member = try await client.join("g")
            _ = try await client.sync("g", 1, member.memberID, [])
            #expect(
                try await client.heartbeat("g", 9, member.memberID)
                    == ErrorCode.illegalGeneration.rawValue)
            #expect(
                try await client.sync("g", 9, member.memberID).error
                    == ErrorCode.illegalGeneration.rawValue)
            #expect(
                try await client.join("g", sessionTimeoutMillis: 1).error
                    == ErrorCode.invalidSessionTimeout.rawValue)
            #expect(try await client.join("").error == ErrorCode.invalidGroupID.rawValue)
            let other = try RawClient.readJoin(
                try await client.call(
                    .joinGroup, 5, RawClient.joinBody("g", "", protocols: ["other"])))
            #expect(other.error == ErrorCode.inconsistentGroupProtocol.rawValue)
        }
    }

    @Test func `a static member that restarts takes its place without a rebalance`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            let member = try await client.join("g", instanceID: "one")
            _ = try await client.sync("g", 1, member.memberID, [(member.memberID, [5])])
            let again = try broker.client()
            let returned = try await again.join("g", instanceID: "one")
            #expect(returned.generation == 1)
            #expect(returned.memberID != member.memberID)
            #expect(try await again.sync("g", 1, returned.memberID).assignment == [5])
            #expect(
                try RawClient.readJoin(
                    try await client.call(
                        .joinGroup, 5,
                        RawClient.joinBody("g", member.memberID, instanceID: "one"))
                ).error == ErrorCode.fencedInstanceID.rawValue)
        }
    }

    @Test func `offsets are taken from members of this generation and from nobody else`()
        async throws
    {
        try await withBroker { broker in
            let client = try broker.client()
            try await client.metadata("t")
            // A consumer that assigns partitions itself.
            #expect(try await client.commit("alone", "t", 0, 3) == 0)
            #expect(try await client.committed("alone", "t", 0) == 3)
            let member = try await client.join("g")
            #expect(
                try await client.commit("g", "t", 0, 4, generation: 1, memberID: member.memberID)
                    == ErrorCode.rebalanceInProgress.rawValue)
            _ = try await client.sync("g", 1, member.memberID, [])
            #expect(
                try await client.commit("g", "t", 0, 4, generation: 1, memberID: member.memberID)
                    == 0)
            #expect(
                try await client.commit("g", "t", 0, 5) == ErrorCode.unknownMemberID.rawValue)
            #expect(
                try await client.commit("g", "t", 0, 5, generation: 0, memberID: member.memberID)
                    == ErrorCode.illegalGeneration.rawValue)
            #expect(
                try await client.commit("g", "t", 77, 5, generation: 1, memberID: member.memberID)
                    == ErrorCode.unknownTopicOrPartition.rawValue)
            #expect(try await client.committed("g", "t", 0) == 4)
        }
    }

    @Test func `groups are listed and described`() async throws {
        try await withBroker { broker in
            let client = try broker.client()
            let member = try await client.join("g")
            _ = try await client.sync("g", 1, member.memberID, [(member.memberID, [9])])
            var reader = WireReader(try await client.call(.listGroups, 0, []))
            #expect(try reader.int16() == 0)
            #expect(try reader.int32() == 1)
            #expect(try reader.string() == "g")
            let answer = try await client.call(
                .describeGroups, 0, body { $0.array(["g", "none"]) { $0.string($1) } })
            reader = WireReader(answer)
            _ = try reader.int32()
            _ = try reader.int16()
            #expect(try reader.string() == "g")
            #expect(try reader.string() == "Stable")
            #expect(try reader.string() == "consumer")
            #expect(try reader.string() == "range")
            #expect(try reader.int32() == 1)
            #expect(try reader.string() == member.memberID)
        }
    }
}
