internal import CLibPQ

extension PostgresHandle {
    /// Starts a `COPY ... FROM STDIN`.
    mutating func beginCopy(
        _ sql: String, before deadline: ContinuousClock.Instant
    ) throws(PostgresError) {
        guard !isCopying else {
            throw PostgresError(kind: .usage, sqlState: "08P01", message: "a COPY is in progress")
        }
        try checkAlive()
        // COPY is not allowed in pipeline mode.
        guard unsafe PQexitPipelineMode(pointer) == 1, unsafe PQsendQuery(pointer, sql) == 1
        else { throw failure("cannot start COPY") }
        isCopying = true
        try flush(before: deadline)
        let result = try nextResult(before: deadline)
        if result.status == PGRES_COPY_IN { return }
        // Rows that nobody reads would stand in the way of everything else.
        if result.status == PGRES_COPY_OUT { throw .lost("COPY TO STDOUT is not supported") }
        var error = result.error
        if result.status == PGRES_COMMAND_OK || result.status == PGRES_TUPLES_OK {
            error = PostgresError(
                kind: .usage, sqlState: "08P01", message: "the statement is no COPY FROM STDIN")
        }
        if !error.isConnectionLost { _ = try? endCopy(before: deadline) }
        throw error
    }

    /// Sends a chunk, which need not end at a row's end.
    func sendCopy(
        _ chunk: [UInt8], before deadline: ContinuousClock.Instant
    ) throws(PostgresError) {
        guard isCopying else {
            throw PostgresError(kind: .usage, sqlState: "08P01", message: "no COPY is in progress")
        }
        while true {
            let sent = unsafe chunk.withUnsafeBytes { bytes in
                unsafe PQputCopyData(
                    pointer, bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                    Int32(bytes.count))
            }
            switch sent {
            case 1: return try flush(before: deadline)
            case 0: try flush(before: deadline)
            default: throw failure("cannot send COPY data")
            }
        }
    }

    /// Ends the COPY, well or, with a reason, by making the server drop it.
    ///
    /// - Returns: how many rows were copied.
    mutating func finishCopy(
        failing reason: String? = nil, before deadline: ContinuousClock.Instant
    ) throws(PostgresError) -> Int {
        guard isCopying else {
            throw PostgresError(kind: .usage, sqlState: "08P01", message: "no COPY is in progress")
        }
        while true {
            switch unsafe PQputCopyEnd(pointer, reason) {
            case 1: return try endCopy(before: deadline)
            case 0: try flush(before: deadline)
            default: throw failure("cannot end COPY")
            }
        }
    }

    private mutating func endCopy(before deadline: ContinuousClock.Instant) throws(PostgresError)
        -> Int
    {
        try flush(before: deadline)
        var count = 0
        var first: PostgresError?
        while true {
            let result = try nextResult(before: deadline)
            guard let status = result.status else { break }
            switch status {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK: count = result.affectedCount
            default:
                let error = result.error
                if error.isConnectionLost { throw error }
                if first == nil { first = error }
            }
        }
        if isBroken { throw failure("the connection was lost") }
        isCopying = false
        guard unsafe PQenterPipelineMode(pointer) == 1 else {
            throw failure("cannot enter pipeline mode")
        }
        if let first { throw first }
        return count
    }
}
