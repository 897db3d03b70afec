import Synchronization

/// A value that is delivered once, awaited by one task.
///
/// Reply, time-out and cancellation race to it and the first wins; the others are told so by the
/// result of ``complete(_:)``. Completing needs no task, so C callbacks and plain threads may do it.
package final class Promise<Value: Sendable>: Sendable {
    private enum State {
        case initial
        case waiting(CheckedContinuation<Value, any Error>)
        case completed(Result<Value, any Error>)
    }

    private let state = Mutex(State.initial)

    package init() {}

    /// Delivers the result; only the first call has an effect.
    ///
    /// - Returns: whether this call was the first.
    @discardableResult
    package func complete(_ result: Result<Value, any Error>) -> Bool {
        let (won, continuation) = state.withLock {
            state -> (Bool, CheckedContinuation<Value, any Error>?) in
            switch state {
            case .initial:
                state = .completed(result)
                return (true, nil)
            case .waiting(let continuation):
                state = .completed(result)
                return (true, continuation)
            case .completed:
                return (false, nil)
            }
        }
        continuation?.resume(with: result)
        return won
    }

    /// Delivers a value; only the first completion has an effect.
    @discardableResult
    package func succeed(_ value: Value) -> Bool { complete(.success(value)) }

    /// Delivers an error; only the first completion has an effect.
    @discardableResult
    package func fail(_ error: any Error) -> Bool { complete(.failure(error)) }

    /// Waits for the result; cancellation completes the promise with `CancellationError`.
    ///
    /// Only one task may wait.
    package func value() async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Value, any Error>? = state.withLock { state in
                    switch state {
                    case .initial:
                        state = .waiting(continuation)
                        return nil
                    case .waiting:
                        preconditionFailure("a promise has one waiter")
                    case .completed(let result):
                        return result
                    }
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            fail(CancellationError())
        }
    }
}
