import PostgresShim
import RestGateway

/// Loads a table from CSV or JSON, chunk by chunk, all or nothing.
///
/// Rows are checked as they come and copied into a temporary table, so a load of any size needs
/// little memory. ``finish()`` then merges them in the same transaction: only rows that differ are
/// touched, in the order of their codes, as all writers do. Rows that are malformed refuse the whole
/// load.
///
/// A load has a connection of its own; it ends with ``finish()`` or ``abort()``, or with the first
/// error that is thrown.
actor TableLoader<Table: LoadedTable> {
    typealias Format = LoadFormat

    /// After so many faults reading stops.
    static var faultsMax: Int { 100 }
    /// How many bytes are gathered before they go to Postgres.
    private static var chunkLength: Int { 65_536 }

    private let configuration: PostgresConfiguration
    private let format: Format
    private var connection: PostgresConnection?
    private var isEnded = false
    private var csv = LoaderCSV()
    private var header: Table.Header?
    private var json = LoaderJSON()
    private var rowCount = 0
    private var faults: [LoadFault] = []
    /// Whether nothing that follows can be understood.
    private var isHopeless = false
    private var output = LoaderOutput()

    /// A loader; it connects with the first chunk.
    init(_ configuration: PostgresConfiguration, format: Format) {
        var own = configuration
        // A COPY is one statement, as long as its sender takes.
        own.statementTimeout = .zero
        own.idleInTransactionTimeout = .seconds(300)
        own.callTimeout = .seconds(600)
        own.settings["work_mem"] = "64MB"
        self.configuration = own
        self.format = format
    }

    /// Takes a chunk of the input, cut anywhere.
    func feed(_ bytes: [UInt8]) async throws(LoadError) {
        try checkOpen()
        if connection == nil { try await begin() }
        read(bytes)
        try await settle()
    }

    /// Ends the input, merges and commits.
    func finish() async throws(LoadError) -> LoadReport {
        try checkOpen()
        if connection == nil { try await begin() }
        finishReading()
        if !faults.isEmpty { throw await refusal(isComplete: true) }
        guard let connection else { throw .refused("the load has no connection") }
        let merge = LoaderMerge(connection: connection, rowCount: rowCount)
        let outcome: LoaderMerge.Outcome
        do throws(PostgresError) {
            output.end()
            try await connection.sendCopy(output.take())
            _ = try await connection.finishCopy()
            outcome = try await merge.run(Table.self, faultsMax: Self.faultsMax)
        } catch {
            throw await failure(error)
        }
        await close()
        switch outcome {
        case .merged(let report): return report
        case .duplicates(let faults, let isComplete):
            throw .malformed(faults, isComplete: isComplete)
        }
    }

    /// Gives the load up; nothing of it stays.
    func abort() async { await close() }

    private func checkOpen() throws(LoadError) {
        if isEnded { throw .refused("the load has ended") }
    }

    private func begin() async throws(LoadError) {
        do throws(PostgresError) {
            let connection = try await PostgresConnection.connect(configuration)
            self.connection = connection
            _ = try await connection.pipeline(Table.staging)
            try await connection.beginCopy("COPY staging FROM STDIN (FORMAT binary)")
        } catch {
            throw await failure(error)
        }
    }

    /// Sends what has gathered, or ends the load if there are enough faults.
    private func settle() async throws(LoadError) {
        if isHopeless { throw await refusal(isComplete: true) }
        if faults.count >= Self.faultsMax { throw await refusal(isComplete: false) }
        guard let connection, output.count >= Self.chunkLength else { return }
        do throws(PostgresError) {
            try await connection.sendCopy(output.take())
        } catch {
            throw await failure(error)
        }
    }

    private func read(_ bytes: [UInt8]) {
        switch format {
        case .csv: csv.read(bytes) { line, record in take(record, line) }
        case .json: json.read(bytes) { line, item in take(item, line) }
        }
    }

    private func finishReading() {
        switch format {
        case .csv:
            csv.finish { line, record in take(record, line) }
            if header == nil, faults.isEmpty {
                faults = [LoadFault(line: 1, reason: "there is no header row")]
            }
        case .json: json.finish { line, item in take(item, line) }
        }
    }

    /// Takes a record; whether to go on.
    private func take(_ record: LoaderCSV.Record, _ line: Int) -> Bool {
        switch (record, header) {
        case (.fields(let fields), let header?):
            return add(Table.row(fields, header), line)
        case (.fields(let fields), nil):
            switch Table.header(fields) {
            case .value(let header): self.header = header
            case .fault(let reason): return giveUp(line, reason)
            }
            return true
        case (.fault(let reason), nil): return giveUp(line, reason)
        case (.fault(let reason), .some): return add(.fault(reason), line)
        }
    }

    /// Takes an object; whether to go on.
    private func take(_ item: LoaderJSON.Item, _ line: Int) -> Bool {
        switch item {
        case .object(let bytes):
            switch Table.row(json: bytes) {
            case .value(let row): return add(.value(row), line)
            // Many objects may stand on one line.
            case .fault(let reason): return add(.fault("object \(rowCount + 1): \(reason)"), line)
            }
        case .fault(let reason): return giveUp(line, reason)
        }
    }

    private func add(_ parsed: LoaderParsed<Table.Row>, _ line: Int) -> Bool {
        rowCount += 1
        switch parsed {
        case .value(let row):
            if faults.isEmpty { Table.append(row, line: line, to: &output) }
        case .fault(let reason): faults.append(LoadFault(line: line, reason: reason))
        }
        return faults.count < Self.faultsMax
    }

    private func giveUp(_ line: Int, _ reason: String) -> Bool {
        faults.append(LoadFault(line: line, reason: reason))
        isHopeless = true
        return false
    }

    private func refusal(isComplete: Bool) async -> LoadError {
        await close()
        return .malformed(faults, isComplete: isComplete)
    }

    private func failure(_ error: PostgresError) async -> LoadError {
        await close()
        let text = error.description
        let isPassing = error.isRetriable || error.isCommitUnknown || error.isUniqueViolation
        return isPassing || error.sqlState == "42P01"
            ? .unavailable(text) : .refused(text)
    }

    /// Closing the connection rolls back what was not committed.
    private func close() async {
        isEnded = true
        await connection?.close()
        connection = nil
    }
}
