import InventoryDomain
import InventoryService
import Messages
import Synchronization

/// The inventory's database in memory; transactions are carried out one after the other.
final class FakeInventoryStore: InventoryStore {
    enum Fault: Equatable {
        case unavailable
        case unavailableAfterCommit
    }

    struct State {
        var products: [ProductCode: Product] = [:]
        var holds: [HoldKey: Hold] = [:]
        /// When holds past their time were last proposed.
        var proposedAt: [HoldKey: Timestamp] = [:]
        var faults: [Fault?] = []
        var isAway = false
        var transactions = 0
        var productUpdates = 0
        /// How many transactions were decided on a guess.
        var guesses = 0
        var violations: [String] = []
        var refuses: @Sendable (InventoryChanges) -> Bool = { _ in false }
    }

    let state = Mutex(State())
    let gate = Gate()
    private let clock: any ServiceClock
    private let variant: Variant?
    private let trace: Trace?

    init(clock: any ServiceClock, variant: Variant? = nil, trace: Trace? = nil) {
        self.clock = clock
        self.variant = variant
        self.trace = trace
    }

    func stock(_ code: ProductCode, _ quantity: Int, fence: Int = 0) {
        state.withLock { state in
            state.products[code] = Product(
                code: code, name: "The \(code.text)", quantity: quantity,
                held: state.products[code]?.held ?? 0, fence: fence)
        }
    }

    func failNext(_ faults: Fault?...) { state.withLock { $0.faults += faults } }
    func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }

    var holds: [HoldKey: Hold] { state.withLock { $0.holds } }
    var violations: [String] { state.withLock { $0.violations } }
    var transactions: Int { state.withLock { $0.transactions } }
    var productUpdates: Int { state.withLock { $0.productUpdates } }
    func held(of code: ProductCode) -> Int { state.withLock { $0.products[code]?.held ?? 0 } }
    func fence(of code: ProductCode) -> Int { state.withLock { $0.products[code]?.fence ?? 0 } }

    /// What must hold between any two transactions.
    var inconsistencies: [String] {
        state.withLock { state in
            state.products.values.compactMap { product in
                let held = state.holds.values.filter { $0.productCode == product.code }
                    .reduce(0) { $0 + $1.holdQuantity }
                if held != product.held { return "\(product) holds \(held) by its ledger" }
                return (0...product.quantity).contains(held) ? nil : "\(product) is oversold"
            }
        }
    }

    func transact<Decision: Sendable>(
        products: [ProductCode], holds: [HoldKey], counts: [ProductCode],
        guess: InventorySnapshot?,
        _ decide: @Sendable (InventorySnapshot) -> (InventoryChanges, Decision)
    ) async throws(InventoryStoreError) -> Decision {
        // What a broken store reads too early.
        let early = state.withLock { ($0.holds, $0.products) }
        await gate.pass()
        if variant != nil { await gate.pass() }
        let now = clock.now()
        let result = state.withLock { state -> Result<Decision, InventoryStoreError> in
            if state.isAway { return .failure(.unavailable("away")) }
            if products != products.sorted() { state.violations.append("codes out of order") }
            let rows = variant == .lockRuleAlone ? early.1 : state.products
            let ledger = variant == .staleLedger ? early.0 : state.holds
            let snapshot = InventorySnapshot(
                now: now, products: rows.filter { products.contains($0.key) },
                holds: find(holds, in: ledger),
                counts: Self.count(counts, state.holds))
            let guessed = guess.flatMap { isTaken($0, for: snapshot) ? decide($0) : nil }
                .flatMap { $0.0.onlyPlacesHolds ? $0 : nil }
            if guessed != nil { state.guesses += 1 }
            let (changes, decision) = broken(guessed ?? decide(snapshot))
            if state.refuses(changes) { return .failure(.refused("the test says so")) }
            let fault = state.faults.isEmpty ? nil : state.faults.removeFirst()
            if fault == .unavailable { return .failure(.unavailable("not carried out")) }
            if let refusal = apply(changes, read: rows, to: &state) { return .failure(refusal) }
            if fault == .unavailableAfterCommit { return .failure(.unavailable("lost answer")) }
            return .success(decision)
        }
        return try result.get()
    }

    /// Whether a transaction decides on a guess instead of what it would read.
    private func isTaken(_ guess: InventorySnapshot, for read: InventorySnapshot) -> Bool {
        guard read.holds.isEmpty else { return false }
        return switch variant {
        case nil:
            guess.products == read.products
                && abs(guess.now.millis - read.now.millis)
                    <= InventoryChanges.clockToleranceMillis
        case .guessUnchecked: true
        // What the others do wrong, they do where rows are read.
        default: false
        }
    }

    /// The holds of these keys.
    private func find(_ keys: [HoldKey], in ledger: [HoldKey: Hold]) -> [HoldKey: Hold] {
        var found: [HoldKey: Hold] = [:]
        for key in keys {
            found[key] = ledger[key]
            guard variant == .globalRequestIDs, found[key] == nil else { continue }
            found[key] = ledger.values.filter { $0.key.requestID == key.requestID }
                .min { $0.key.cartID.bits < $1.key.cartID.bits }
        }
        return found
    }

    private func broken<Decision>(
        _ result: (InventoryChanges, Decision)
    ) -> (InventoryChanges, Decision) {
        var (changes, decision) = result
        switch variant {
        case .noTombstone: changes.newHolds.removeAll { $0.status == .cancelled }
        case .askDecidedAnew:
            changes.newHolds.removeAll { if case .refused = $0.status { true } else { false } }
        case .batchFromOneRow:
            changes.products = changes.products.map { change in
                let placed = changes.newHolds.filter {
                    $0.productCode == change.code && $0.holdQuantity > 0
                }
                guard placed.count > 1, let last = placed.last else { return change }
                return InventoryChanges.ProductChange(
                    code: change.code, heldDelta: last.holdQuantity, fence: change.fence)
            }
        default: break
        }
        return (changes, decision)
    }

    private static func count(
        _ products: [ProductCode], _ holds: [HoldKey: Hold]
    ) -> [ProductCode: Int] {
        var counts: [ProductCode: Int] = [:]
        for code in products {
            counts[code] = holds.values.filter { $0.productCode == code }
                .reduce(0) { $0 + $1.holdQuantity }
        }
        return counts
    }

    func proposeDueHolds(
        max: Int, repeatAfter: Duration
    ) async throws(InventoryStoreError) -> [InventoryResponse] {
        await gate.pass()
        let now = clock.now()
        return try state.withLock { state throws(InventoryStoreError) in
            if state.isAway { throw .unavailable("away") }
            let due = state.holds.values.filter { hold in
                hold.holdQuantity > 0 && hold.expiresAt.map { $0 <= now } == true
                    && state.proposedAt[hold.key].map { $0 + repeatAfter <= now } != false
            }
            .sorted {
                ($0.expiresAt?.millis ?? 0, $0.key.cartID.bits, $0.key.requestID.text)
                    < ($1.expiresAt?.millis ?? 0, $1.key.cartID.bits, $1.key.requestID.text)
            }
            .prefix(max)
            for hold in due { state.proposedAt[hold.key] = now }
            if variant == .sweeperLowers || variant == .refreshFromTwoSides {
                for hold in due { Self.giveBack(hold, in: &state) }
            }
            if variant == .sweeperLowers {
                for hold in due { state.holds[hold.key]?.holdQuantity = 0 }
                return []
            }
            return due.map { hold in
                InventoryResponse(
                    cartID: hold.key.cartID, requestID: hold.key.requestID,
                    productCode: hold.productCode,
                    answer: .holdDue(
                        InventoryResponse.HeldPieces(
                            userID: hold.userID, askQuantity: hold.askQuantity,
                            quantity: hold.holdQuantity)))
            }
        }
    }

    func pruneHolds(
        olderThan age: Duration, max: Int
    ) async throws(InventoryStoreError) -> Int {
        let now = clock.now()
        return try state.withLock { state throws(InventoryStoreError) in
            if state.isAway { throw .unavailable("away") }
            let spent = state.holds.values.filter {
                $0.holdQuantity == 0 && $0.createdAt + age < now
            }.prefix(max)
            for hold in spent { state.holds[hold.key] = nil }
            return spent.count
        }
    }

    private static func giveBack(_ hold: Hold, in state: inout State) {
        guard let row = state.products[hold.productCode] else { return }
        state.products[hold.productCode] = Product(
            code: row.code, name: row.name, quantity: row.quantity,
            held: row.held - hold.holdQuantity, fence: row.fence)
    }

    private func apply(
        _ changes: InventoryChanges, read: [ProductCode: Product], to state: inout sending State
    ) -> InventoryStoreError? {
        var products = state.products
        var holds = state.holds
        for change in changes.products {
            guard
                let row = products[change.code].map({
                    variant == .lockRuleAlone ? read[change.code] ?? $0 : $0
                })
            else { continue }
            let held = row.held + change.heldDelta
            guard (0...row.quantity).contains(held) else { return .refused("oversold") }
            products[change.code] = Product(
                code: row.code, name: row.name, quantity: row.quantity, held: held,
                fence: max(row.fence, change.fence))
        }
        for hold in changes.newHolds {
            // As a unique index does: whoever loses that race tries again.
            trace?.note("decide   \(hold.brief)")
            if holds[hold.key] != nil, variant != .staleLedger {
                state.violations.append("a second row for \(hold.key)")
                return .unavailable("a hold of that key stands already")
            }
            holds[hold.key] = hold
        }
        let lowered = changes.loweredHolds.sorted {
            ($0.key.cartID.bits, $0.key.requestID.text) < (
                $1.key.cartID.bits, $1.key.requestID.text
            )
        }
        for (key, quantity) in lowered {
            trace?.note("decide   \(key.cartID.brief)/\(key.requestID.text) lowered to \(quantity)")
            if quantity > holds[key]?.holdQuantity ?? 0 {
                state.violations.append("a hold grows: \(key)")
            }
            holds[key]?.holdQuantity = quantity
        }
        for (key, until) in changes.extendedHolds { holds[key]?.expiresAt = until }
        state.products = products
        state.holds = holds
        state.transactions += 1
        state.productUpdates += changes.products.count
        return nil
    }
}

extension Hold {
    /// The row in a few words.
    fileprivate var brief: String {
        "\(key.cartID.brief)/\(key.requestID.text) \(productCode.text) \(status) \(holdQuantity)"
    }
}

/// Locks in memory, with tokens that grow past their floors.
final class FakeLocks: ProductLocks {
    struct State {
        var held: Set<ProductCode> = []
        var tokens: [ProductCode: Int] = [:]
        /// For each product, how often it will be found busy.
        var busy: [ProductCode: Int] = [:]
        var isAway = false
        /// How often tokens are granted that ignore their floor.
        var staleTokens = 0
        var acquired: [[ProductCode]] = []
        var violations: [String] = []
    }

    let state = Mutex(State())

    var held: Set<ProductCode> { state.withLock { $0.held } }
    var acquired: [[ProductCode]] { state.withLock { $0.acquired } }
    var violations: [String] { state.withLock { $0.violations } }

    func acquire(_ floors: [ProductCode: Int]) async -> [ProductCode: LockOutcome] {
        await Task.yield()
        return state.withLock { state in
            state.acquired.append(floors.keys.sorted())
            var outcomes: [ProductCode: LockOutcome] = [:]
            for (code, floor) in floors.sorted(by: { $0.key < $1.key }) {
                if state.isAway {
                    outcomes[code] = .unavailable
                } else if let times = state.busy[code], times > 0 {
                    state.busy[code] = times - 1
                    outcomes[code] = .busy
                } else if !state.held.insert(code).inserted {
                    outcomes[code] = .busy
                } else {
                    var token = max(state.tokens[code] ?? 0, floor) + 1
                    if state.staleTokens > 0 {
                        state.staleTokens -= 1
                        token = 0
                    }
                    state.tokens[code] = token
                    outcomes[code] = .granted(token: token)
                }
            }
            return outcomes
        }
    }

    func release(_ products: [ProductCode]) async {
        await Task.yield()
        state.withLock { state in
            for code in products where state.held.remove(code) == nil {
                state.violations.append("\(code) is released unlocked")
            }
        }
    }
}
