import CLinux
import Glibc

/// A timer on an event loop that is as fine as the kernel's: for what is paced by microseconds.
///
/// The loop's own timers are rounded up to milliseconds. One of these costs a descriptor, and a system
/// call each time it is set. Loop thread only.
package final class FineTimer {
    private let loop: EventLoop
    private let descriptor: CInt
    private var isClosed = false

    /// - Parameter action: runs on the loop each time the timer is due.
    /// - Throws: ``EventLoopError`` when the process is out of descriptors.
    package init(loop: EventLoop, _ action: @escaping () -> Void) throws {
        let descriptor = timerfd_create(
            CLOCK_MONOTONIC, CInt(TFD_NONBLOCK | TFD_CLOEXEC))
        guard descriptor >= 0 else { throw EventLoopError(call: "timerfd_create", code: errno) }
        self.loop = loop
        self.descriptor = descriptor
        do {
            // Edge-triggered, and setting it starts its count anew: it never has to be read.
            try loop.register(descriptor) { _ in action() }
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    /// Sets when it is due next, in nanoseconds of ``EventLoop/nanoseconds``; replaces what was set.
    package func set(at due: UInt64) {
        guard !isClosed else { return }
        var time = itimerspec()
        // Zero would switch the timer off.
        let due = max(due, 1)
        time.it_value = timespec(
            tv_sec: Int(due / 1_000_000_000), tv_nsec: Int(due % 1_000_000_000))
        unsafe timerfd_settime(descriptor, CInt(TFD_TIMER_ABSTIME), &time, nil)
    }

    /// Ends it; nothing runs any more.
    package func close() {
        guard !isClosed else { return }
        isClosed = true
        loop.deregister(descriptor)
        Glibc.close(descriptor)
    }
}
