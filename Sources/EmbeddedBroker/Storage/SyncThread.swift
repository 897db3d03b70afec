import CLinux
import Glibc
import Synchronization
import Threading

/// The thread that waits for the device, so that the loop does not.
final class SyncThread: Sendable {
    private struct State {
        var work: [@Sendable () -> Void] = []
        var isStopping = false
    }

    private let state = Mutex(State())
    private let wakeUp: CInt

    init() throws(StorageError) {
        wakeUp = eventfd(0, CInt(EFD_CLOEXEC))
        guard wakeUp >= 0 else { throw StorageError("eventfd", "") }
        startThread(name: "broker-sync") { [self] in run() }
    }

    deinit { close(wakeUp) }

    /// Runs `work` on the thread, in the order of submission; any thread.
    func submit(_ work: @escaping @Sendable () -> Void) {
        state.withLock { $0.work.append(work) }
        _ = eventfd_write(wakeUp, 1)
    }

    /// Lets the thread end after the work submitted so far.
    func stop() {
        state.withLock { $0.isStopping = true }
        _ = eventfd_write(wakeUp, 1)
    }

    private func run() {
        while true {
            var count: eventfd_t = 0
            _ = unsafe eventfd_read(wakeUp, &count)
            let (work, isStopping) = state.withLock { state in
                defer { state.work = [] }
                return (state.work, state.isStopping)
            }
            for item in work { item() }
            if isStopping { return }
        }
    }
}
