internal import Synchronization
package import Telemetry
internal import Threading

/// A few connections to one database, lent to one caller at a time and made when first needed.
///
/// A broken connection is discarded. When connecting fails, callers fail at once with the same
/// retriable error until a back-off with jitter has passed, so that nobody queues behind a server
/// that is away; whoever calls again after that tries to connect.
package final class PostgresPool: Sendable {
    /// Whether the database can be reached, as far as the last attempt tells.
    package enum Health: Hashable, Sendable {
        case up
        case down(reason: String)
    }

    struct Entry: Sendable {
        let connection: PostgresConnection
        /// How many connections the pool had lost when this one was last known to live.
        var lossesSeen: Int
    }

    private enum Grant: Sendable {
        case connection(Entry)
        case place
    }

    private enum Step {
        case verify(Entry)
        case use(Entry)
        case connect(lossesSeen: Int)
        case wait(Promise<Grant>)
        case fail(PostgresError)
    }

    private struct State {
        var idle: [Entry] = []
        var openCount = 0
        var waiters: [Promise<Grant>] = []
        var losses = 0
        var failuresInRow = 0
        var lastFailure: PostgresError?
        var retryAt: ContinuousClock.Instant?
        var health: Health = .down(reason: "not connected yet")
        var isAnnouncedUp: Bool?
        var isClosed = false
    }

    /// The longest back-off.
    private static let backoffMax = Duration.seconds(2)

    private let configuration: PostgresConfiguration
    private let size: Int
    private let logger: Logger
    private let connects: Counter
    private let losses: Counter
    private let state = Mutex(State())

    /// A pool that connects when it is first used.
    ///
    /// - Parameter size: how many connections, each with a thread, it has at most; at least 1.
    package init(
        _ configuration: PostgresConfiguration, size: Int, metrics: MetricsRegistry, logger: Logger
    ) {
        self.configuration = configuration
        self.size = max(1, size)
        self.logger = logger
        connects = metrics.counter(
            "postgres_connects_total", help: "Connections made to Postgres.")
        losses = metrics.counter(
            "postgres_connections_lost_total", help: "Connections to Postgres that broke.")
    }

    /// Whether the database could be reached when it was last used.
    package var health: Health { state.withLock { $0.health } }

    /// Lends a connection for as long as `body` runs.
    ///
    /// A transaction that `body` leaves open is rolled back.
    package func withConnection<Result>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        let entry = try await borrow()
        do {
            let result = try await body(entry.connection)
            // It may have been another connection that could not be made.
            note(.up)
            await giveBack(entry)
            return result
        } catch {
            await giveBack(entry)
            throw error
        }
    }

    /// Runs statements in one flight on whichever connection is free.
    package func pipeline(
        _ statements: [PostgresStatement]
    ) async throws -> [PostgresResult] {
        try await withConnection { try await $0.pipeline(statements) }
    }

    /// Asks the database for a sign of life, unless its connections are all busy.
    package func check() async -> Health {
        let isBusy = state.withLock { $0.openCount == size && $0.idle.isEmpty }
        if isBusy { return health }
        do {
            try await withConnection { try await $0.ping() }
        } catch {
            note(.down(reason: "\(error)"))
        }
        return health
    }

    /// Closes what is idle, and what is lent as soon as it comes back; further calls throw.
    package func close() async {
        let (idle, waiters) = state.withLock { state in
            state.isClosed = true
            let found = (state.idle, state.waiters)
            state.openCount -= state.idle.count
            state.idle = []
            state.waiters = []
            return found
        }
        for waiter in waiters { waiter.fail(Self.closed) }
        for entry in idle { await entry.connection.close() }
    }

    private static let closed = PostgresError(
        kind: .usage, sqlState: "08003", message: "the pool is closed")

    private func borrow() async throws -> Entry {
        while true {
            switch nextStep() {
            case .fail(let error): throw error
            case .use(let entry): return entry
            case .verify(var entry):
                do throws(PostgresError) {
                    try await entry.connection.ping()
                    entry.lossesSeen = state.withLock { $0.losses }
                    return entry
                } catch {
                    await drop(entry.connection)
                }
            case .connect(let lossesSeen):
                return try await connect(lossesSeen: lossesSeen)
            case .wait(let promise):
                switch try await waitForGrant(promise) {
                case .connection(let entry): return entry
                case .place: continue
                }
            }
        }
    }

    private func nextStep() -> Step {
        state.withLock { state in
            if state.isClosed { return .fail(Self.closed) }
            if let entry = state.idle.popLast() {
                return entry.lossesSeen < state.losses ? .verify(entry) : .use(entry)
            }
            guard state.openCount < size else {
                let promise = Promise<Grant>()
                state.waiters.append(promise)
                return .wait(promise)
            }
            if let retryAt = state.retryAt, retryAt > .now, let error = state.lastFailure {
                return .fail(error)
            }
            state.openCount += 1
            return .connect(lossesSeen: state.losses)
        }
    }

    private func waitForGrant(_ promise: Promise<Grant>) async throws -> Grant {
        do {
            return try await promise.value()
        } catch {
            // Cancelled, or the pool was closed; a grant cannot have been lost, as the promise
            // takes one completion only.
            state.withLock { state in state.waiters.removeAll { $0 === promise } }
            throw error
        }
    }

    private func connect(lossesSeen: Int) async throws -> Entry {
        do throws(PostgresError) {
            let connection = try await PostgresConnection.connect(configuration)
            connects.increment()
            state.withLock { state in
                state.failuresInRow = 0
                state.retryAt = nil
            }
            note(.up)
            return Entry(connection: connection, lossesSeen: lossesSeen)
        } catch {
            state.withLock { state in
                let steps = min(state.failuresInRow, 6)
                let full = min(Duration.milliseconds(50 << steps), Self.backoffMax)
                state.failuresInRow += 1
                state.retryAt = .now + full * Double.random(in: 0.5...1)
                state.lastFailure = error
            }
            note(.down(reason: "\(error)"))
            freePlace()
            throw error
        }
    }

    private func giveBack(_ entry: Entry) async {
        switch entry.connection.state {
        case .idle: break
        case .closed: return await drop(entry.connection)
        case .inTransaction, .copying:
            do throws(PostgresError) {
                if entry.connection.state == .copying {
                    try await entry.connection.abortCopy("the caller gave up")
                }
                if entry.connection.state == .inTransaction {
                    _ = try await entry.connection.pipeline([.rollback])
                }
            } catch {
                return await drop(entry.connection)
            }
        }
        while true {
            let (waiter, isClosed) = state.withLock { state -> (Promise<Grant>?, Bool) in
                if state.isClosed {
                    state.openCount -= 1
                    return (nil, true)
                }
                if !state.waiters.isEmpty { return (state.waiters.removeFirst(), false) }
                state.idle.append(entry)
                return (nil, false)
            }
            if isClosed { return await entry.connection.close() }
            guard let waiter else { return }
            // A waiter that was cancelled meanwhile takes nothing: the next one gets its turn.
            if waiter.succeed(.connection(entry)) { return }
        }
    }

    private func drop(_ connection: PostgresConnection) async {
        losses.increment()
        // The others may have died with it, so each is asked before it is lent again.
        state.withLock { $0.losses += 1 }
        await connection.close()
        freePlace()
    }

    private func freePlace() {
        let waiters = state.withLock { state in
            state.openCount -= 1
            let found = state.waiters
            state.waiters = []
            return found
        }
        // All of them look again: one connects, the others queue or learn that it failed.
        for waiter in waiters { waiter.succeed(.place) }
    }

    private func note(_ health: Health) {
        let changed = state.withLock { state in
            state.health = health
            defer { state.isAnnouncedUp = health == .up }
            return state.isAnnouncedUp != (health == .up)
        }
        guard changed else { return }
        switch health {
        case .up: logger.info("connected to Postgres")
        case .down(let reason): logger.warning("Postgres cannot be reached", ["reason": reason])
        }
    }
}
