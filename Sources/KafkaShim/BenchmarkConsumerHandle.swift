import CRdKafka

/// A consumer that looks at no more of its messages than it is asked to.
@safe struct BenchmarkConsumerHandle: ~Copyable {
    private let client: ClientHandle
    private let topic: OpaquePointer
    private let queue: OpaquePointer
    private let partitions: Int
    private let messages: UnsafeMutableBufferPointer<UnsafeMutablePointer<rd_kafka_message_t>?>

    /// Starts to read partition i at `starts[i]`; librdkafka's names for the two ends will do too.
    init(
        client: ClientHandle, topic name: String, starts: [Int64]
    ) throws(KafkaError) {
        let made = unsafe client.withPointer { unsafe rd_kafka_topic_new($0, name, nil) }
        guard let made = unsafe made else { throw KafkaError(rd_kafka_last_error()) }
        self.client = client
        unsafe topic = made
        unsafe queue = client.withPointer { unsafe rd_kafka_queue_new($0) }
        partitions = starts.count
        unsafe messages = .allocate(capacity: 2_000)
        unsafe messages.initialize(repeating: nil)
        for (partition, offset) in starts.enumerated() {
            _ = unsafe rd_kafka_consume_start_queue(topic, Int32(partition), offset, queue)
        }
    }

    deinit {
        for partition in 0..<partitions {
            _ = unsafe rd_kafka_consume_stop(topic, Int32(partition))
        }
        unsafe rd_kafka_topic_destroy(topic)
        unsafe rd_kafka_queue_destroy(queue)
        unsafe messages.deallocate()
    }

    /// Takes what there is, and counts it.
    func take(waitMillis: Int) throws(KafkaError) -> Int {
        let count = unsafe rd_kafka_consume_batch_queue(
            queue, CInt(waitMillis), messages.baseAddress, messages.count)
        if count < 0 { throw KafkaError(rd_kafka_last_error()) }
        var failure: KafkaError?
        for index in 0..<count {
            guard let message = unsafe messages[index] else { continue }
            let code = unsafe message.pointee.err
            if code != RD_KAFKA_RESP_ERR_NO_ERROR { failure = KafkaError(code) }
            unsafe rd_kafka_message_destroy(message)
        }
        if let failure { throw failure }
        return count
    }

    /// Waits for a message, and takes the others that are there: the numbers with which they begin.
    func takeNumbers(waitMillis: Int, into numbers: inout [UInt64]) throws(KafkaError) {
        numbers.removeAll(keepingCapacity: true)
        guard let first = try takeNumber(waitMillis: waitMillis) else { return }
        numbers.append(first)
        for _ in 0..<(unsafe rd_kafka_queue_length(queue)) {
            guard let number = try takeNumber(waitMillis: 0) else { return }
            numbers.append(number)
        }
    }

    /// Waits for one message; the number with which it begins, `nil` if none came.
    func takeNumber(waitMillis: Int) throws(KafkaError) -> UInt64? {
        guard let message = unsafe rd_kafka_consume_queue(queue, CInt(waitMillis)) else {
            return nil
        }
        defer { unsafe rd_kafka_message_destroy(message) }
        let code = unsafe message.pointee.err
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code) }
        guard let payload = unsafe message.pointee.payload, unsafe message.pointee.len >= 8 else {
            return nil
        }
        return unsafe payload.loadUnaligned(as: UInt64.self)
    }
}
