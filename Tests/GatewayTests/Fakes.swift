import CartDomain
import Messages
import RestGateway
import Synchronization
import Testing

/// A clock that stands still until it is moved.
final class ManualClock: ServiceClock {
    private struct Sleeper {
        let until: Timestamp
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = Timestamp(millis: 1_700_000_000_000)
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
        var count = 0
    }

    private let state = Mutex(State())

    func now() -> Timestamp { state.withLock { $0.now } }

    /// How many tasks sleep.
    var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    func sleep(for duration: Duration) async throws {
        let id = state.withLock { state in
            state.count += 1
            return state.count
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if state.cancelled.contains(id) { return true }
                    state.sleepers[id] = Sleeper(
                        until: state.now + duration, continuation: continuation)
                    return false
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                state.cancelled.insert(id)
                return state.sleepers.removeValue(forKey: id)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Moves the time on and wakes whoever slept up to it.
    func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now + duration
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return Array(due.values)
        }
        for sleeper in woken { sleeper.continuation.resume() }
    }
}

/// A log that remembers what it was given, and may refuse or answer it.
final class FakeLog: RequestLog {
    private struct State {
        var requests: [CartRequest] = []
        var error: RequestLogError?
        var onAppend: (@Sendable ([CartRequest]) -> Void)?
    }

    private let state = Mutex(State())

    func append(_ requests: [CartRequest]) throws(RequestLogError) {
        let (error, onAppend) = state.withLock { state in
            if state.error == nil { state.requests += requests }
            return (state.error, state.onAppend)
        }
        if let error { throw error }
        onAppend?(requests)
    }

    var requests: [CartRequest] { state.withLock { $0.requests } }

    /// The requests but for watches.
    var asks: [CartRequest] {
        requests.filter { if case .watch = $0.action { false } else { true } }
    }

    var watches: [CartRequest] {
        requests.filter { if case .watch = $0.action { true } else { false } }
    }

    func refuse(with error: RequestLogError?) { state.withLock { $0.error = error } }

    func onAppend(_ action: @escaping @Sendable ([CartRequest]) -> Void) {
        state.withLock { $0.onAppend = action }
    }
}

/// A websocket that remembers what it was sent.
final class FakeSocket: ShopperSocket {
    private let texts = Mutex<[String]>([])

    func send(text: [UInt8]) -> Bool {
        texts.withLock { $0.append(String(decoding: text, as: UTF8.self)) }
        return true
    }

    var received: [String] { texts.withLock { $0 } }
}

struct FakeStock: StockReader {
    struct Away: Error {}

    var products: [String: Stock] = [:]
    var isAway = false

    func stock(of productCode: ProductCode) async throws -> Stock? {
        if isAway { throw Away() }
        return products[productCode.text]
    }
}

struct FakeHistory: HistoryReader {
    struct Away: Error {}

    var events: [CartID: [CartEventText]] = [:]
    var isAway = false

    func history(
        of cartID: CartID, after version: Int, limit: Int
    ) async throws -> CartHistoryPage? {
        if isAway { throw Away() }
        guard let all = events[cartID], let last = all.last else { return nil }
        return CartHistoryPage(
            events: Array(all.filter { $0.version > version }.prefix(limit)),
            version: last.version)
    }
}

struct FakeProbe: DependencyProbe {
    let name: String
    var isRequired = true
    let answer: @Sendable () -> DependencyState

    func state() async -> DependencyState { answer() }
}

/// An inventory that remembers what was fed.
final class FakeInventory: InventoryLoading {
    struct Away: Error {}

    struct State {
        var formats: [InventoryFormat] = []
        var fed: [[UInt8]] = []
        var cancelled = 0
        var finished = 0
        var isAway = false
        var refusal: LoadRefusal?
        var report = LoadReport(rows: 0, inserted: 0, updated: 0, unchanged: 0, skipped: [])
    }

    let state = Mutex(State())

    func beginLoad(format: InventoryFormat) async throws -> any InventoryLoad {
        try state.withLock { state in
            if state.isAway { throw Away() }
            state.formats.append(format)
        }
        return Load(inventory: self)
    }

    private struct Load: InventoryLoad {
        let inventory: FakeInventory

        func feed(_ bytes: [UInt8]) async throws {
            inventory.state.withLock { $0.fed.append(bytes) }
        }

        func finish() async throws -> LoadReport {
            try inventory.state.withLock { state in
                if let refusal = state.refusal { throw refusal }
                state.finished += 1
                return state.report
            }
        }

        func cancel() async { inventory.state.withLock { $0.cancelled += 1 } }
    }
}

/// Random numbers that come out the same each time (SplitMix64).
struct SeededGenerator: RandomNumberGenerator, Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// Waits until a condition holds; fails the test when it does not within ten seconds.
func eventually(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while try await !condition() {
        if ContinuousClock.now > deadline {
            Issue.record("not within ten seconds: \(what)", sourceLocation: sourceLocation)
            return
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}
