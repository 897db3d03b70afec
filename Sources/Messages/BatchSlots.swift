/// How many batches of a log are worked on at a time.
///
/// With the store away every batch waits for it. A change of what the log assigns must not wait with
/// them: the partitions that leave are then given up, and somebody else takes them over.
package struct BatchSlots: Sendable {
    /// Why a reader that waits for a slot looks again.
    package enum Release: Sendable {
        /// A batch has ended.
        case batch
        /// Some time has passed.
        case time
    }

    /// How often a reader that waits looks for a change.
    private static let look = Duration.milliseconds(100)

    private let most: Int
    private var inFlight = 0
    private var isTiming = false

    /// - Parameter most: how many batches there are at most, at least 1.
    package init(_ most: Int) { self.most = most }

    /// Takes a slot, waiting for one of the group's batches to end.
    ///
    /// Returns at once where a change waits in the log, so that one batch too many is worked on: it
    /// came before the change and has to be begun before it.
    package mutating func take<Value>(
        from batches: inout ThrowingTaskGroup<Release, any Error>,
        unless log: any GroupLog<Value>, _ clock: any ServiceClock,
        isolation: isolated (any Actor)? = #isolation
    ) async throws {
        while inFlight >= most, !log.hasChange {
            if !isTiming {
                isTiming = true
                batches.addTask {
                    try await clock.sleep(for: Self.look)
                    return .time
                }
            }
            switch try await batches.next(isolation: isolation) {
            case .batch: inFlight -= 1
            case .time: isTiming = false
            case nil: preconditionFailure("there is a batch for each slot that is taken")
            }
        }
        inFlight += 1
    }
}
