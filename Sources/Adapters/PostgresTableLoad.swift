import RestGateway

/// A load into a table of Postgres.
struct PostgresTableLoad<Table: LoadedTable>: TableLoad {
    let loader: TableLoader<Table>
    /// Called after a load that was committed.
    var onCommit: @Sendable () -> Void = {}

    func feed(_ bytes: [UInt8]) async throws {
        do throws(LoadError) {
            try await loader.feed(bytes)
        } catch {
            throw refusal(error)
        }
    }

    func finish() async throws -> LoadReport {
        do throws(LoadError) {
            let report = try await loader.finish()
            onCommit()
            return report
        } catch {
            throw refusal(error)
        }
    }

    func cancel() async { await loader.abort() }

    private func refusal(_ error: LoadError) -> any Error {
        guard case .malformed(let faults, _) = error else { return error }
        return LoadRefusal(
            errors: faults.map { LoadRefusal.LineError(line: $0.line, reason: $0.reason) })
    }
}
