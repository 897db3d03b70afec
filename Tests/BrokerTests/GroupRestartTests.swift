import Testing

@testable import EmbeddedBroker

@Suite struct GroupRestartTests {
    /// Two members that share a generation.
    private func settle(
        _ first: RawClient, _ second: RawClient, sessionTimeoutMillis: Int32 = 10_000
    ) async throws -> (generation: Int32, leader: String, follower: String) {
        let alone = try await first.join("g", sessionTimeoutMillis: sessionTimeoutMillis)
        async let joining = second.join("g", sessionTimeoutMillis: sessionTimeoutMillis)
        _ = try await first.sync("g", alone.generation, alone.memberID, [(alone.memberID, [9])])
        while try await first.heartbeat("g", alone.generation, alone.memberID) == 0 {}
        let leader = try await first.join(
            "g", alone.memberID, sessionTimeoutMillis: sessionTimeoutMillis)
        let follower = try await joining
        let assignments: [(String, [UInt8])] = [(leader.memberID, [1]), (follower.memberID, [2])]
        let synced = try await first.sync("g", leader.generation, leader.memberID, assignments)
        #expect(synced.error == 0)
        return (leader.generation, leader.memberID, follower.memberID)
    }

    @Test func `a group goes on after the sudden end of the process`() async throws {
        let broker = try await TestBroker.start()
        let client = try broker.client()
        try await client.metadata("t")
        let group = try await settle(client, try broker.client())

        let restarted = try await broker.restartedAfterKill()
        let again = try restarted.client()
        #expect(try await again.heartbeat("g", group.generation, group.leader) == 0)
        #expect(try await again.heartbeat("g", group.generation, group.follower) == 0)
        #expect(try await again.sync("g", group.generation, group.follower).assignment == [2])
        #expect(
            try await again.commit(
                "g", "t", 0, 0, generation: group.generation, memberID: group.leader) == 0)
        #expect(
            try await again.heartbeat("g", group.generation - 1, group.leader)
                == ErrorCode.illegalGeneration.rawValue)
        // Once all have left, no later start brings them back.
        #expect(try await again.leave("g", group.follower) == 0)
        #expect(try await again.leave("g", group.leader) == 0)
        let last = try await restarted.restartedAfterKill()
        #expect(
            try await last.client().heartbeat("g", group.generation, group.leader)
                == ErrorCode.unknownMemberID.rawValue)
        await last.shutdown()
    }

    @Test func `a member that did not survive the restart is out after its session time-out`()
        async throws
    {
        let broker = try await TestBroker.start()
        let client = try broker.client()
        let group = try await settle(client, try broker.client(), sessionTimeoutMillis: 1_000)
        await broker.shutdown()

        let restarted = try await TestBroker.start(in: broker.directory)
        let again = try restarted.client()
        // The follower lives on and is told to join again as soon as the leader is out.
        var error = ErrorCode.none.rawValue
        while error == 0 {
            error = try await again.heartbeat("g", group.generation, group.follower)
        }
        #expect(error == ErrorCode.rebalanceInProgress.rawValue)
        let next = try await again.join("g", group.follower, sessionTimeoutMillis: 1_000)
        #expect(next.members == [group.follower])
        #expect(next.generation == group.generation + 1)
        await restarted.shutdown()
    }
}
