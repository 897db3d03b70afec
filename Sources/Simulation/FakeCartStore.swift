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
        var refuses: @Sendable (CartAppend) -> Bool = { _ in false }
    }

    let state = Mutex(State())
    /// Holds appends.
    let appendGate = Gate()
    /// Holds everything that reads.
    let readGate = Gate()
    /// Holds the answers of appends that are carried out.
    let afterAppendGate = Gate()

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
            Self.applyLate(to: &state)
            for partition in partitions { state.epochs[partition, default: 0] += 1 }
            return state.epochs.filter { partitions.contains($0.key) }
        }
    }

    func histories(of carts: [CartID]) async throws(CartStoreError) -> [CartID: CartHistory] {
        try checkThere()
        let read = state.withLock { state in
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
        after last: CartID?, olderThan age: Duration
    ) async throws(CartStoreError) -> (count: Int, last: CartID?) { (0, nil) }

    func events(of requests: [CartRequestKey]) async throws(CartStoreError) -> [StoredEvent] {
        try checkThere()
        let read = state.withLock { state in
            state.recallCount += 1
            return Set(requests.map(\.cartID)).sorted { $0.bits < $1.bits }.flatMap { cartID in
                (state.events[cartID] ?? []).filter { event in
                    requests.contains(
                        CartRequestKey(cartID: cartID, requestID: event.requestID))
                }
            }
        }
        await readGate.pass()
        return read
    }

    func obligations(of partitions: [Int]) async throws(CartStoreError) -> [Obligation] {
        try checkThere()
        let read = state.withLock { state in
            state.obligations.values.filter { partitions.contains($0.partition) }
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
            Self.applyLate(to: &state)
            if !Self.isCurrent(append, state.epochs) { return .failure(.fenced) }
            if state.refuses(append) { return .failure(.refused("the test says so")) }
            let isWriting =
                !(append.events.isEmpty && append.obligations.isEmpty && append.discharged.isEmpty)
            let fault = isWriting && !state.faults.isEmpty ? state.faults.removeFirst() : nil
            if fault == .unavailable { return .failure(.unavailable("not carried out")) }
            if fault == .unavailableBeforeCommit {
                state.late.append(append)
                return .failure(.unavailable("the answer is lost, for now"))
            }
            if fault == .refused { return .failure(.refused("the test says so")) }
            return Self.apply(append, to: &state).flatMap {
                fault == .unavailableAfterCommit
                    ? .failure(.unavailable("the answer is lost")) : .success(())
            }
        }
        await afterAppendGate.pass()
        try result.get()
    }

    private static func applyLate(to state: inout sending State) {
        for append in state.late where isCurrent(append, state.epochs) {
            _ = apply(append, to: &state)
        }
        state.late = []
    }

    private static func isCurrent(_ append: CartAppend, _ epochs: [Int: Int]) -> Bool {
        !append.epochs.isEmpty && append.epochs.allSatisfy { epochs[$0.key] == $0.value }
    }

    private static func apply(
        _ append: CartAppend, to state: inout sending State
    ) -> Result<Void, CartStoreError> {
        var events = state.events
        for event in append.events {
            let last = events[event.cartID]?.last?.version ?? 0
            if event.version <= last { return .failure(.conflict) }
            if event.version > last + 1 { state.violations.append("a gap before \(event)") }
            if append.epochs[event.partition] == nil {
                state.violations.append("an event without its partition's epoch: \(event)")
            }
            events[event.cartID, default: []].append(event)
        }
        state.events = events
        for snapshot in append.snapshots { state.snapshots[snapshot.cartID] = snapshot }
        for key in append.discharged { state.obligations[key] = nil }
        for obligation in append.obligations { state.obligations[obligation.key] = obligation }
        return .success(())
    }
}
