import Synchronization

/// Counts down the acknowledgements of messages that were handed over together.
///
/// Each message carries a plain pointer to its batch; the batch keeps itself alive by one
/// reference, which whoever acknowledges the last message gives back.
final class DeliveryBatch: Sendable {
    private let remaining: Atomic<Int>
    private let firstFailure = Mutex<KafkaError?>(nil)
    private let onCompletion: @Sendable (Result<Void, KafkaError>) -> Void

    /// - Parameter count: the messages of the batch, at least one.
    init(count: Int, onCompletion: @escaping @Sendable (Result<Void, KafkaError>) -> Void) {
        remaining = Atomic(count)
        self.onCompletion = onCompletion
    }

    /// Keeps the first of the failures, which becomes the batch's result.
    func fail(_ error: KafkaError) {
        firstFailure.withLock { failure in
            if failure == nil { failure = error }
        }
    }

    /// Takes the fate of `count` messages; failures were reported by ``fail(_:)`` before.
    ///
    /// - Returns: whether these were the last.
    func settle(_ count: Int) -> Bool {
        let (_, left) = remaining.subtract(count, ordering: .acquiringAndReleasing)
        guard left == 0 else { return false }
        if let failure = firstFailure.withLock({ $0 }) {
            onCompletion(.failure(failure))
        } else {
            onCompletion(.success(()))
        }
        return true
    }
}
