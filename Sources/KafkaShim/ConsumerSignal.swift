import Synchronization
import Threading

/// The consumer's state, shared by the application's tasks, the consumer's thread and librdkafka's
/// callback, which is told to keep out of the client: it has no way to it from here.
final class ConsumerSignal: Sendable {
    private let state = Mutex(ConsumerStateMachine())

    /// Changes the state and wakes whom the change concerns, after the lock is given back.
    func change(_ body: (inout ConsumerStateMachine) -> Promise<Void>?) {
        state.withLock { body(&$0) }?.succeed(())
    }

    /// Changes the state where that concerns no waiting task.
    func update<Result: Sendable>(
        _ body: (inout sending ConsumerStateMachine) -> Result
    ) -> Result {
        state.withLock { body(&$0) }
    }

    /// Takes librdkafka's word that its empty message queue got a message.
    func messagesArrived() { change { $0.messagesArrived() } }
}
