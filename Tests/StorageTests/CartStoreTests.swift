import CartService
import Messages
import PostgresShim
import Telemetry
import Testing

@testable import Adapters

@Suite struct CartStoreTests {
    private func withStore<Result>(
        _ body: (PostgresCartStore, PostgresPool) async throws -> Result
    ) async throws -> Result {
        try await withSchema { configuration in
            _ = try await SchemaMigrator(configuration, logger: quiet).migrate()
            var own = PostgresConfiguration.service(
                url: configuration.url, applicationName: "storage-tests")
            own.settings.merge(configuration.settings) { _, new in new }
            let pool = PostgresPool(own, size: 4, metrics: MetricsRegistry(), logger: quiet)
            do {
                let result = try await body(PostgresCartStore(pool), pool)
                await pool.close()
                return result
            } catch {
                await pool.close()
                throw error
            }
        }
    }

    private func event(
        cart: UInt128, _ version: Int, request: String = "r1", json: String = #"{"type":"x"}"#
    ) throws -> StoredEvent {
        StoredEvent(
            cartID: CartID(bits: cart), version: version, partition: 3,
            requestID: try #require(RequestID(ofPart: request)), type: "x", json: Array(json.utf8),
            at: Timestamp(millis: 1_700_000_000_123))
    }

    private func obligation(
        cart: UInt128, _ request: String, _ action: InventoryRequest.Action, partition: Int = 3
    ) throws -> Obligation {
        Obligation(
            message: .inventory(
                InventoryRequest(
                    cartID: CartID(bits: cart), requestID: try #require(RequestID(ofPart: request)),
                    userID: try #require(UserID("anna")),
                    productCode: try #require(ProductCode("A")), action: action)),
            partition: partition, dueAt: Timestamp(millis: 1_700_000_001_000))
    }

    @Test func `epochs rise with every owner`() async throws {
        try await withStore { store, _ in
            let first = try await store.raiseEpochs([1, 2], owner: "a")
            #expect(first == [1: 1, 2: 1])
            #expect(try await store.raiseEpochs([2, 3, 2], owner: "b") == [2: 2, 3: 1])
            #expect(try await store.raiseEpochs([], owner: "b") == [:])
        }
    }

    @Test func `events are read as they were written, in order`() async throws {
        try await withStore { store, _ in
            var append = CartAppend()
            append.epochs = try await store.raiseEpochs([3], owner: "a")
            let events = [
                try event(cart: 1, 1, json: #"{"type":"x",  "n":1e0}"#),
                try event(cart: 1, 2, request: "r2"), try event(cart: 2, 1),
            ]
            append.events = events
            try await store.append(append)
            let found = try await store.histories(of: [1, 2, 9].map { CartID(bits: $0) })
            #expect(found[CartID(bits: 1)] == CartHistory(events: Array(events[0...1])))
            #expect(found[CartID(bits: 2)] == CartHistory(events: [events[2]]))
            #expect(found.count == 2)
            let request = CartRequestKey(cartID: CartID(bits: 1), requestID: events[1].requestID)
            #expect(try await store.events(of: [request, request]) == [events[1]])
            #expect(try await store.histories(of: []).isEmpty)
            #expect(try await store.events(of: [] as [CartRequestKey]).isEmpty)
        }
    }

    @Test func `a history begins at the snapshot, and the newest snapshot counts`() async throws {
        try await withStore { store, _ in
            let cartID = CartID(bits: 1)
            var append = CartAppend()
            append.epochs = try await store.raiseEpochs([3], owner: "a")
            append.events = try (1...3).map { try event(cart: 1, $0) }
            append.snapshots = [
                StoredSnapshot(cartID: cartID, version: 2, json: Array(#"{"v": 2}"#.utf8))
            ]
            try await store.append(append)
            let first = try await store.histories(of: [cartID, cartID])[cartID]
            #expect(first?.snapshot == append.snapshots[0])
            #expect(first?.events == [append.events[2]])
            append.events = [try event(cart: 1, 4)]
            append.snapshots = [
                StoredSnapshot(cartID: cartID, version: 4, json: Array(#"{"v": 4}"#.utf8))
            ]
            try await store.append(append)
            #expect(
                try await store.histories(of: [cartID])
                    == [cartID: CartHistory(snapshot: append.snapshots[0])])
        }
    }

    @Test func `only old events that a snapshot covers are pruned`() async throws {
        try await withStore { store, pool in
            var append = CartAppend()
            append.epochs = try await store.raiseEpochs([3], owner: "a")
            append.events =
                try (1...4).map { try event(cart: 1, $0) } + (1...2).map { try event(cart: 2, $0) }
            append.snapshots = [
                StoredSnapshot(cartID: CartID(bits: 1), version: 3, json: Array("{}".utf8))
            ]
            try await store.append(append)
            _ = try await pool.pipeline([
                PostgresStatement(
                    "UPDATE cart_event SET created_at = now() WHERE cart_id = $1 AND version = 2",
                    [.uuid(1)])
            ])
            func prune() async throws -> Int {
                var next: CartID? = CartID(bits: 0)
                var count = 0
                while let first = next {
                    let round = try await store.pruneEvents(
                        from: first, olderThan: .seconds(86_400))
                    next = round.next
                    count += round.count
                }
                return count
            }
            let count = try await prune()
            #expect(count == 2)
            let left = try await pool.withConnection {
                try await $0.execute(
                    "SELECT version FROM cart_event WHERE cart_id = $1 ORDER BY 1", [.uuid(1)])
            }
            #expect(left.rowCount == 2)
            #expect(try left.int8(0, 0) == 2 && left.int8(1, 0) == 4)
            #expect(
                try await store.histories(of: [CartID(bits: 2)])[CartID(bits: 2)]?.events.count == 2
            )
        }
    }

    @Test func `pruning goes through all carts, and a bounded number of each one's events`()
        async throws
    {
        try await withStore { store, pool in
            _ = try await pool.pipeline([
                PostgresStatement(
                    """
                    INSERT INTO cart_event
                    SELECT lpad(to_hex(cart), 32, '0')::uuid, version, 1, 'r', 'x', '{}',
                        now() - interval '2 days'
                    FROM generate_series(0, 249) AS cart,
                        generate_series(1, CASE cart WHEN 7 THEN 1500 ELSE 2 END) AS version
                    """),
                PostgresStatement(
                    """
                    INSERT INTO cart_snapshot
                    SELECT cart_id, max(version), '{}', now() FROM cart_event GROUP BY cart_id
                    """),
            ])
            var counts: [Int] = []
            var next: CartID? = CartID(bits: 0)
            while let first = next {
                let round = try await store.pruneEvents(from: first, olderThan: .seconds(86_400))
                counts.append(round.count)
                next = round.next
            }
            #expect(counts == [1_198, 200, 100, 0])
            let left = try await store.pruneEvents(
                from: CartID(bits: 7), olderThan: .seconds(86_400))
            #expect(left.count == 500)
        }
    }

    @Test func `a version that stands is a conflict, and nothing of the batch is written`()
        async throws
    {
        try await withStore { store, _ in
            var append = CartAppend()
            append.epochs = try await store.raiseEpochs([3], owner: "a")
            append.events = [try event(cart: 1, 1)]
            try await store.append(append)
            append.events = [try event(cart: 2, 1), try event(cart: 1, 1)]
            append.obligations = [try obligation(cart: 2, "r1", .lower(to: 0))]
            await #expect(throws: CartStoreError.conflict) { try await store.append(append) }
            #expect(try await store.histories(of: [CartID(bits: 2)]).isEmpty)
            #expect(try await store.obligations(of: [3]).isEmpty)
        }
    }

    @Test func `a former owner can neither write nor read on`() async throws {
        try await withStore { store, _ in
            var old = CartAppend()
            old.epochs = try await store.raiseEpochs([3, 4], owner: "a")
            try await store.append(old)
            _ = try await store.raiseEpochs([4], owner: "b")
            await #expect(throws: CartStoreError.fenced) { try await store.append(old) }
            old.events = [try event(cart: 1, 1)]
            await #expect(throws: CartStoreError.fenced) { try await store.append(old) }
            old.epochs = [3: 1]
            try await store.append(old)
            var unknown = CartAppend()
            unknown.epochs = [77: 1]
            await #expect(throws: CartStoreError.fenced) { try await store.append(unknown) }
        }
    }

    @Test(arguments: [
        epochStatements([3: 1]),
        // What programs of former versions still do.
        [
            PostgresStatement(
                "SELECT check_cart_epochs($1, $2)", [.int4Array([3]), .int8Array([1])])
        ],
    ])
    func `raising waits for a batch that has passed its check`(
        check: [PostgresStatement]
    ) async throws {
        try await withStore { store, pool in
            _ = try await store.raiseEpochs([3], owner: "a")
            try await pool.withConnection { connection in
                _ = try await connection.pipeline([.begin] + check)
                let pid = await connection.backendProcessID
                async let raised = store.raiseEpochs([3], owner: "b")
                try await eventually("the raise waits") {
                    let waiting = try await pool.pipeline([
                        PostgresStatement(
                            """
                            SELECT count(*) FROM pg_stat_activity
                            WHERE $1 = ANY (pg_blocking_pids(pid))
                            """, [.int4(pid)])
                    ])
                    return try waiting[0].int8(0, 0) == 1
                }
                _ = try await connection.pipeline([.commit])
                #expect(try await raised == [3: 2])
            }
        }
    }

    @Test func `a batch that meets a raise in progress is fenced`() async throws {
        try await withStore { store, pool in
            var append = CartAppend()
            append.epochs = try await store.raiseEpochs([3], owner: "a")
            let batch = append
            try await pool.withConnection { connection in
                _ = try await connection.pipeline([
                    .begin, PostgresStatement("UPDATE cart_partition SET epoch = epoch + 1"),
                ])
                let pid = await connection.backendProcessID
                async let outcome = refusal(of: batch, by: store)
                try await eventually("the batch waits") {
                    let waiting = try await pool.pipeline([
                        PostgresStatement(
                            """
                            SELECT count(*) FROM pg_stat_activity
                            WHERE $1 = ANY (pg_blocking_pids(pid))
                            """, [.int4(pid)])
                    ])
                    return try waiting[0].int8(0, 0) == 1
                }
                _ = try await connection.pipeline([.commit])
                #expect(await outcome == .fenced)
            }
        }
    }

    @Test func `once an epoch is raised, nothing of the former owner is added`() async throws {
        try await withStore { store, _ in
            for round in 1...20 {
                let epochs = try await store.raiseEpochs([3, 4], owner: "a")
                let cartID = CartID(bits: UInt128(round))
                async let end = writeUntilRefused(store, cartID, epochs)
                try await eventually("the former owner writes") {
                    try await store.histories(of: [cartID]).count == 1
                }
                _ = try await store.raiseEpochs([4], owner: "b")
                let history = try await store.histories(of: [cartID])
                #expect(try await end == .fenced)
                #expect(try await store.histories(of: [cartID]) == history)
            }
        }
    }

    private func writeUntilRefused(
        _ store: PostgresCartStore, _ cartID: CartID, _ epochs: [Int: Int]
    ) async throws -> CartStoreError {
        var append = CartAppend()
        append.epochs = epochs
        var version = 0
        while true {
            version += 1
            append.events = [try event(cart: cartID.bits, version)]
            if let refusal = await refusal(of: append, by: store) { return refusal }
        }
    }

    private func refusal(
        of append: CartAppend, by store: PostgresCartStore
    ) async -> CartStoreError? {
        do throws(CartStoreError) {
            try await store.append(append)
            return nil
        } catch {
            return error
        }
    }

    @Test func `obligations are kept, replaced and discharged`() async throws {
        try await withStore { store, _ in
            var append = CartAppend()
            append.epochs = try await store.raiseEpochs([3], owner: "a")
            let ask = try obligation(
                cart: 1, "r1", .ask(quantity: 4, until: Timestamp(millis: 1_700_000_009_999)))
            let other = try obligation(cart: 1, "r2", .lower(to: 2), partition: 4)
            append.obligations = [ask, other]
            try await store.append(append)
            #expect(try await store.obligations(of: [3]) == [ask])
            #expect(Set(try await store.obligations(of: [3, 4])) == [ask, other])

            let lower = try obligation(cart: 1, "r1", .lower(to: 0))
            append.obligations = [lower]
            append.discharged = [other.key]
            try await store.append(append)
            #expect(try await store.obligations(of: [3, 4]) == [lower])

            append.obligations = [lower]
            append.discharged = [lower.key]
            try await store.append(append)
            #expect(try await store.obligations(of: [3, 4]) == [lower])
        }
    }

    @Test func `the events of a request are its own and its parts', of no other`() async throws {
        try await withStore { store, _ in
            let other = CartID(bits: 0xAB)
            let ofRequest = ["m1", "m1/0", "m1/1", "m1/12", "m1/\(other)"]
            let ofOthers = ["m", "m1.1", "m1-1", "m10", "m1:1", "M1/1", "m/1", "m11/1", "m1.1/1"]
            var append = CartAppend()
            append.epochs = try await store.raiseEpochs([3], owner: "a")
            append.events = try (ofOthers + ofRequest).enumerated().map {
                try event(cart: 1, $0.offset + 1, request: $0.element)
            }
            append.events.append(try event(cart: 2, 1, request: "m1/1"))
            try await store.append(append)
            let request = CartRequestKey(
                cartID: CartID(bits: 1), requestID: try #require(RequestID("m1")))
            let found = try await store.events(of: [request, request])
            #expect(found.map(\.requestID.text) == ofRequest)
            #expect(found.map(\.version) == Array(ofOthers.count + 1...append.events.count - 1))
            let part = CartRequestKey(cartID: CartID(bits: 2), requestID: found[2].requestID)
            #expect(try await store.events(of: [part]).map(\.cartID) == [CartID(bits: 2)])
        }
    }

    @Test func `what a merge owes is kept with the hold and the cart that it takes from`()
        async throws
    {
        try await withStore { store, _ in
            let (cartID, guest) = (CartID(bits: 1), CartID(bits: 9))
            let user = try #require(UserID("anna"))
            let key = CartRequestKey(cartID: cartID, requestID: try #require(RequestID("m1")))
            let fetch = Obligation(
                message: .fetch(key, userID: user, from: guest), partition: 3,
                dueAt: Timestamp(millis: 1_700_000_001_000))
            var append = CartAppend()
            append.epochs = try await store.raiseEpochs([3], owner: "a")
            append.obligations = [fetch]
            try await store.append(append)
            #expect(try await store.obligations(of: [3]) == [fetch])

            // The answer settles the fetch, and asks for each hold with its source.
            let source = HoldSource(
                cartID: guest, requestID: try #require(RequestID(ofPart: "set-7/3")))
            let until = Timestamp(millis: 1_700_000_009_999)
            let asks = [
                try obligation(cart: 1, "m1/1", .ask(quantity: 4, until: until, from: source)),
                try obligation(
                    cart: 1, "m1/2", .ask(quantity: 1, until: Timestamp(millis: 0), from: source)),
                try obligation(cart: 1, "m1/3", .lower(to: 0, from: source)),
                try obligation(cart: 1, "m1/4", .ask(quantity: 2, until: until)),
            ]
            append.obligations = asks
            append.discharged = [key]
            try await store.append(append)
            #expect(Set(try await store.obligations(of: [3])) == Set(asks))

            // A lower in the place of an ask forgets the ask's source where it has none itself.
            let lower = try obligation(cart: 1, "m1/1", .lower(to: 1))
            append.obligations = [lower]
            append.discharged = asks.dropFirst().map(\.key)
            try await store.append(append)
            #expect(try await store.obligations(of: [3]) == [lower])
        }
    }

    @Test func `an event that is no JSON is refused for ever`() async throws {
        try await withStore { store, _ in
            var append = CartAppend()
            append.epochs = try await store.raiseEpochs([3], owner: "a")
            append.events = [try event(cart: 1, 1, json: "{")]
            await #expect {
                try await store.append(append)
            } throws: {
                guard case .refused = $0 as? CartStoreError else { return false }
                return true
            }
        }
    }

    @Test func `Postgres away is a reason to try again`() async throws {
        let pool = PostgresPool(
            PostgresConfiguration(url: "postgres://holdfast@127.0.0.1:1/nothing"), size: 1,
            metrics: MetricsRegistry(), logger: quiet)
        let store = PostgresCartStore(pool)
        for _ in 0..<2 {
            await #expect {
                _ = try await store.histories(of: [CartID(bits: 1)])
            } throws: {
                guard case .unavailable = $0 as? CartStoreError else { return false }
                return true
            }
        }
    }
}
