import Glibc
import Synchronization
import Telemetry
import Threading

/// Waits for SIGTERM or SIGINT; a process has one of these at most.
///
/// A handler passes the signals through a pipe to a thread. Blocking them for `sigwait` would not do:
/// the mask would have to reach the main thread, which Swift's runtime keeps for itself.
final class StopSignal: Sendable {
    private let promise = Promise<Void>()

    init(logger: Logger) {
        var ends: [CInt] = [-1, -1]
        unsafe pipe(&ends)
        let source = ends[0]
        signalPipe.store(ends[1], ordering: .releasing)
        startThread(name: "signals") { [promise] in
            let received = nextSignal(from: source)
            logger.info(
                "Told to stop; work in flight is finished.",
                ["signal": received == SIGTERM ? "SIGTERM" : "SIGINT"])
            promise.succeed(())
            // A second one means: at once.
            _ = nextSignal(from: source)
            logger.warning("Told to stop again; the process ends at once.")
            _exit(130)
        }
        signal(SIGTERM, noteSignal)
        signal(SIGINT, noteSignal)
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

/// The end of the pipe that the handler writes to.
private let signalPipe = Atomic<CInt>(-1)

/// Runs in a signal handler: what it calls must be in signal-safety(7).
private func noteSignal(_ number: CInt) {
    let interrupted = errno
    var byte = UInt8(truncatingIfNeeded: number)
    _ = unsafe write(signalPipe.load(ordering: .acquiring), &byte, 1)
    errno = interrupted
}

/// Waits for the number of the next signal; the pipe lasts as long as the process.
private func nextSignal(from source: CInt) -> CInt {
    var byte: UInt8 = 0
    while unsafe read(source, &byte, 1) != 1 {
        if errno != EINTR { pause() }
    }
    return CInt(byte)
}
