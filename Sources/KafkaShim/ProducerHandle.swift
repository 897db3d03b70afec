import CRdKafka
import Synchronization

/// librdkafka's producer with its event queue and its topics.
///
/// `@unchecked Sendable`: librdkafka's API is thread-safe (INTRODUCTION.md, "Threads and
/// callbacks"); the topics are behind a lock.
@safe final class ProducerHandle: @unchecked Sendable {
    /// What one turn of the event queue brought.
    enum Event {
        case error(KafkaError)
        case statistics(brokerIsUp: Bool)
        case none
    }

    let client: ClientHandle
    private let queue: OpaquePointer
    private let topics = Mutex(TopicCache())

    /// Topic handles by name; looking one up by name for each message costs librdkafka a lock and a
    /// search.
    @safe private struct TopicCache: @unchecked Sendable {
        var lastName = ""
        var last: OpaquePointer?
        var pointers: [String: OpaquePointer] = unsafe [:]
    }

    init(client: ClientHandle) {
        self.client = client
        unsafe queue = unsafe client.withPointer { unsafe rd_kafka_queue_get_main($0) }
    }

    deinit {
        topics.withLock { topics in
            unsafe topics.pointers.values.forEach { unsafe rd_kafka_topic_destroy($0) }
        }
        unsafe rd_kafka_queue_destroy(queue)
    }

    /// Makes a ``poll(timeout:)`` that blocks, or the next one, return.
    func wake() { unsafe rd_kafka_queue_yield(queue) }

    /// Hands the messages over; room for them was reserved.
    ///
    /// Their batch is told their fate by ``acknowledgementCallback``, and of those that are refused at
    /// once, here.
    func produce(_ records: [KafkaRecord], batch: DeliveryBatch) {
        let retained = unsafe Unmanaged.passRetained(batch)
        var refused = 0
        batch.handOver {
            unsafe withUnsafeTemporaryAllocation(of: rd_kafka_vu_t.self, capacity: 7) { slots in
                unsafe slots.initialize(repeating: rd_kafka_vu_t())
                unsafe slots[0].vtype = RD_KAFKA_VTYPE_MSGFLAGS
                unsafe slots[0].u.i = RD_KAFKA_MSG_F_COPY
                unsafe slots[1].vtype = RD_KAFKA_VTYPE_OPAQUE
                unsafe slots[1].u.ptr = retained.toOpaque()
                for record in records {
                    guard let error = unsafe produce(record, slots: slots) else { continue }
                    refused += 1
                    batch.fail(error)
                }
            }
        }
        if refused > 0 { unsafe settle(refused, of: retained) }
    }

    private func produce(
        _ record: KafkaRecord, slots: UnsafeMutableBufferPointer<rd_kafka_vu_t>
    ) -> KafkaError? {
        guard let topic = unsafe topic(named: record.topic) else {
            return KafkaError.invalid("topic name '\(record.topic)'")
        }
        unsafe slots[2].vtype = RD_KAFKA_VTYPE_RKT
        unsafe slots[2].u.rkt = topic
        unsafe slots[3].vtype = RD_KAFKA_VTYPE_PARTITION
        unsafe slots[3].u.i32 = record.partition ?? -1
        let headers = unsafe makeHeaders(record.headers)
        return unsafe withOptionalBytes(record.key) { key, keySize in
            unsafe slots[4].vtype = RD_KAFKA_VTYPE_KEY
            unsafe slots[4].u.mem.ptr = key
            unsafe slots[4].u.mem.size = keySize
            return unsafe withOptionalBytes(record.value) { value, valueSize in
                unsafe slots[5].vtype = RD_KAFKA_VTYPE_VALUE
                unsafe slots[5].u.mem.ptr = value
                unsafe slots[5].u.mem.size = valueSize
                var count = 6
                if let headers = unsafe headers {
                    unsafe slots[6].vtype = RD_KAFKA_VTYPE_HEADERS
                    unsafe slots[6].u.headers = headers
                    count = 7
                }
                let error = unsafe KafkaError(
                    consuming: client.withPointer {
                        unsafe rd_kafka_produceva($0, slots.baseAddress, count)
                    })
                // Headers change hands only where the message was accepted.
                if error != nil, let headers = unsafe headers {
                    unsafe rd_kafka_headers_destroy(headers)
                }
                return error
            }
        }
    }

    private func topic(named name: String) -> OpaquePointer? {
        unsafe topics.withLock { topics -> OpaquePointer? in
            if unsafe topics.last != nil, topics.lastName == name { return unsafe topics.last }
            var pointer = unsafe topics.pointers[name]
            if unsafe pointer == nil {
                unsafe pointer = client.withPointer { unsafe rd_kafka_topic_new($0, name, nil) }
                guard let made = unsafe pointer else { return nil }
                unsafe topics.pointers[name] = made
            }
            topics.lastName = name
            unsafe topics.last = pointer
            return unsafe pointer
        }
    }

    /// Waits for the next event.
    ///
    /// - Parameter timeout: how long; `nil` waits until there is one or ``wake()`` is called.
    func poll(timeout: Duration?) -> Event {
        guard
            let event = unsafe rd_kafka_queue_poll(queue, timeout?.milliseconds ?? -1)
        else { return .none }
        defer { unsafe rd_kafka_event_destroy(event) }
        switch unsafe rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_STATS:
            return .statistics(brokerIsUp: unsafe brokerIsUp(event))
        case RD_KAFKA_EVENT_ERROR:
            return .error(unsafe client.error(of: event))
        default:
            return .none
        }
    }

    /// Fails every message that has not been acknowledged; their batches are told.
    func purge() {
        _ = unsafe client.withPointer {
            unsafe rd_kafka_purge(
                $0,
                RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT
                    | RD_KAFKA_PURGE_F_NON_BLOCKING)
        }
    }
}

/// Tells a message's batch its fate.
///
/// Called from librdkafka's threads as soon as the broker has answered, with locks of the client
/// held: no call into librdkafka may be made (rdkafka.h, `on_acknowledgement`). Reports as events
/// would wake a thread for each answered request, only to have it wake who waits.
private func acknowledgementCallback(
    _ client: OpaquePointer?, _ message: UnsafeMutablePointer<rd_kafka_message_t>?,
    _ opaque: UnsafeMutableRawPointer?
) -> rd_kafka_resp_err_t {
    guard let message = unsafe message, let opaque = unsafe message.pointee._private else {
        return RD_KAFKA_RESP_ERR_NO_ERROR
    }
    let batch = unsafe Unmanaged<DeliveryBatch>.fromOpaque(opaque)
    let code = unsafe message.pointee.err
    if code != RD_KAFKA_RESP_ERR_NO_ERROR {
        let batch = unsafe batch.takeUnretainedValue()
        if batch.isHandedOverHere { return RD_KAFKA_RESP_ERR_NO_ERROR }
        batch.fail(KafkaError(code))
    }
    unsafe settle(1, of: batch)
    return RD_KAFKA_RESP_ERR_NO_ERROR
}

/// Has every producer that is made with the settings tell its messages' fates.
private func instanceCallback(
    _ client: OpaquePointer?, _ settings: OpaquePointer?, _ opaque: UnsafeMutableRawPointer?,
    _ text: UnsafeMutablePointer<CChar>?, _ textSize: Int
) -> rd_kafka_resp_err_t {
    unsafe rd_kafka_interceptor_add_on_acknowledgement(
        client, interceptorName, acknowledgementCallback, nil)
}

private let interceptorName = "holdfast"

extension ConfigurationHandle {
    /// Has ``DeliveryBatch`` objects, to which the messages' opaque values point, told of their fate.
    borrowing func tellBatches() throws(KafkaError) {
        let code = unsafe withPointer { settings in
            unsafe rd_kafka_conf_interceptor_add_on_new(
                settings, interceptorName, instanceCallback, nil)
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code) }
    }
}

/// Takes the fate of `count` messages; lets the batch go with the last one.
private func settle(_ count: Int, of batch: Unmanaged<DeliveryBatch>) {
    guard let share = unsafe batch.takeUnretainedValue().settle(count) else { return }
    unsafe batch.release()
    // Last: a producer that is closed waits for its room.
    share.release()
}

/// Lends bytes to C, where a null pointer means that there is no value at all.
private func withOptionalBytes<Result>(
    _ bytes: [UInt8]?, _ body: (UnsafeMutableRawPointer?, Int) -> Result
) -> Result {
    guard let bytes else { return body(nil, 0) }
    return unsafe bytes.withUnsafeBytes { buffer in
        if unsafe buffer.isEmpty {
            // An empty array may have no address; librdkafka copies none of these bytes.
            var placeholder: UInt8 = 0
            return unsafe withUnsafeMutablePointer(to: &placeholder) {
                unsafe body(UnsafeMutableRawPointer($0), 0)
            }
        }
        return unsafe body(UnsafeMutableRawPointer(mutating: buffer.baseAddress), buffer.count)
    }
}

private func makeHeaders(_ headers: [KafkaHeader]) -> OpaquePointer? {
    if headers.isEmpty { return nil }
    let list = unsafe rd_kafka_headers_new(headers.count)
    for header in headers {
        var name = header.name
        name.withUTF8 { name in
            unsafe header.value.withUnsafeBytes { value in
                _ = unsafe name.withMemoryRebound(to: CChar.self) { name in
                    unsafe rd_kafka_header_add(
                        list, name.baseAddress, name.count, value.baseAddress, value.count)
                }
            }
        }
    }
    return unsafe list
}
