import Glibc
package import Messages

/// The machine's own clock.
package struct SystemClock: ServiceClock {
    package init() {}

    package func now() -> Timestamp {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(millis: now.tv_sec * 1_000 + now.tv_nsec / 1_000_000)
    }

    package func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration)
    }
}
