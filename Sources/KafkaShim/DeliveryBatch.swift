import Glibc
import Synchronization

/// Counts down the acknowledgements of messages that were handed over together.
///
/// Each message carries a plain pointer to its batch; the batch keeps itself alive by one
/// reference, which whoever acknowledges the last message gives back.
final class DeliveryBatch: Sendable {
    private struct Failures {
        var count = 0
        var first: KafkaError?
    }

    private let accounts: ProducerAccounts
    private let messages: Int
    private let bytes: Int
    private let remaining: Atomic<Int>
    private let failures = Mutex(Failures())
    private let handingOver = Atomic<UInt>(0)
    private let onCompletion: @Sendable (Result<Void, KafkaError>) -> Void

    /// - Parameter messages: how many the batch has, at least one.
    init(
        messages: Int, bytes: Int, accounts: ProducerAccounts,
        onCompletion: @escaping @Sendable (Result<Void, KafkaError>) -> Void
    ) {
        self.accounts = accounts
        self.messages = messages
        self.bytes = bytes
        remaining = Atomic(messages)
        self.onCompletion = onCompletion
    }

    /// Runs `body`, in which the caller's thread hands the messages to librdkafka.
    func handOver(_ body: () -> Void) {
        handingOver.store(UInt(pthread_self()), ordering: .relaxed)
        body()
        handingOver.store(0, ordering: .relaxed)
    }

    /// Whether the caller's own thread hands messages over just now: what librdkafka tells of it
    /// meanwhile, the call of which it is part returns as well.
    var isHandedOverHere: Bool {
        handingOver.load(ordering: .relaxed) == UInt(pthread_self())
    }

    /// Keeps the first of the failures, which becomes the batch's result.
    func fail(_ error: KafkaError) {
        failures.withLock { failures in
            failures.count += 1
            if failures.first == nil { failures.first = error }
        }
    }

    /// Takes the fate of `count` messages; failures were reported by ``fail(_:)`` before.
    ///
    /// - Returns: where these were the last, the batch's part of the producer's room, which is to be
    ///   given back once the batch has been let go.
    func settle(_ count: Int) -> ProducerAccounts.Share? {
        let (_, left) = remaining.subtract(count, ordering: .acquiringAndReleasing)
        guard left == 0 else { return nil }
        let failures = failures.withLock { $0 }
        accounts.count(delivered: messages - failures.count, failed: failures.count)
        if let failure = failures.first {
            accounts.context.report(failure, about: "delivery")
            onCompletion(.failure(failure))
        } else {
            onCompletion(.success(()))
        }
        return ProducerAccounts.Share(of: accounts, messages: messages, bytes: bytes)
    }
}
