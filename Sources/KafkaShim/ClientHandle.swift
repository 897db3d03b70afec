import CRdKafka
import Threading

/// A running librdkafka instance.
///
/// `@unchecked Sendable`: librdkafka's INTRODUCTION.md, section "Threads and callbacks", says that
/// its API is completely thread-safe; the pointer itself never changes.
///
/// The last reference destroys the instance, on a thread of its own, because `rd_kafka_destroy()`
/// waits for librdkafka's threads and the last reference may be dropped by a task.
@safe final class ClientHandle: @unchecked Sendable {
    let context: ClientContext
    private let pointer: OpaquePointer
    private let retainedContext: Unmanaged<ClientContext>

    @safe private struct Remains: @unchecked Sendable {
        let pointer: OpaquePointer
        let context: Unmanaged<ClientContext>
    }

    init(
        pointer: OpaquePointer, context: ClientContext, retained: Unmanaged<ClientContext>
    ) {
        unsafe self.pointer = pointer
        self.context = context
        unsafe self.retainedContext = retained
    }

    deinit {
        let remains = unsafe Remains(pointer: pointer, context: retainedContext)
        startThread(name: "kafka-destroy") { [remains] in
            // The group was left by an orderly close, or there is no time for that.
            unsafe rd_kafka_destroy_flags(
                remains.pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
            unsafe remains.context.release()
        }
    }

    /// Lends the pointer for the time of a call.
    func withPointer<Result: ~Copyable, Failure: Error>(
        _ body: (OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(pointer)
    }

    /// Why the instance is beyond use; `nil` where it is not.
    var fatalError: KafkaError? {
        let (code, text) = unsafe errorText { buffer, size in
            unsafe rd_kafka_fatal_error(pointer, buffer, size)
        }
        return code == RD_KAFKA_RESP_ERR_NO_ERROR
            ? nil : KafkaError(code, text, isFatal: true)
    }
}
