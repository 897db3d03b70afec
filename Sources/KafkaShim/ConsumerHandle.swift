import CRdKafka

/// librdkafka's consumer with its two queues: control events, and messages.
///
/// By default messages and rebalances share one queue, where a slow application finds a rebalance
/// only behind all that was fetched before it. Forwarding every partition's queue to a queue of
/// their own takes them apart, so that a thread can wait for control events while messages stay in
/// librdkafka, within its bounds, until the application asks.
///
/// `@unchecked Sendable`: librdkafka's API is thread-safe (INTRODUCTION.md, "Threads and
/// callbacks"), and the pointers never change.
@safe final class ConsumerHandle: @unchecked Sendable {
    /// What one turn of the control queue brought.
    enum Event {
        case assign([TopicPartition])
        case revoke([TopicPartition], areLost: Bool)
        case committed(id: UInt, KafkaError?)
        case message(KafkaMessage)
        case error(KafkaError)
        case statistics(brokerIsUp: Bool)
        case none
    }

    let client: ClientHandle
    private let control: OpaquePointer
    private let data: OpaquePointer
    private let signal: Unmanaged<ConsumerSignal>

    /// - Parameter signal: told, from librdkafka's threads, when messages arrive on an empty queue.
    init(client: ClientHandle, signal: ConsumerSignal) throws(KafkaError) {
        self.client = client
        let code = unsafe client.withPointer { unsafe rd_kafka_poll_set_consumer($0) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR,
            let control = unsafe client.withPointer({ unsafe rd_kafka_queue_get_consumer($0) })
        else { throw KafkaError(code) }
        unsafe self.control = control
        unsafe data = unsafe client.withPointer { unsafe rd_kafka_queue_new($0) }
        unsafe self.signal = Unmanaged.passRetained(signal)
        unsafe rd_kafka_queue_cb_event_enable(data, dataCallback, self.signal.toOpaque())
    }

    deinit {
        unsafe rd_kafka_queue_cb_event_enable(data, nil, nil)
        unsafe rd_kafka_queue_destroy(data)
        unsafe rd_kafka_queue_destroy(control)
        unsafe signal.release()
    }

    // MARK: Control events

    /// Makes a ``poll(timeout:)`` that blocks, or the next one, return.
    func wake() { unsafe rd_kafka_queue_yield(control) }

    /// Waits for the next control event.
    func poll(timeout: Duration) -> Event {
        guard let event = unsafe rd_kafka_queue_poll(control, timeout.milliseconds) else {
            return .none
        }
        defer { unsafe rd_kafka_event_destroy(event) }
        switch unsafe rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_REBALANCE:
            let partitions = unsafe PartitionListHandle.entries(
                of: rd_kafka_event_topic_partition_list(event)
            ).map(\.topicPartition)
            if unsafe rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
                return .assign(partitions)
            }
            let areLost = unsafe client.withPointer { unsafe rd_kafka_assignment_lost($0) } != 0
            return .revoke(partitions, areLost: areLost)
        case RD_KAFKA_EVENT_OFFSET_COMMIT:
            let id = unsafe UInt(bitPattern: rd_kafka_event_opaque(event))
            let code = unsafe rd_kafka_event_error(event)
            let entries = unsafe PartitionListHandle.entries(
                of: rd_kafka_event_topic_partition_list(event))
            let error = entries.lazy.compactMap(\.error).first
            return .committed(
                id: id, code == RD_KAFKA_RESP_ERR_NO_ERROR ? error : error ?? KafkaError(code))
        case RD_KAFKA_EVENT_FETCH:
            guard let message = unsafe rd_kafka_event_message_next(event) else { return .none }
            var names = TopicNames()
            let code = unsafe message.pointee.err
            return code == RD_KAFKA_RESP_ERR_NO_ERROR
                ? unsafe .message(read(message, &names))
                : .error(unsafe error(of: message, &names))
        case RD_KAFKA_EVENT_STATS:
            return .statistics(brokerIsUp: unsafe brokerIsUp(event))
        case RD_KAFKA_EVENT_ERROR:
            return .error(unsafe client.error(of: event))
        default:
            return .none
        }
    }

    // MARK: Messages

    /// The messages that wait in the queue; they count against `queued.max.messages.kbytes`.
    var messagesWaiting: Int { unsafe rd_kafka_queue_length(data) }

    /// Takes what the message queue holds, without waiting.
    ///
    /// - Parameters:
    ///   - messagesMax: when to stop.
    ///   - bytesMax: when to stop; overshot by less than one round of 128 messages.
    ///   - wanted: the partitions whose messages to keep; others are stale.
    /// - Returns: whether messages were left in the queue; where not, the signal will tell of the
    ///   next.
    func take(
        messagesMax: Int, bytesMax: Int, wanted: Set<TopicPartition>
    ) -> (messages: [KafkaMessage], errors: [KafkaError], more: Bool) {
        var messages: [KafkaMessage] = []
        var errors: [KafkaError] = []
        var bytes = 0
        var names = TopicNames()
        var lastTopic: OpaquePointer?
        var lastPartition: Int32 = -1
        var lastIsWanted = false
        let round = 128
        let more = unsafe withUnsafeTemporaryAllocation(
            of: UnsafeMutablePointer<rd_kafka_message_t>?.self, capacity: round
        ) { slots in
            while messages.count < messagesMax && bytes < bytesMax {
                // The call waits for as many messages as it may take: never ask for more than
                // there are. An empty queue seen here means that the next message signals.
                let waiting = unsafe rd_kafka_queue_length(data)
                if waiting == 0 { return false }
                let count = unsafe rd_kafka_consume_batch_queue(
                    data, 0, slots.baseAddress, min(waiting, round, messagesMax - messages.count))
                if count <= 0 { continue }
                if messages.isEmpty { messages.reserveCapacity(min(waiting, messagesMax)) }
                for index in 0..<count {
                    guard let message = unsafe slots[index] else { continue }
                    defer { unsafe rd_kafka_message_destroy(message) }
                    if unsafe message.pointee.err != RD_KAFKA_RESP_ERR_NO_ERROR {
                        errors.append(unsafe error(of: message, &names))
                        continue
                    }
                    let partition = unsafe message.pointee.partition
                    if unsafe message.pointee.rkt != lastTopic || partition != lastPartition {
                        unsafe lastTopic = message.pointee.rkt
                        lastPartition = partition
                        lastIsWanted = unsafe wanted.contains(
                            TopicPartition(
                                topic: names.name(of: message.pointee.rkt), partition: partition))
                    }
                    if !lastIsWanted { continue }
                    unsafe bytes += message.pointee.len + message.pointee.key_len
                    messages.append(unsafe read(message, &names))
                }
            }
            return true
        }
        return (messages, errors, more)
    }

    private func read(
        _ message: UnsafePointer<rd_kafka_message_t>, _ names: inout TopicNames
    ) -> KafkaMessage {
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let raw = unsafe message.pointee
        return unsafe KafkaMessage(
            topic: names.name(of: raw.rkt),
            partition: raw.partition,
            offset: raw.offset,
            timestampMillis: rd_kafka_message_timestamp(message, &kind),
            key: bytes(raw.key, raw.key_len),
            value: bytes(raw.payload, raw.len),
            headers: headers(of: message))
    }

    private func error(
        of message: UnsafePointer<rd_kafka_message_t>, _ names: inout TopicNames
    ) -> KafkaError {
        let code = unsafe message.pointee.err
        if code == RD_KAFKA_RESP_ERR__FATAL, let fatal = client.fatalError { return fatal }
        let text = unsafe rd_kafka_message_errstr(message).map { unsafe String(cString: $0) }
        guard let topic = unsafe message.pointee.rkt else { return KafkaError(code, text) }
        let place = unsafe TopicPartition(
            topic: names.name(of: topic), partition: message.pointee.partition)
        return KafkaError(code, "\(place): \(text ?? errorText(code))")
    }

    // MARK: Assignment

    func subscribe(_ topics: [String]) throws(KafkaError) {
        let code = unsafe PartitionListHandle(topics: topics).withPointer { list in
            unsafe client.withPointer { unsafe rd_kafka_subscribe($0, list) }
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code) }
    }

    /// Adds partitions, or with `isEager` replaces all.
    func assign(_ offsets: [TopicPartition: Int64], isEager: Bool) throws(KafkaError) {
        // Twice: before, so that no message reaches the control queue; and again once the client's
        // main thread has taken the assignment, because stopping an earlier fetch of the same
        // partition, which that thread may have done in between, clears the forwarding
        // (rd_kafka_toppar_fetch_stop(), 2.0.2).
        for partition in offsets.keys { forward(partition) }
        let error = unsafe PartitionListHandle(offsets).withPointer { list in
            unsafe client.withPointer { client -> KafkaError? in
                if isEager {
                    let code = unsafe rd_kafka_assign(client, list)
                    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(code)
                }
                return unsafe KafkaError(consuming: rd_kafka_incremental_assign(client, list))
            }
        }
        if let error { throw error }
        for partition in offsets.keys { forward(partition) }
    }

    /// Removes partitions, or with `isEager` all.
    func unassign(_ partitions: [TopicPartition], isEager: Bool) throws(KafkaError) {
        let error = unsafe PartitionListHandle(partitions).withPointer { list in
            unsafe client.withPointer { client -> KafkaError? in
                if isEager {
                    let code = unsafe rd_kafka_assign(client, nil)
                    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(code)
                }
                return unsafe KafkaError(consuming: rd_kafka_incremental_unassign(client, list))
            }
        }
        if let error { throw error }
    }

    private func forward(_ partition: TopicPartition) {
        let queue = unsafe client.withPointer {
            unsafe rd_kafka_queue_get_partition($0, partition.topic, partition.partition)
        }
        guard let queue = unsafe queue else { return }
        unsafe rd_kafka_queue_forward(queue, data)
        unsafe rd_kafka_queue_destroy(queue)
    }

    // MARK: Offsets

    /// Asks the broker to commit; the answer comes as a control event with the same `id`.
    func commit(_ offsets: [TopicPartition: Int64], id: UInt) throws(KafkaError) {
        let code = unsafe PartitionListHandle(offsets).withPointer { list in
            unsafe client.withPointer {
                unsafe rd_kafka_commit_queue(
                    $0, list, control, nil, UnsafeMutableRawPointer(bitPattern: id))
            }
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code) }
    }

    /// Asks the broker what the group committed; blocks.
    func committed(
        _ partitions: [TopicPartition], within timeout: Duration
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        let list = PartitionListHandle(partitions)
        let code = unsafe list.withPointer { list in
            unsafe client.withPointer {
                unsafe rd_kafka_committed($0, list, timeout.milliseconds)
            }
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code) }
        if let error = list.firstError { throw error }
        var offsets: [TopicPartition: Int64] = [:]
        for entry in list.entries where entry.offset >= 0 {
            offsets[entry.topicPartition] = entry.offset
        }
        return offsets
    }

    /// Asks the broker for the first offset and the one after the last; blocks.
    func watermarks(
        _ partition: TopicPartition, within timeout: Duration
    ) throws(KafkaError) -> (low: Int64, high: Int64) {
        var low: Int64 = -1
        var high: Int64 = -1
        let code = unsafe client.withPointer {
            unsafe rd_kafka_query_watermark_offsets(
                $0, partition.topic, partition.partition, &low, &high, timeout.milliseconds)
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw KafkaError(code, "\(partition): \(errorText(code))")
        }
        return (low, high)
    }

    // MARK: Closing

    /// Begins to leave the group; the last revocation comes as a control event.
    func beginClosing() throws(KafkaError) {
        let error = unsafe client.withPointer {
            unsafe KafkaError(consuming: rd_kafka_consumer_close_queue($0, control))
        }
        if let error { throw error }
    }

    /// Whether the group has been left.
    var isClosed: Bool {
        unsafe client.withPointer { unsafe rd_kafka_consumer_closed($0) } != 0
    }
}

/// Called from librdkafka's threads with the queue locked: no call into librdkafka may be made.
private func dataCallback(_ client: OpaquePointer?, _ opaque: UnsafeMutableRawPointer?) {
    guard let opaque = unsafe opaque else { return }
    unsafe Unmanaged<ConsumerSignal>.fromOpaque(opaque).takeUnretainedValue().messagesArrived()
}

/// Spares a `String` per message: the messages of one batch are of few topics.
@safe private struct TopicNames {
    private var lastTopic: OpaquePointer?
    private var lastName = ""

    mutating func name(of topic: OpaquePointer?) -> String {
        if unsafe topic == lastTopic { return lastName }
        unsafe lastTopic = topic
        lastName = unsafe rd_kafka_topic_name(topic).map { unsafe String(cString: $0) } ?? ""
        return lastName
    }
}

private func bytes(_ start: UnsafeRawPointer?, _ count: Int) -> [UInt8]? {
    guard let start = unsafe start else { return nil }
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
}

private func headers(of message: UnsafePointer<rd_kafka_message_t>) -> [KafkaHeader] {
    var list: OpaquePointer?
    guard unsafe rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR else {
        return []
    }
    let count = unsafe rd_kafka_header_cnt(list)
    return (0..<count).compactMap { index in
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        guard
            unsafe rd_kafka_header_get_all(list, index, &name, &value, &size)
                == RD_KAFKA_RESP_ERR_NO_ERROR,
            let name = unsafe name
        else { return nil }
        return unsafe KafkaHeader(name: String(cString: name), value: bytes(value, size) ?? [])
    }
}
