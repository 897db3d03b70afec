import CartDomain
import CartService
import Messages
import Synchronization

/// The carts' database in memory: epochs, conflicts, and outages where the test wants them.
final class FakeCartStore: CartStore {
    /// What goes wrong with one append.
    enum Fault: Equatable {
        /// Not carried out.
        case unavailable
        /// Carried out, but the answer is lost.
        case unavailableAfterCommit
        /// Carried out later than the caller looks again, just before the next append.
        case unavailableBeforeCommit
        /// Refused for ever.
        case refused
    }

    struct State {
        var epochs: [Int: Int] = [:]
        var events: [CartID: [StoredEvent]] = [:]
        var snapshots: [CartID: StoredSnapshot] = [:]
        var obligations: [CartRequestKey: Obligation] = [:]
        /// Faults of the next appends that write something, in order; `nil`: none.
        var faults: [Fault?] = []
        /// Appends that were given up by their callers and are still under way.
        var late: [CartAppend] = []
        var isAway = false
        var appendCount = 0
        var recallCount = 0
        /// Appends that wrote under an epoch that was not current, or left a gap: there must be none.
        var violations: [String] = []
        /// Appends that were acknowledged and are not durable.
        var unflushed: [CartAppend] = []
        var refuses: @Sendable (CartAppend) -> Bool = { _ in false }
    }

    let state = Mutex(State())
    private let variant: Variant?
    private let trace: Trace?
    /// Holds appends.
    let appendGate = Gate()
    /// Holds everything that reads.
    let readGate = Gate()
    /// Holds the answers of appends that are carried out.
    let afterAppendGate = Gate()

    func openGates() {
        for gate in [appendGate, readGate, afterAppendGate] { gate.open() }
    }

    init(variant: Variant? = nil, trace: Trace? = nil) {
        self.variant = variant
        self.trace = trace
    }

    /// Carries out what its callers have given up.
    func landLate() { state.withLock { applyLate(to: &$0) } }

    /// A process dies, and with it whatever was kept in memory only.
    func loseUnflushed() {
        state.withLock { $0.unflushed = [] }
    }

    func failNext(_ faults: Fault?...) { state.withLock { $0.faults += faults } }
    func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }

    var events: [CartID: [StoredEvent]] { state.withLock { $0.events } }
    var obligations: [CartRequestKey: Obligation] { state.withLock { $0.obligations } }
    var violations: [String] { state.withLock { $0.violations } }

    /// Raises an epoch, as another owner does.
    func raise(_ partition: Int) { state.withLock { $0.epochs[partition, default: 0] += 1 } }

    private func checkThere() throws(CartStoreError) {
        if state.withLock({ $0.isAway }) { throw .unavailable("away") }
    }

    func raiseEpochs(
        _ partitions: [Int], owner: String
    ) async throws(CartStoreError) -> [Int: Int] {
        await readGate.pass()
        try checkThere()
        return state.withLock { state in
            // An append holds its epochs' rows: raising waits for it.
            applyLate(to: &state)
            for partition in partitions { state.epochs[partition, default: 0] += 1 }
            return state.epochs.filter { partitions.contains($0.key) }
        }
    }

    func histories(of carts: [CartID]) async throws(CartStoreError) -> [CartID: CartHistory] {
        try checkThere()
        let read = state.withLock { state in
            applyUnflushed(to: &state)
            var histories: [CartID: CartHistory] = [:]
            for cartID in carts {
                let snapshot = state.snapshots[cartID]
                let events = (state.events[cartID] ?? []).filter {
                    $0.version > snapshot?.version ?? 0
                }
                if snapshot == nil, events.isEmpty { continue }
                histories[cartID] = CartHistory(snapshot: snapshot, events: events)
            }
            return histories
        }
        await readGate.pass()
        return read
    }

    func pruneEvents(
        from first: CartID, olderThan age: Duration
    ) async throws(CartStoreError) -> (count: Int, next: CartID?) { (0, nil) }

    func events(of requests: [CartRequestKey]) async throws(CartStoreError) -> [StoredEvent] {
        try checkThere()
        let read = state.withLock { state in
            state.recallCount += 1
            let carts = Set(requests.map(\.cartID)).sorted { $0.bits < $1.bits }
            return carts.flatMap { state.events[$0] ?? [] }.filter { event in
                [event.requestID, event.requestID.whole].contains { requestID in
                    requests.contains { $0.cartID == event.cartID && $0.requestID == requestID }
                }
            }
        }
        await readGate.pass()
        return read
    }

    func obligations(of partitions: [Int]) async throws(CartStoreError) -> [Obligation] {
        try checkThere()
        let read = state.withLock { state in
            variant == .forgottenObligations
                ? []
                : state.obligations.values.filter { partitions.contains($0.partition) }
                    .sorted { ($0.dueAt, $0.key) < ($1.dueAt, $1.key) }
        }
        await readGate.pass()
        return read
    }

    func append(_ append: CartAppend) async throws(CartStoreError) {
        await appendGate.pass()
        try checkThere()
        let result = state.withLock { state -> Result<Void, CartStoreError> in
            state.appendCount += 1
            if variant == .tornSnapshot {
                for snapshot in append.snapshots { state.snapshots[snapshot.cartID] = snapshot }
            }
            applyLate(to: &state)
            if !isCurrent(append, state.epochs) {
                trace?.note("fenced   \(append.epochs.sorted { $0.key < $1.key })")
                return .failure(.fenced)
            }
            if state.refuses(append) {
                return .failure(
                    variant == .poisonRetried
                        ? .unavailable("a refusal is taken for an outage")
                        : .refused("the test says so"))
            }
            let isWriting =
                !(append.events.isEmpty && append.obligations.isEmpty && append.discharged.isEmpty)
            let fault = isWriting && !state.faults.isEmpty ? state.faults.removeFirst() : nil
            if fault == .unavailable { return .failure(.unavailable("not carried out")) }
            if fault == .unavailableBeforeCommit {
                state.late.append(append)
                return .failure(.unavailable("the answer is lost, for now"))
            }
            if fault == .refused { return .failure(.refused("the test says so")) }
            if variant == .answerBeforeAppend, isWriting {
                state.unflushed.append(append)
                return .success(())
            }
            return apply(append, to: &state).flatMap {
                fault == .unavailableAfterCommit
                    ? .failure(.unavailable("the answer is lost")) : .success(())
            }
        }
        await afterAppendGate.pass()
        try result.get()
    }

    private func applyUnflushed(to state: inout sending State) {
        for append in state.unflushed { _ = apply(append, to: &state) }
        state.unflushed = []
    }

    private func applyLate(to state: inout sending State) {
        applyUnflushed(to: &state)
        for append in state.late where isCurrent(append, state.epochs) {
            _ = apply(append, to: &state)
        }
        state.late = []
    }

    private func isCurrent(_ append: CartAppend, _ epochs: [Int: Int]) -> Bool {
        if variant == .noEpochCheck { return true }
        return !append.epochs.isEmpty && append.epochs.allSatisfy { epochs[$0.key] == $0.value }
    }

    private func apply(
        _ append: CartAppend, to state: inout sending State
    ) -> Result<Void, CartStoreError> {
        var events = state.events
        for event in append.events {
            let last = events[event.cartID]?.last?.version ?? 0
            if event.version <= last, variant != .noConflictCheck {
                trace?.note("conflict \(event.cartID.brief) version \(event.version)")
                return .failure(.conflict)
            }
            if event.version > last + 1 { state.violations.append("a gap before \(event)") }
            if append.epochs[event.partition] == nil {
                state.violations.append("an event without its partition's epoch: \(event)")
            }
            events[event.cartID, default: []].append(
                variant == .untrimmedPending ? event.untrimmed : event)
        }
        state.events = events
        for event in append.events {
            trace?.note(
                """
                append   \(event.cartID.brief) version \(event.version) \(event.type) \
                \(event.requestID.text)
                """)
        }
        for snapshot in append.snapshots { state.snapshots[snapshot.cartID] = snapshot }
        for key in append.discharged { state.obligations[key] = nil }
        for obligation in append.obligations { state.obligations[obligation.key] = obligation }
        return .success(())
    }
}

extension StoredEvent {
    /// The event, were a removal to forget what it takes from pending adds.
    fileprivate var untrimmed: StoredEvent {
        guard let event = try? CartEvent(decoding: json), case .removed(let removal) = event.kind
        else { return self }
        let kept = CartEvent(
            version: version, requestID: requestID, at: at,
            kind: .removed(
                Removal(
                    Removal.Reductions(holds: removal.reductions.holds),
                    for: removal.fingerprint)))
        return StoredEvent(
            cartID: cartID, version: version, partition: partition, requestID: requestID,
            type: type, json: kept.encoded(cartID: cartID), at: at)
    }
}
