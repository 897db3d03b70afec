internal import Synchronization
internal import Threading

/// One connection to Postgres, with a thread of its own on which libpq may wait.
///
/// Calls are served in order. After an error with ``PostgresError/isConnectionLost`` every further
/// call throws; connect anew. Cancelling the calling task does not interrupt a call, its deadline
/// does: `callTimeout` of the configuration.
package actor PostgresConnection {
    /// What the connection can be used for next.
    package enum State: UInt8, Sendable {
        case idle, inTransaction, copying, closed
    }

    private let executor: PinnedThreadExecutor
    private let configuration: PostgresConfiguration
    private let published = Atomic<UInt8>(State.closed.rawValue)
    private var handle: PostgresHandle?

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    private init(_ configuration: PostgresConfiguration) {
        executor = PinnedThreadExecutor(name: "postgres")
        self.configuration = configuration
    }

    // Whoever could enqueue a job holds a reference, so none is lost.
    deinit { executor.stop() }

    /// Connects within the configuration's connect timeout.
    package static func connect(
        _ configuration: PostgresConfiguration
    ) async throws(PostgresError) -> PostgresConnection {
        let connection = PostgresConnection(configuration)
        try await connection.open()
        return connection
    }

    /// What the connection can be used for next; the state after the last call that has ended.
    package nonisolated var state: State {
        State(rawValue: published.load(ordering: .acquiring)) ?? .closed
    }

    /// Where the connection leads, as `host:port/database`.
    package var address: String { handle?.address ?? "closed" }

    /// The process that serves this connection, as in `pg_stat_activity.pid`.
    package var backendProcessID: Int32 { handle?.backendProcessID ?? 0 }

    /// Sends all statements in one flight with one sync, and returns one result for each.
    ///
    /// Without `BEGIN` among them, and outside a transaction, they form one transaction that ends
    /// with the flight. The first error aborts the rest and is thrown with the statement's index;
    /// a transaction that was open is then rolled back already.
    package func pipeline(
        _ statements: [PostgresStatement]
    ) throws(PostgresError) -> [PostgresResult] {
        try use { handle throws(PostgresError) in
            try handle.run(statements, before: deadline)
        }
    }

    /// Runs a flight, lets `next` decide on this connection's thread what its results call for, and
    /// runs that in a second flight.
    ///
    /// An error of `next` leaves the transaction open that the first flight may have begun.
    ///
    /// - Returns: what `next` returned besides.
    package func pipeline<Value>(
        _ statements: [PostgresStatement],
        then next: @Sendable ([PostgresResult]) throws -> ([PostgresStatement], Value)
    ) throws -> sending Value {
        let (further, value) = try next(try pipeline(statements))
        _ = try pipeline(further)
        return value
    }

    /// Runs one statement.
    package func execute(
        _ sql: String, _ parameters: [PostgresParameter] = []
    ) throws(PostgresError) -> PostgresResult {
        let results = try pipeline([PostgresStatement(sql, parameters)])
        guard let result = results.first else {
            throw PostgresError(kind: .decoding, sqlState: "08P01", message: "no result")
        }
        return result
    }

    /// Asks the server for a sign of life.
    package func ping() throws(PostgresError) { _ = try execute("SELECT 1") }

    /// Starts a `COPY ... FROM STDIN`; until it ends nothing else can be run.
    package func beginCopy(_ sql: String) throws(PostgresError) {
        try use { handle throws(PostgresError) in try handle.beginCopy(sql, before: deadline) }
    }

    /// Sends a chunk of the COPY's data; it need not end at a row's end.
    ///
    /// It returns when the chunk is on its way, so a caller that waits is slowed to the server's
    /// pace. An error of the data comes only from ``finishCopy()``.
    package func sendCopy(_ chunk: [UInt8]) throws(PostgresError) {
        try use { handle throws(PostgresError) in try handle.sendCopy(chunk, before: deadline) }
    }

    /// Ends the COPY.
    ///
    /// - Returns: how many rows were copied.
    package func finishCopy() throws(PostgresError) -> Int {
        try use { handle throws(PostgresError) in try handle.finishCopy(before: deadline) }
    }

    /// Makes the server drop the COPY, and the transaction around it.
    package func abortCopy(_ reason: String) throws(PostgresError) {
        do throws(PostgresError) {
            _ = try use { handle throws(PostgresError) in
                try handle.finishCopy(failing: reason, before: deadline)
            }
        } catch  where error.sqlState == "57014" {
            // query_canceled: what was asked for.
        }
        if state == .inTransaction { _ = try pipeline([.rollback]) }
    }

    /// Copies all chunks in.
    ///
    /// - Returns: how many rows were copied.
    package func copyIn<Chunks: Sequence & Sendable>(
        _ sql: String, _ chunks: Chunks
    ) throws(PostgresError) -> Int where Chunks.Element == [UInt8] {
        try beginCopy(sql)
        for chunk in chunks { try sendCopy(chunk) }
        return try finishCopy()
    }

    /// Says goodbye to the server; further calls throw.
    package func close() {
        handle = nil
        published.store(State.closed.rawValue, ordering: .releasing)
    }

    private var deadline: ContinuousClock.Instant { .now + configuration.callTimeout }

    private func open() throws(PostgresError) {
        handle = try PostgresHandle.connecting(configuration)
        publish()
    }

    private func use<Result>(
        _ body: (inout PostgresHandle) throws(PostgresError) -> Result
    ) throws(PostgresError) -> Result {
        guard var taken = handle.take() else {
            throw PostgresError(
                kind: .connection, sqlState: "08003", message: "the connection is closed")
        }
        do throws(PostgresError) {
            let result = try body(&taken)
            handle = consume taken
            publish()
            return result
        } catch {
            if !error.isConnectionLost { handle = consume taken }
            publish()
            throw error
        }
    }

    private func publish() {
        let state: State =
            if handle == nil {
                .closed
            } else if handle?.isCopying == true {
                .copying
            } else if handle?.isIdle == true {
                .idle
            } else {
                .inTransaction
            }
        published.store(state.rawValue, ordering: .releasing)
    }
}
