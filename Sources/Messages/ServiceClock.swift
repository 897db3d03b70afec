/// The time that a service lives by, so that a simulation can drive it.
package protocol ServiceClock: Sendable {
    /// The wall clock.
    func now() -> Timestamp

    /// Waits; ends early by throwing `CancellationError` when the task is cancelled.
    func sleep(for duration: Duration) async throws
}
