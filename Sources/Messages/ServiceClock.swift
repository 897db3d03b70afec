/// The time that a service lives by, so that a simulation can drive it.
package protocol ServiceClock: Sendable {
    /// The wall clock.
    func now() -> Timestamp

    /// Waits; ends early by throwing `CancellationError` when the task is cancelled.
    func sleep(for duration: Duration) async throws
}

extension ServiceClock {
    /// Does something again and again, until the task is cancelled.
    ///
    /// - Throws: `CancellationError`.
    package func every(_ interval: Duration, _ body: @Sendable () async -> Void) async throws {
        while true {
            try await sleep(for: interval)
            await body()
        }
    }
}
