package import PostgresShim
package import RestGateway

/// Loads products into the inventory from CSV or JSON, chunk by chunk, all or nothing.
///
/// Rows are checked as they come and copied into a temporary table, so a load of any size needs
/// little memory. ``finish()`` then merges them in the same transaction: only rows that differ are
/// touched, in the order of their codes, as all writers do; a row that would fall below what is held
/// is skipped and reported. Rows that are malformed refuse the whole load.
///
/// A load has a connection of its own; it ends with ``finish()`` or ``abort()``, or with the first
/// error that is thrown.
package actor InventoryLoader {
    /// How the rows are written.
    package enum Format: Hashable, Sendable {
        /// `product_code,name,quantity[,price]`, with a header row that names the columns in any
        /// order.
        case csv
        /// An array of objects, or objects one after the other, with the same names as keys.
        case json
    }

    /// After so many faults reading stops.
    package static let faultsMax = 100
    /// How many bytes are gathered before they go to Postgres.
    private static let chunkLength = 65_536

    private let configuration: PostgresConfiguration
    private let format: Format
    private var connection: PostgresConnection?
    private var isEnded = false
    private var csv = InventoryLoaderCSV()
    private var header: InventoryLoaderHeader?
    private var json = InventoryLoaderJSON()
    private var rowCount = 0
    private var faults: [LoadFault] = []
    /// Whether nothing that follows can be understood.
    private var isHopeless = false
    private var output = InventoryLoaderOutput()

    /// A loader; it connects with the first chunk.
    package init(_ configuration: PostgresConfiguration, format: Format) {
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
    package func feed(_ bytes: [UInt8]) async throws(InventoryLoadError) {
        try checkOpen()
        if connection == nil { try await begin() }
        read(bytes)
        try await settle()
    }

    /// Ends the input, merges and commits.
    package func finish() async throws(InventoryLoadError) -> LoadReport {
        try checkOpen()
        if connection == nil { try await begin() }
        finishReading()
        if !faults.isEmpty { throw await refusal(isComplete: true) }
        guard let connection else { throw .refused("the load has no connection") }
        let merge = InventoryLoaderMerge(connection: connection)
        let outcome: InventoryLoaderMerge.Outcome
        do throws(PostgresError) {
            output.end()
            try await connection.sendCopy(output.take())
            _ = try await connection.finishCopy()
            outcome = try await merge.run(rowCount: rowCount, faultsMax: Self.faultsMax)
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
    package func abort() async { await close() }

    private func checkOpen() throws(InventoryLoadError) {
        if isEnded { throw .refused("the load has ended") }
    }

    private func begin() async throws(InventoryLoadError) {
        do throws(PostgresError) {
            let connection = try await PostgresConnection.connect(configuration)
            self.connection = connection
            _ = try await connection.pipeline(InventoryLoaderMerge.staging)
            try await connection.beginCopy(InventoryLoaderMerge.copy)
        } catch {
            throw await failure(error)
        }
    }

    /// Sends what has gathered, or ends the load if there are enough faults.
    private func settle() async throws(InventoryLoadError) {
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
    private func take(_ record: InventoryLoaderCSV.Record, _ line: Int) -> Bool {
        switch (record, header) {
        case (.fields(let fields), let header?):
            return add(header.row(fields), line)
        case (.fields(let fields), nil):
            switch InventoryLoaderHeader.read(fields) {
            case .value(let header): self.header = header
            case .fault(let reason): return giveUp(line, reason)
            }
            return true
        case (.fault(let reason), nil): return giveUp(line, reason)
        case (.fault(let reason), .some): return add(.fault(reason), line)
        }
    }

    /// Takes an object; whether to go on.
    private func take(_ item: InventoryLoaderJSON.Item, _ line: Int) -> Bool {
        switch item {
        case .object(let bytes):
            switch InventoryLoaderRow.json(bytes) {
            case .value(let row): return add(.value(row), line)
            // Many objects may stand on one line.
            case .fault(let reason): return add(.fault("object \(rowCount + 1): \(reason)"), line)
            }
        case .fault(let reason): return giveUp(line, reason)
        }
    }

    private func add(
        _ parsed: InventoryLoaderRow.Parsed<InventoryLoaderRow>, _ line: Int
    ) -> Bool {
        rowCount += 1
        switch parsed {
        case .value(var row):
            row.line = line
            if faults.isEmpty { output.append(row) }
        case .fault(let reason): faults.append(LoadFault(line: line, reason: reason))
        }
        return faults.count < Self.faultsMax
    }

    private func giveUp(_ line: Int, _ reason: String) -> Bool {
        faults.append(LoadFault(line: line, reason: reason))
        isHopeless = true
        return false
    }

    private func refusal(isComplete: Bool) async -> InventoryLoadError {
        await close()
        return .malformed(faults, isComplete: isComplete)
    }

    private func failure(_ error: PostgresError) async -> InventoryLoadError {
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
