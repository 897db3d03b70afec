import Adapters
import InventoryDomain
import InventoryService
import Messages
import PostgresShim
import Testing

extension InventoryStoreTests {
    /// What may be wrong with a guess.
    enum Mistake: CaseIterable, Sendable {
        case quantity, held, fence, name, missingProduct, clockBehind, clockAhead, knownHold
    }

    /// What the table has of the products, and the database's clock.
    private func look(
        _ store: PostgresInventoryStore, _ codes: [ProductCode]
    ) async throws -> InventorySnapshot {
        try await store.transact(products: codes, holds: [], counts: []) {
            (InventoryChanges(), $0)
        }
    }

    private func changed(
        _ product: Product, code: ProductCode? = nil, name: String? = nil, quantity: Int = 0,
        held: Int = 0, fence: Int = 0
    ) -> Product {
        Product(
            code: code ?? product.code, name: name ?? product.name,
            quantity: product.quantity + quantity, held: product.held + held,
            fence: product.fence + fence)
    }

    /// Holds one piece of each product that is there, and tells the clock that it was decided by.
    private func hold(
        _ key: HoldKey, of codes: [ProductCode], guessing guess: InventorySnapshot?,
        _ store: PostgresInventoryStore
    ) async throws -> Timestamp {
        try await store.transact(products: codes, holds: [key], counts: [], guess: guess) {
            snapshot in
            var changes = InventoryChanges()
            for code in codes {
                guard let product = snapshot.products[code] else { continue }
                changes.products.append(
                    .init(code: code, heldDelta: 1, fence: product.fence + 1))
            }
            if snapshot.holds.isEmpty {
                changes.newHolds = [try? hold(key, codes[0], codes.count, at: snapshot.now)]
                    .compactMap(\.self)
            } else {
                changes.products = []
            }
            return (changes, snapshot.now)
        }
    }

    @Test func `a guess that is right is decided on`() async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", 10)
            try await addProduct(pool, "B", 10)
            let codes = [try code("A"), try code("B")]
            let seen = try await look(store, codes)
            let guess = InventorySnapshot(
                now: seen.now + .milliseconds(500), products: seen.products, holds: [:])
            let decidedAt = try await hold(try key(1), of: codes, guessing: guess, store)
            #expect(decidedAt == guess.now)
            let after = try await look(store, codes)
            #expect(
                after.products
                    == seen.products.mapValues { changed($0, held: 1, fence: 1) })
            let rows = try await pool.pipeline([
                PostgresStatement("SELECT created_at, hold_quantity FROM hold")
            ])
            #expect(try rows[0].timestampMillis(0, 0) == Int64(guess.now.millis))
            #expect(try rows[0].int8(0, 1) == 2)
        }
    }

    @Test(arguments: Mistake.allCases)
    func `on a wrong guess nothing is written but what was read says`(
        mistake: Mistake
    ) async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", 10)
            try await addProduct(pool, "B", 10)
            let (a, b, missing) = (try code("A"), try code("B"), try code("C"))
            var codes = [a, b]
            let seen = try await look(store, codes)
            let wanted = try key(1)
            var products = seen.products
            var now = seen.now
            let product = try #require(products[b])
            switch mistake {
            case .quantity: products[b] = changed(product, quantity: 1)
            case .held: products[b] = changed(product, held: 1)
            case .fence: products[b] = changed(product, fence: -1)
            case .name: products[b] = changed(product, name: "another")
            case .missingProduct:
                codes.append(missing)
                products[missing] = changed(product, code: missing)
            case .clockBehind: now = now + .seconds(-60)
            case .clockAhead: now = now + .seconds(60)
            case .knownHold: _ = try await hold(wanted, of: [a], guessing: nil, store)
            }
            if mistake == .knownHold { products = try await look(store, codes).products }
            let decidedAt = try await hold(
                wanted, of: codes,
                guessing: InventorySnapshot(now: now, products: products, holds: [:]), store)
            #expect(decidedAt != now)
            let after = try await look(store, codes)
            let isKnown = mistake == .knownHold
            #expect(after.products[a] == seen.products[a].map { changed($0, held: 1, fence: 1) })
            #expect(
                after.products[b]
                    == seen.products[b].map { isKnown ? $0 : changed($0, held: 1, fence: 1) })
            let rows = try await pool.pipeline([PostgresStatement("SELECT 1 FROM hold")])
            #expect(rows[0].rowCount == 1)
        }
    }

    @Test func `what needs the ledger is not decided on a guess`() async throws {
        try await withStore { store, pool in
            try await addProduct(pool, "A", 10)
            let (a, first) = (try code("A"), try key(1))
            _ = try await hold(first, of: [a], guessing: nil, store)
            let seen = try await look(store, [a])
            let found = try await store.transact(
                products: [a], holds: [first], counts: [], guess: seen
            ) { snapshot in
                var changes = InventoryChanges()
                changes.products = [.init(code: a, heldDelta: -1, fence: 2)]
                changes.loweredHolds = [first: 0]
                return (changes, snapshot)
            }
            #expect(found.holds[first]?.holdQuantity == 1)
            #expect(try await look(store, [a]).products[a]?.held == 0)
        }
    }

    @Test func `many who guess at the last pieces never oversell`() async throws {
        try await withStore(poolSize: 8) { store, pool in
            try await addProduct(pool, "A", 25)
            let a = try code("A")
            let granted = try await withThrowingTaskGroup(of: Int.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        var count = 0
                        var guess: InventorySnapshot?
                        for round in 0..<10 {
                            let wanted = try key(worker * 100 + round)
                            let (isHeld, next) = try await store.transact(
                                products: [a], holds: [wanted], counts: [], guess: guess
                            ) { snapshot -> (InventoryChanges, (Bool, InventorySnapshot)) in
                                guard let product = snapshot.products[a], product.available > 0,
                                    let hold = try? hold(wanted, a, 1, at: snapshot.now)
                                else { return (InventoryChanges(), (false, snapshot)) }
                                var changes = InventoryChanges()
                                changes.products = [
                                    .init(code: a, heldDelta: 1, fence: product.fence + 1)
                                ]
                                changes.newHolds = [hold]
                                let after = InventorySnapshot(
                                    now: snapshot.now,
                                    products: [a: changed(product, held: 1, fence: 1)], holds: [:])
                                return (changes, (true, after))
                            }
                            if isHeld { count += 1 }
                            guess = next
                        }
                        return count
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(granted == 25)
            let rows = try await pool.pipeline([
                PostgresStatement("SELECT held, fence FROM inventory"),
                PostgresStatement("SELECT sum(hold_quantity)::int8 FROM hold"),
            ])
            #expect(try rows[0].int8(0, 0) == 25 && rows[0].int8(0, 1) == 25)
            #expect(try rows[1].int8(0, 0) == 25)
        }
    }
}

extension InventoryStore {
    /// A transaction without a guess.
    func transact<Decision: Sendable>(
        products: [ProductCode], holds: [HoldKey], counts: [ProductCode],
        _ decide: @Sendable (InventorySnapshot) -> (InventoryChanges, Decision)
    ) async throws(InventoryStoreError) -> Decision {
        try await transact(products: products, holds: holds, counts: counts, guess: nil, decide)
    }
}
