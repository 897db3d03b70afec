import Adapters
import InventoryDomain
import InventoryService
import Messages
import PostgresShim
import Telemetry
import Testing

@Suite struct InventoryStoreTests {
    func withStore<Result>(
        poolSize: Int = 4,
        _ body: (PostgresInventoryStore, PostgresPool) async throws -> Result
    ) async throws -> Result {
        try await withSchema { configuration in
            _ = try await SchemaMigrator(configuration, logger: quiet).migrate()
            var own = PostgresConfiguration.service(
                url: configuration.url, applicationName: "storage-tests")
            own.settings.merge(configuration.settings) { _, new in new }
            let pool = PostgresPool(own, size: poolSize, metrics: MetricsRegistry(), logger: quiet)
            do {
                let result = try await body(PostgresInventoryStore(pool), pool)
                await pool.close()
                return result
            } catch {
                await pool.close()
                throw error
            }
        }
    }

    func code(_ text: String) throws -> ProductCode { try #require(ProductCode(text)) }

    func key(_ number: Int) throws -> HoldKey {
        HoldKey(
            cartID: CartID(bits: UInt128(number)),
            requestID: try #require(RequestID("r\(number)")))
    }

    func addProduct(_ pool: PostgresPool, _ code: String, _ quantity: Int64) async throws {
        _ = try await pool.pipeline([
            PostgresStatement(
                "INSERT INTO inventory (product_code, name, quantity) VALUES ($1, $1 || '!', $2)",
                [.text(code), .int8(quantity)])
        ])
    }

    func hold(
        _ key: HoldKey, _ code: ProductCode, _ quantity: Int, _ status: Hold.Status = .held,
        at now: Timestamp
    ) throws -> Hold {
        Hold(
            key: key, productCode: code, userID: try #require(UserID("anna")),
            askQuantity: status == .cancelled ? 0 : quantity,
            holdQuantity: status == .held ? quantity : 0, status: status, createdAt: now,
            expiresAt: status == .held ? now + .seconds(900) : nil)
    }

    @Test func `what is written is read again, every status of it`() async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", 10)
            let (a, missing) = (try code("A"), try code("Z"))
            let keys = try (0..<4).map { try key($0) }
            let statuses: [Hold.Status] = [
                .held, .refused(.outOfStock, available: 2), .cancelled,
                .refused(.unknownProduct, available: 0),
            ]
            let written = try await store.transact(products: [a, missing], holds: keys, counts: [])
            {
                snapshot in
                #expect(snapshot.products.count == 1 && snapshot.holds.isEmpty)
                #expect(
                    snapshot.products[a]
                        == Product(code: a, name: "A!", quantity: 10, held: 0, fence: 0))
                var changes = InventoryChanges()
                for (key, status) in zip(keys, statuses) {
                    guard
                        let hold = try? hold(
                            key, status == statuses[3] ? missing : a, 3, status, at: snapshot.now)
                    else { continue }
                    changes.newHolds.append(hold)
                }
                changes.products = [.init(code: a, heldDelta: 3, fence: 7)]
                return (changes, changes.newHolds)
            }
            #expect(written.count == 4)
            let again = try await store.transact(
                products: [a], holds: keys + keys + [try key(9)], counts: []
            ) { snapshot in (InventoryChanges(), snapshot) }
            #expect(
                again.products[a]
                    == Product(code: a, name: "A!", quantity: 10, held: 3, fence: 7))
            #expect(again.holds.count == 4)
            for hold in written { #expect(again.holds[hold.key] == hold) }
        }
    }

    @Test func `holds past their time are proposed, again only after a while`() async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", 10)
            let (a, first, second) = (try code("A"), try key(1), try key(2))
            try await store.transact(products: [a], holds: [], counts: []) { snapshot in
                var changes = InventoryChanges()
                changes.products = [.init(code: a, heldDelta: 6, fence: 1)]
                changes.newHolds = [first, second].compactMap {
                    try? hold($0, a, 3, at: snapshot.now + .seconds(-1_000))
                }
                return (changes, ())
            }
            let always = try await store.proposeDueHolds(max: 1, repeatAfter: .seconds(60))
            #expect(always.count == 1)
            let others = try await store.proposeDueHolds(max: 9, repeatAfter: .seconds(60))
            #expect(Set((always + others).map(\.requestID)) == [first.requestID, second.requestID])
            let pieces = InventoryResponse.HeldPieces(
                userID: try #require(UserID("anna")), askQuantity: 3, quantity: 3)
            #expect(others.map(\.answer) == [.holdDue(pieces)])
            #expect(others.map(\.productCode) == [a])
            #expect(try await store.proposeDueHolds(max: 9, repeatAfter: .seconds(60)) == [])
            #expect(try await store.proposeDueHolds(max: 9, repeatAfter: .zero).count == 2)

            try await store.transact(products: [a], holds: [], counts: []) { snapshot in
                var changes = InventoryChanges()
                changes.extendedHolds = [first: snapshot.now + .seconds(60)]
                changes.loweredHolds = [second: 0]
                changes.products = [.init(code: a, heldDelta: -3, fence: 2)]
                return (changes, ())
            }
            #expect(try await store.proposeDueHolds(max: 9, repeatAfter: .zero) == [])
        }
    }

    @Test func `a proposal passes over holds that are being worked on`() async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", 10)
            let (a, first) = (try code("A"), try key(1))
            try await store.transact(products: [a], holds: [], counts: []) { snapshot in
                var changes = InventoryChanges()
                changes.products = [.init(code: a, heldDelta: 3, fence: 1)]
                changes.newHolds = [
                    try? hold(first, a, 3, at: snapshot.now + .seconds(-1_000))
                ].compactMap(\.self)
                return (changes, ())
            }
            try await pool.withConnection { connection in
                _ = try await connection.pipeline([
                    .begin, PostgresStatement("SELECT 1 FROM hold FOR UPDATE"),
                ])
                #expect(try await store.proposeDueHolds(max: 9, repeatAfter: .zero) == [])
                _ = try await connection.pipeline([.commit])
            }
            #expect(try await store.proposeDueHolds(max: 9, repeatAfter: .zero).count == 1)
        }
    }

    @Test func `only decisions that hold nothing and are old are pruned`() async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", 10)
            let a = try code("A")
            let keys = try (0..<4).map { try key($0) }
            try await store.transact(products: [a], holds: [], counts: []) { snapshot in
                let past = snapshot.now + .seconds(-100)
                var changes = InventoryChanges()
                changes.products = [.init(code: a, heldDelta: 3, fence: 1)]
                changes.newHolds = [
                    try? hold(keys[0], a, 3, at: past),
                    try? hold(keys[1], a, 3, .cancelled, at: past),
                    try? hold(keys[2], a, 3, .refused(.tooLate, available: 0), at: past),
                    try? hold(keys[3], a, 3, .cancelled, at: snapshot.now),
                ].compactMap(\.self)
                return (changes, ())
            }
            #expect(try await store.pruneHolds(olderThan: .seconds(60), max: 1) == 1)
            #expect(try await store.pruneHolds(olderThan: .seconds(60), max: 9) == 1)
            let left = try await store.transact(products: [], holds: keys, counts: []) {
                (InventoryChanges(), $0.holds)
            }
            #expect(Set(left.keys) == [keys[0], keys[3]])
        }
    }

    @Test func `a product's holds are counted once its row is locked`() async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", 10)
            try await addProduct(pool, "B", 10)
            let (a, b) = (try code("A"), try code("B"))
            let keys = try (0..<3).map { try key($0) }
            try await store.transact(products: [a], holds: [], counts: []) { snapshot in
                var changes = InventoryChanges()
                changes.newHolds = [
                    try? hold(keys[0], a, 3, at: snapshot.now),
                    try? hold(keys[1], a, 2, at: snapshot.now),
                    try? hold(keys[2], a, 9, .cancelled, at: snapshot.now),
                ].compactMap(\.self)
                return (changes, ())
            }
            let counts = try await store.transact(products: [a, b], holds: [], counts: [a, b]) {
                (InventoryChanges(), $0.counts)
            }
            #expect(counts == [a: 5, b: 0])
        }
    }

    @Test func `a hold is lowered, and a lower fence never replaces a higher`() async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", 10)
            let (a, first) = (try code("A"), try key(1))
            try await store.transact(products: [a], holds: [first], counts: []) { snapshot in
                var changes = InventoryChanges()
                changes.products = [.init(code: a, heldDelta: 5, fence: 9)]
                changes.newHolds = [try? hold(first, a, 5, at: snapshot.now)].compactMap(\.self)
                return (changes, ())
            }
            try await store.transact(products: [a], holds: [first], counts: []) { _ in
                var changes = InventoryChanges()
                changes.products = [.init(code: a, heldDelta: -3, fence: 4)]
                changes.loweredHolds = [first: 2]
                return (changes, ())
            }
            let found = try await store.transact(products: [a], holds: [first], counts: []) {
                (InventoryChanges(), $0)
            }
            #expect(found.products[a]?.held == 2 && found.products[a]?.fence == 9)
            #expect(found.holds[first]?.holdQuantity == 2 && found.holds[first]?.askQuantity == 5)
        }
    }

    @Test func `many who race for the last pieces never oversell`() async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", 25)
            try await addProduct(pool, "B", 1_000)
            let (a, b) = (try code("A"), try code("B"))
            let granted = try await withThrowingTaskGroup(of: Int.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        var count = 0
                        for round in 0..<10 {
                            let wanted = try key(worker * 100 + round)
                            // In either order, which must make no difference.
                            let codes = worker % 2 == 0 ? [a, b] : [b, a]
                            let won = try await store.transact(
                                products: codes, holds: [wanted], counts: []
                            ) {
                                snapshot -> (InventoryChanges, Bool) in
                                guard let product = snapshot.products[a], product.available > 0,
                                    let hold = try? hold(wanted, a, 1, at: snapshot.now)
                                else { return (InventoryChanges(), false) }
                                var changes = InventoryChanges()
                                changes.products = [
                                    .init(code: a, heldDelta: 1, fence: product.fence + 1)
                                ]
                                changes.newHolds = [hold]
                                return (changes, true)
                            }
                            if won { count += 1 }
                        }
                        return count
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(granted == 25)
            let rows = try await pool.pipeline([
                PostgresStatement("SELECT held, fence FROM inventory WHERE product_code = 'A'"),
                PostgresStatement("SELECT count(*) FROM hold WHERE hold_quantity > 0"),
            ])
            #expect(try rows[0].int8(0, 0) == 25 && rows[0].int8(0, 1) == 25)
            #expect(try rows[1].int8(0, 0) == 25)
        }
    }

    private typealias Deciding =
        @Sendable (InventorySnapshot) -> (
            InventoryChanges, InventoryResponse.Answer?
        )

    /// Decides a request for product A, as the service does.
    private func deciding(
        _ action: InventoryRequest.Action, for key: HoldKey
    ) throws -> Deciding {
        let request = InventoryRequest(
            cartID: key.cartID, requestID: key.requestID, userID: try #require(UserID("anna")),
            productCode: try code("A"), action: action)
        return { snapshot in
            var changes = InventoryChanges()
            guard
                let decision = ProductDecision(
                    [request], product: snapshot.products[request.productCode],
                    ledger: snapshot.holds, now: snapshot.now, holdsFor: .seconds(900),
                    rule: LockRule(), isLocked: true)
            else { return (changes, nil) }
            changes.newHolds = decision.newHolds
            changes.loweredHolds = decision.loweredHolds
            changes.products = [
                .init(code: request.productCode, heldDelta: decision.heldDelta, fence: 0)
            ]
            return (changes, decision.answers.first?.answer)
        }
    }

    /// What product A's row says is held, and its holds by their requests.
    private struct Books: Equatable {
        let held: Int
        let holds: [String: Int]
    }

    private func books(_ pool: PostgresPool) async throws -> Books {
        let rows = try await pool.pipeline([
            PostgresStatement("SELECT request_id, hold_quantity FROM hold"),
            PostgresStatement("SELECT held FROM inventory WHERE product_code = 'A'"),
        ])
        var holds: [String: Int] = [:]
        for row in 0..<rows[0].rowCount {
            holds[try rows[0].text(row, 0)] = Int(try rows[0].int8(row, 1))
        }
        return Books(held: Int(try rows[1].int8(0, 0)), holds: holds)
    }

    private typealias Asking =
        @Sendable (InventoryRequest.Action, _ cart: Int) async throws -> InventoryResponse.Answer?

    private static let until = Timestamp(millis: 4_000_000_000_000)

    /// Lets cart 1 hold all there is of product A; `body` asks for further carts.
    private func withGuest(
        holding pieces: Int,
        _ body: @Sendable (PostgresPool, HoldSource, @escaping Asking) async throws -> Void
    ) async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", Int64(pieces))
            let guest = try key(1)
            let asking: Asking = { action, cart in
                let key = try key(cart)
                return try await store.transact(
                    products: [try code("A")], holds: [guest, key], counts: [],
                    deciding(action, for: key))
            }
            _ = try await asking(.ask(quantity: pieces, until: Self.until), 1)
            try await body(
                pool, HoldSource(cartID: guest.cartID, requestID: guest.requestID), asking)
        }
    }

    @Test func `the last pieces change their cart in one transaction`() async throws {
        try await withGuest(holding: 3) { pool, source, asking in
            let taken = try await asking(.ask(quantity: 3, until: Self.until, from: source), 2)
            guard case .held? = taken else {
                Issue.record("not held: \(String(describing: taken))")
                return
            }
            let moved = try await books(pool)
            #expect(moved == Books(held: 3, holds: ["r1": 0, "r2": 3]))
            // Said again it is what it was; a lower lets go of what the source has, which is nothing.
            let again = try await asking(.ask(quantity: 3, until: Self.until, from: source), 2)
            #expect(again == taken)
            _ = try await asking(.lower(to: 1, from: source), 2)
            let lowered = try await books(pool)
            #expect(lowered == Books(held: 1, holds: ["r1": 0, "r2": 1]))
        }
    }

    @Test func `a lower that overtakes its ask lets the source go, and the ask gets nothing`()
        async throws
    {
        try await withGuest(holding: 3) { pool, source, asking in
            _ = try await asking(.lower(to: 0, from: source), 2)
            let late = try await asking(.ask(quantity: 3, until: Self.until, from: source), 2)
            if case .held? = late { Issue.record("held") }
            let left = try await books(pool)
            #expect(left == Books(held: 0, holds: ["r1": 0, "r2": 0]))
        }
    }

    @Test func `many who take over one hold get its pieces once`() async throws {
        try await withGuest(holding: 5) { pool, source, asking in
            let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
                for cart in 2...9 {
                    group.addTask {
                        let answer = try await asking(
                            .ask(quantity: 5, until: Self.until, from: source), cart)
                        if case .held? = answer { return true } else { return false }
                    }
                }
                return try await group.reduce(0) { $1 ? $0 + 1 : $0 }
            }
            #expect(winners == 1)
            let won = try await books(pool)
            #expect(won.holds.values.reduce(0, +) == 5 && won.held == 5)
            #expect(won.holds["r1"] == 0)
        }
    }

    @Test func `a hold that another inserted meanwhile is a reason to look again`() async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", 10)
            let (a, first) = (try code("A"), try key(1))
            let insert: @Sendable (InventorySnapshot) -> (InventoryChanges, Void) = { snapshot in
                var changes = InventoryChanges()
                changes.products = [.init(code: a, heldDelta: 1, fence: 0)]
                changes.newHolds = [try? hold(first, a, 1, at: snapshot.now)].compactMap(\.self)
                return (changes, ())
            }
            try await store.transact(products: [a], holds: [], counts: [], insert)
            await #expect {
                try await store.transact(products: [a], holds: [], counts: [], insert)
            } throws: {
                guard case .unavailable = $0 as? InventoryStoreError else { return false }
                return true
            }
            let held = try await pool.pipeline([PostgresStatement("SELECT held FROM inventory")])
            #expect(try held[0].int8(0, 0) == 1)
        }
    }

    @Test func `changes that would oversell are refused for ever`() async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", 10)
            let a = try code("A")
            await #expect {
                try await store.transact(products: [a], holds: [], counts: []) { _ in
                    var changes = InventoryChanges()
                    changes.products = [.init(code: a, heldDelta: 11, fence: 0)]
                    return (changes, ())
                }
            } throws: {
                guard case .refused = $0 as? InventoryStoreError else { return false }
                return true
            }
        }
    }

    @Test func `a lost connection and a missing schema are a reason to try again`() async throws {
        try await withStore(poolSize: 1) { store, pool in
            let a = try code("A")
            let pid = try await pool.withConnection { await $0.backendProcessID }
            try await killBackend(pid)
            try await expectUnavailable(store, a)
            // The next caller gets a fresh connection.
            try await store.transact(products: [a], holds: [], counts: []) { _ in
                (InventoryChanges(), ())
            }
            _ = try await pool.pipeline([PostgresStatement("ALTER TABLE hold RENAME TO gone")])
            try await expectUnavailable(store, a)
        }
    }

    private func expectUnavailable(_ store: PostgresInventoryStore, _ code: ProductCode)
        async throws
    {
        await #expect {
            try await store.transact(products: [code], holds: [], counts: []) { _ in
                (InventoryChanges(), ())
            }
        } throws: {
            guard case .unavailable = $0 as? InventoryStoreError else { return false }
            return true
        }
    }

    @Test func `look-ups use the keys, however empty the tables were when planned`() async throws {
        try await withStore(poolSize: 1) { store, pool in
            let (a, first) = (try code("A"), try key(1))
            for _ in 0..<3 {
                try await store.transact(products: [a], holds: [first], counts: []) { _ in
                    (InventoryChanges(), ())
                }
            }
            try await pool.withConnection { connection in
                let names = try await connection.execute(
                    """
                    SELECT name FROM pg_prepared_statements
                    WHERE statement LIKE '%JOIN hold%' OR statement LIKE '%FROM inventory%'
                    """)
                #expect(names.rowCount == 2 || names.rowCount == 3)
                for row in 0..<names.rowCount {
                    let name = try names.text(row, 0)
                    let arguments = try await connection.execute(
                        "SELECT cardinality(parameter_types) FROM pg_prepared_statements "
                            + "WHERE name = $1", [.text(name)]
                    ).int4(0, 0)
                    guard arguments > 0 else { continue }
                    let list = [String](repeating: "NULL", count: Int(arguments))
                        .joined(separator: ",")
                    let plan = try await connection.execute("EXPLAIN EXECUTE \(name)(\(list))")
                    let text = try (0..<plan.rowCount).map { try plan.text($0, 0) }
                        .joined(separator: "\n")
                    #expect(text.contains("Index"), "\(text)")
                    #expect(!text.contains("Seq Scan"), "\(text)")
                }
            }
        }
    }
}
