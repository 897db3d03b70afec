import Telemetry
import Threading

/// Somebody who waits until what they sent is safe.
protocol SafetyWaiter: AnyObject {
    /// The turn's writing is over; `offsetsFailed` tells that no offset of the turn was written.
    func written(offsetsFailed: Bool)
    /// Answers; `offsetsFailed` tells that committed offsets could not be forced to the device.
    func finish(offsetsFailed: Bool)
}

/// Decides when what was written is forced to the device, and answers those who wait for it.
///
/// Loop thread only; the waiting itself is done by a ``SyncThread``. One round at a time: what comes
/// during a round shares the next one, so that under ``BrokerConfiguration/FsyncPolicy/always`` many
/// producers share one sync.
final class Syncer {
    /// One log's part of a round.
    private struct Entry {
        let log: PartitionLog
        let work: LogSyncWork
        /// What the log had written when the round began.
        let written: LogPosition
    }

    /// Is told which logs show more to consumers now.
    var didShow: ([PartitionLog]) -> Void = { _ in }

    private let loop: EventLoop
    private let configuration: BrokerConfiguration
    private let logger: Logger
    private let offsets: OffsetStore
    private let seconds: Histogram
    private let threads: [SyncThread]
    private var dirtyLogs: [PartitionLog] = []
    private var waiters: [any SafetyWaiter] = []
    private var isRunning = false
    private var isTimerSet = false
    private var closing: ((Bool) -> Void)?
    private var hasFailed = false

    init(
        configuration: BrokerConfiguration, loop: EventLoop, logger: Logger, offsets: OffsetStore,
        seconds: Histogram
    ) throws(StorageError) {
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        self.offsets = offsets
        self.seconds = seconds
        // Syncs of several files at once share the file system's commits; without anybody waiting
        // for them one after the other does as well.
        var threads: [SyncThread] = []
        for _ in 0..<(configuration.fsync == .always ? 8 : 1) { threads.append(try SyncThread()) }
        self.threads = threads
    }

    /// Takes note that a log may have something to force to the device.
    func note(_ log: PartitionLog) {
        guard log.hasUnsynced else { return }
        if !log.isNotedForSync {
            log.isNotedForSync = true
            dirtyLogs.append(log)
        }
        setTimer()
    }

    /// Answers those whose records and offsets are written, now or once they are on the device.
    func finish(_ finished: [any SafetyWaiter]) {
        switch configuration.fsync {
        case .interval:
            for waiter in finished { waiter.finish(offsetsFailed: false) }
            if offsets.journal.needsSync { setTimer() }
        case .always:
            waiters.append(contentsOf: finished)
            runRound()
        }
    }

    private func setTimer() {
        guard configuration.fsync == .interval, !isTimerSet, closing == nil else { return }
        isTimerSet = true
        _ = loop.schedule(after: configuration.fsyncInterval) { [self] in
            isTimerSet = false
            runRound()
        }
    }

    private func runRound() {
        guard !isRunning else { return }
        var entries: [Entry] = []
        for log in dirtyLogs {
            log.isNotedForSync = false
            guard let work = log.takeSyncWork() else { continue }
            entries.append(Entry(log: log, work: work, written: log.written))
        }
        dirtyLogs.removeAll(keepingCapacity: true)
        run(entries)
    }

    private func run(_ entries: [Entry]) {
        let waiting = waiters
        waiters.removeAll(keepingCapacity: true)
        var offsetsFile: DiskFile?
        if offsets.journal.needsSync {
            offsets.journal.needsSync = false
            offsetsFile = offsets.journal.file
        }
        if entries.isEmpty, offsetsFile == nil {
            for waiter in waiting { waiter.finish(offsetsFailed: false) }
            closeIfAsked()
            return
        }
        isRunning = true
        let confined = Confined((syncer: self, entries: entries, waiting: waiting))
        let round = SyncRound(logs: entries.map(\.work), offsets: offsetsFile)
        round.run(on: threads) { [loop] result in
            loop.execute {
                let (syncer, entries, waiting) = confined.value
                syncer.completed(entries, waiting, result)
            }
        }
    }

    private func completed(
        _ entries: [Entry], _ waiting: [any SafetyWaiter], _ result: SyncRound.Outcome
    ) {
        isRunning = false
        seconds.observe(result.duration)
        var shown: [PartitionLog] = []
        for (entry, outcome) in zip(entries, result.logs) {
            switch outcome {
            case .success(let outcome):
                entry.log.syncSucceeded(outcome)
                if configuration.fsync == .always {
                    entry.log.show(entry.written)
                    shown.append(entry.log)
                }
            case .failure(let error):
                hasFailed = true
                entry.log.takeOffline(error)
            }
        }
        if let error = result.offsetsFailure {
            hasFailed = true
            logger.error(
                "committed offsets could not be forced to the device",
                ["error": error.description])
        }
        for waiter in waiting { waiter.finish(offsetsFailed: result.offsetsFailure != nil) }
        if !shown.isEmpty { didShow(shown) }
        if closing != nil {
            closeIfAsked()
        } else if !waiters.isEmpty {
            runRound()
        }
    }

    // MARK: - Closing

    /// Forces everything to the device, with an index for every active segment.
    ///
    /// - Parameter done: is told whether all of it went well.
    func close(_ logs: [PartitionLog], _ done: @escaping (Bool) -> Void) {
        logsToClose = logs
        closing = done
        if !isRunning { closeIfAsked() }
    }

    private var logsToClose: [PartitionLog]?

    private func closeIfAsked() {
        guard let closing else { return }
        if let logs = logsToClose {
            logsToClose = nil
            var entries: [Entry] = []
            for log in logs {
                guard let work = log.closingWork() else { continue }
                entries.append(Entry(log: log, work: work, written: log.written))
            }
            run(entries)
        } else {
            self.closing = nil
            for thread in threads { thread.stop() }
            closing(!hasFailed)
        }
    }
}
