import Glibc
import Synchronization

/// A line on standard error that says how far something is: rewritten on a terminal, else repeated
/// every few seconds. Calls may come from any thread.
final class ProgressLine: Sendable {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let shownAt = Mutex<ContinuousClock.Instant?>(nil)

    func show(_ text: @autoclosure () -> String, isLast: Bool) {
        let now = ContinuousClock.now
        let pause: Duration = isTerminal ? .milliseconds(100) : .seconds(5)
        let isDue = shownAt.withLock { shownAt in
            if !isLast, let shownAt, now - shownAt < pause { return false }
            shownAt = now
            return true
        }
        guard isDue else { return }
        var line = isTerminal ? "\r\u{1B}[K\(text())\(isLast ? "\n" : "")" : "\(text())\n"
        line.withUTF8 { bytes in
            _ = unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
    }
}
