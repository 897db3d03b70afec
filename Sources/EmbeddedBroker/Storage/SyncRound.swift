import Synchronization

/// What is forced to the device together: logs first, for an offset must not outlive the records
/// before it.
final class SyncRound: Sendable {
    /// What came of a round.
    struct Outcome: Sendable {
        /// In the order of the logs.
        var logs: [Result<LogSyncWork.Outcome, StorageError>] = []
        var offsetsFailure: StorageError?
        var duration = Duration.zero
    }

    private struct Progress {
        var next = 0
        var unfinished: Int
        var logs: [Result<LogSyncWork.Outcome, StorageError>?]
    }

    private let logs: [LogSyncWork]
    private let offsets: DiskFile?
    private let progress: Mutex<Progress>
    private let start = ContinuousClock().now

    init(logs: [LogSyncWork], offsets: DiskFile?) {
        self.logs = logs
        self.offsets = offsets
        progress = Mutex(
            Progress(unfinished: logs.count, logs: Array(repeating: nil, count: logs.count)))
    }

    /// Does the work on as many of the threads as there is work for.
    ///
    /// - Parameter done: is called once, on one of the threads.
    func run(on threads: [SyncThread], _ done: @escaping @Sendable (Outcome) -> Void) {
        for thread in threads.prefix(max(1, logs.count)) {
            thread.submit { [self] in work(done) }
        }
    }

    private func work(_ done: (Outcome) -> Void) {
        if logs.isEmpty { return finish([], done) }
        while let index = progress.withLock({ progress -> Int? in
            guard progress.next < logs.count else { return nil }
            defer { progress.next += 1 }
            return progress.next
        }) {
            let result: Result<LogSyncWork.Outcome, StorageError>
            do throws(StorageError) {
                result = .success(try logs[index].run())
            } catch {
                result = .failure(error)
            }
            let all = progress.withLock {
                progress -> [Result<LogSyncWork.Outcome, StorageError>]? in
                progress.logs[index] = result
                progress.unfinished -= 1
                return progress.unfinished == 0 ? progress.logs.compactMap { $0 } : nil
            }
            if let all { finish(all, done) }
        }
    }

    private func finish(
        _ logs: [Result<LogSyncWork.Outcome, StorageError>], _ done: (Outcome) -> Void
    ) {
        var outcome = Outcome(logs: logs)
        do throws(StorageError) {
            try offsets?.sync()
        } catch {
            outcome.offsetsFailure = error
        }
        outcome.duration = ContinuousClock().now - start
        done(outcome)
    }
}
