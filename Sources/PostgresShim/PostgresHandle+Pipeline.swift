internal import CLibPQ

extension PostgresHandle {
    private struct Step {
        let statement: Int
        let preparing: PreparedKey?
        let name: String
    }

    /// Sends all statements in one flight with one sync, and waits for their results.
    ///
    /// The first error aborts the statements after it and is thrown; a transaction that it left
    /// failed is rolled back.
    mutating func run(
        _ statements: [PostgresStatement], before deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> [PostgresResult] {
        guard !statements.isEmpty else { return [] }
        guard !isCopying else {
            throw PostgresError(
                kind: .usage, sqlState: "08P01", message: "a COPY is in progress")
        }
        try checkAlive()
        let commit = commitPoint(statements)
        let steps = try enqueue(statements)
        var results: [PostgresResult] = []
        results.reserveCapacity(statements.count)
        do throws(PostgresError) {
            try flush(before: deadline)
            try collect(steps, statements, &results, before: deadline)
        } catch {
            var error = error
            if error.isConnectionLost, results.count <= commit ?? -1 {
                // A word of the server about an earlier statement proves that COMMIT never ran.
                let provenEarlier =
                    error.statementIndex.map { $0 < commit ?? 0 } ?? false
                    && error.sqlState.hasPrefix("57")
                error.isCommitUnknown = !provenEarlier
            }
            if !error.isConnectionLost, unsafe PQtransactionStatus(pointer) == PQTRANS_INERROR {
                _ = try run([.rollback], before: deadline)
            }
            throw error
        }
        return results
    }

    /// The index of the statement whose result proves the commit; the count where the sync does.
    private func commitPoint(_ statements: [PostgresStatement]) -> Int? {
        var inTransaction = !isIdle
        var point: Int?
        var implicit = false
        for (index, statement) in statements.enumerated() {
            switch statement.effect {
            case .begin: inTransaction = true
            case .commit:
                point = index
                inTransaction = false
            case .rollback: inTransaction = false
            case .other: if !inTransaction { implicit = true }
            }
        }
        return implicit ? statements.count : point
    }

    private mutating func enqueue(
        _ statements: [PostgresStatement]
    ) throws(PostgresError) -> [Step] {
        var steps: [Step] = []
        var fresh: [PreparedKey: String] = [:]
        for (index, statement) in statements.enumerated() {
            let key = PreparedKey(sql: statement.sql, types: statement.parameters.map(\.type))
            var name = prepared[key] ?? fresh[key] ?? ""
            if name.isEmpty, prepared.count + fresh.count < Self.preparedCountMax {
                preparedCount += 1
                name = "s\(preparedCount)"
                fresh[key] = name
                steps.append(Step(statement: index, preparing: key, name: name))
                let types = key.types.map(\.rawValue)
                guard
                    unsafe PQsendPrepare(
                        pointer, name, statement.sql, Int32(types.count), types) == 1
                else { throw failure("cannot send") }
            }
            steps.append(Step(statement: index, preparing: nil, name: name))
            guard send(statement, as: name) else { throw failure("cannot send") }
        }
        guard unsafe PQpipelineSync(pointer) == 1 else { throw failure("cannot send") }
        return steps
    }

    /// Queues one execution; parameters and results are binary.
    private func send(_ statement: PostgresStatement, as name: String) -> Bool {
        let parameters = statement.parameters
        let types = parameters.map(\.type.rawValue)
        let lengths = parameters.map { Int32($0.bytes?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: parameters.count)
        // One byte more, so that the base exists and an empty value is not taken for null.
        var buffer: [UInt8] = []
        buffer.reserveCapacity(parameters.reduce(1) { $0 + ($1.bytes?.count ?? 0) })
        var offsets: [Int?] = []
        for parameter in parameters {
            offsets.append(parameter.bytes == nil ? nil : buffer.count)
            if let bytes = parameter.bytes { buffer.append(contentsOf: bytes) }
        }
        buffer.append(0)
        return unsafe buffer.withUnsafeBytes { bytes in
            let base = unsafe bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            var values = unsafe [UnsafePointer<CChar>?]()
            unsafe values.reserveCapacity(offsets.count)
            for offset in offsets {
                if let base = unsafe base, let offset {
                    unsafe values.append(base + offset)
                } else {
                    unsafe values.append(nil)
                }
            }
            let count = Int32(offsets.count)
            if name.isEmpty {
                return unsafe PQsendQueryParams(
                    pointer, statement.sql, count, types, values, lengths, formats, 1) == 1
            }
            return unsafe PQsendQueryPrepared(
                pointer, name, count, values, lengths, formats, 1) == 1
        }
    }

    /// Reads the results of all steps up to the sync; throws the first error once all are read.
    private mutating func collect(
        _ steps: [Step], _ statements: [PostgresStatement], _ results: inout [PostgresResult],
        before deadline: ContinuousClock.Instant
    ) throws(PostgresError) {
        var position = 0
        var first: PostgresError?
        var wasNil = false
        while true {
            let result = try nextResult(before: deadline)
            guard let status = result.status else {
                // Once for the end of each step, also while libpq still has results that arrived
                // before the connection broke; twice where it has no more.
                if wasNil, isBroken { throw lost(first) }
                wasNil = true
                position += 1
                continue
            }
            wasNil = false
            if status == PGRES_PIPELINE_SYNC { break }
            guard position < steps.count else { throw failure("an unexpected result") }
            let step = steps[position]
            switch status {
            case PGRES_PIPELINE_ABORTED: break
            case PGRES_COMMAND_OK where step.preparing != nil:
                if let key = step.preparing { prepared[key] = step.name }
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
                if statements[step.statement].effect == .commit, result.commandTag == "ROLLBACK" {
                    first =
                        first
                        ?? PostgresError(
                            kind: .server, sqlState: "25P02",
                            message: "COMMIT rolled back a failed transaction",
                            statementIndex: step.statement)
                    break
                }
                if let rows = result.take() { results.append(rows) }
            default:
                var error = result.error
                error.statementIndex = step.statement
                forgetIfStale(step, statements, after: error)
                if first == nil { first = error }
                if error.isConnectionLost { throw lost(first) }
            }
        }
        if let first { throw first }
    }

    /// The first error, now that the connection is lost too.
    private func lost(_ first: PostgresError?) -> PostgresError {
        var error = first ?? failure("the connection was lost")
        error.kind = .connection
        return error
    }

    /// Drops a prepared statement that the server no longer knows or whose tables changed shape.
    private mutating func forgetIfStale(
        _ step: Step, _ statements: [PostgresStatement], after error: PostgresError
    ) {
        guard error.sqlState == "0A000" || error.sqlState == "26000" else { return }
        let statement = statements[step.statement]
        prepared[PreparedKey(sql: statement.sql, types: statement.parameters.map(\.type))] = nil
    }
}
