import Synchronization

/// Something that happens once, awaited by any number of tasks.
final class Broadcast: Sendable {
    private struct State {
        var isComplete = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Lets those who wait, and those who come later, pass.
    func complete() {
        let waiters = state.withLock { state in
            state.isComplete = true
            let waiters = state.waiters
            state.waiters = []
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits; cancellation does not shorten it, so only for what has a deadline of its own.
    func value() async {
        await withCheckedContinuation { continuation in
            let isComplete = state.withLock { state in
                if !state.isComplete { state.waiters.append(continuation) }
                return state.isComplete
            }
            if isComplete { continuation.resume() }
        }
    }
}
