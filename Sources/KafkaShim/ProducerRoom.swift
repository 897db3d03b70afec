import CRdKafka
import Synchronization
import Threading

/// The room in a producer's queue, reserved before messages are handed to librdkafka.
///
/// librdkafka itself refuses single messages with `QUEUE_FULL` once its bounds are reached; keeping
/// the same bounds here makes a batch go in as a whole or not at all, and lets tasks wait in the
/// order in which they came.
final class ProducerRoom: Sendable {
    private struct Waiter {
        let messages: Int
        let bytes: Int
        let granted: Promise<Void>
    }

    private struct State {
        var messages: Int
        var bytes: Int
        var waiters: [Waiter] = []
        var isClosed = false
    }

    /// The most messages that fit.
    let messagesMax: Int
    /// The most bytes of keys and values that fit.
    let bytesMax: Int
    private let state: Mutex<State>

    init(messagesMax: Int, bytesMax: Int) {
        self.messagesMax = messagesMax
        self.bytesMax = bytesMax
        state = Mutex(State(messages: messagesMax, bytes: bytesMax))
    }

    /// The end and the size of the longest run of messages, from `start`, that fits an empty queue.
    ///
    /// - Throws: `MSG_SIZE_TOO_LARGE` where a single message does not.
    func fitting(
        _ records: [KafkaRecord], from start: Int
    ) throws(KafkaError) -> (end: Int, bytes: Int) {
        var end = start
        var bytes = 0
        while end < records.count, end - start < messagesMax {
            let size = records[end].byteCount
            if bytes + size > bytesMax { break }
            bytes += size
            end += 1
        }
        guard end > start else {
            throw KafkaError(
                RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                "a message of \(records[start].byteCount) bytes is larger than the queue")
        }
        return (end, bytes)
    }

    /// Takes room if it is there and nobody waits for it.
    ///
    /// - Throws: `_QUEUE_FULL`; `_DESTROY` once closed.
    func tryReserve(messages: Int, bytes: Int) throws(KafkaError) {
        let error: KafkaError? = state.withLock { state in
            if state.isClosed { return KafkaError.closed() }
            guard state.waiters.isEmpty, messages <= state.messages, bytes <= state.bytes
            else { return KafkaError.queueFull() }
            state.messages -= messages
            state.bytes -= bytes
            return nil
        }
        if let error { throw error }
    }

    /// Waits until there is room; first come, first served.
    ///
    /// The batch must fit into an empty queue: see ``fitting(_:from:)``.
    func reserve(messages: Int, bytes: Int) async throws {
        let granted: Promise<Void>? = try state.withLock { state in
            if state.isClosed { throw KafkaError.closed() }
            if state.waiters.isEmpty, messages <= state.messages, bytes <= state.bytes {
                state.messages -= messages
                state.bytes -= bytes
                return nil
            }
            let granted = Promise<Void>()
            state.waiters.append(Waiter(messages: messages, bytes: bytes, granted: granted))
            return granted
        }
        try await granted?.value()
    }

    /// Gives room back, and grants it to those who wait.
    func release(messages: Int, bytes: Int) {
        var messages = messages
        var bytes = bytes
        // A waiter may have been cancelled: its grant comes back and goes to the next.
        while messages > 0 || bytes > 0 {
            let granted = state.withLock { state -> [Waiter] in
                state.messages = min(messagesMax, state.messages + messages)
                state.bytes = min(bytesMax, state.bytes + bytes)
                var served = 0
                for waiter in state.waiters {
                    guard waiter.messages <= state.messages, waiter.bytes <= state.bytes
                    else { break }
                    state.messages -= waiter.messages
                    state.bytes -= waiter.bytes
                    served += 1
                }
                let granted = Array(state.waiters.prefix(served))
                state.waiters.removeFirst(served)
                return granted
            }
            messages = 0
            bytes = 0
            for waiter in granted where !waiter.granted.succeed(()) {
                messages += waiter.messages
                bytes += waiter.bytes
            }
        }
    }

    /// Refuses whoever waits or comes.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            let waiters = state.waiters
            state.waiters = []
            return waiters
        }
        for waiter in waiters { waiter.granted.fail(KafkaError.closed()) }
    }

    /// The messages that are on their way.
    var messagesInFlight: Int { state.withLock { messagesMax - $0.messages } }
}
