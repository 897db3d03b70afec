import Glibc
import Synchronization
import Telemetry
import Threading

/// Waits for SIGTERM or SIGINT on a thread of its own.
///
/// Make it before any other thread: threads inherit the mask that keeps the signals from them.
final class StopSignal: Sendable {
    private let promise = Promise<Void>()

    init(logger: Logger) {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGTERM)
        unsafe sigaddset(&signals, SIGINT)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        let awaited = signals
        startThread(name: "signals") { [promise] in
            var awaited = awaited
            var received: CInt = 0
            unsafe sigwait(&awaited, &received)
            logger.info(
                "Told to stop; work in flight is finished.",
                ["signal": received == SIGTERM ? "SIGTERM" : "SIGINT"])
            promise.succeed(())
            // A second one means: at once.
            unsafe sigwait(&awaited, &received)
            logger.warning("Told to stop again; the process ends at once.")
            _exit(130)
        }
    }

    /// Returns when the process is told to stop, or the task is cancelled.
    func wait() async { try? await promise.value() }
}

/// What to do when the process is told to stop.
final class StopAction: Sendable {
    private let action = Mutex<(@Sendable () async -> Void)?>(nil)

    /// Stops by this, once there is something to stop; the service's body then returns by itself.
    func set(_ stop: @escaping @Sendable () async -> Void) {
        action.withLock { $0 = stop }
    }

    fileprivate func take() -> (@Sendable () async -> Void)? { action.withLock { $0 } }
}

/// Runs a service until it ends by itself or the process is told to stop.
///
/// A body that has not set its stop action yet, because it waits for what it needs, is cancelled.
/// One that takes longer than `deadline` to stop is cut off, with exit code 0: what it leaves is
/// safe, an unfinished message is read again and an unanswered request asked again.
func serve(
    until stopSignal: StopSignal, deadline: Duration, logger: Logger,
    _ body: @escaping @Sendable (StopAction) async throws -> Void
) async throws {
    let stopAction = StopAction()
    try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
            try await body(stopAction)
            return true
        }
        group.addTask {
            await stopSignal.wait()
            return false
        }
        if try await group.next() == true {
            group.cancelAll()
            return
        }
        startThread(name: "stop-deadline") {
            let parts = deadline.components
            var time = timespec(
                tv_sec: Int(parts.seconds),
                tv_nsec: Int(parts.attoseconds / 1_000_000_000))
            var left = time
            while unsafe nanosleep(&time, &left) == -1, errno == EINTR { time = left }
            logger.warning(
                "Stopping takes longer than --stop-deadline; the rest is left to the next start.")
            _exit(0)
        }
        guard let stop = stopAction.take() else {
            group.cancelAll()
            _ = try? await group.next()
            return
        }
        await stop()
        _ = try await group.next()
    }
    logger.info("Stopped.")
}
