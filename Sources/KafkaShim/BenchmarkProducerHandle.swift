import CRdKafka
import Glibc

/// A producer that hands librdkafka bytes as they lie, many at a time, and counts acknowledgements.
@safe struct BenchmarkProducerHandle: ~Copyable {
    private let client: ClientHandle
    private let topic: OpaquePointer
    private let queue: OpaquePointer
    private let messages: UnsafeMutableBufferPointer<rd_kafka_message_t>
    private let payload: UnsafeMutableRawBufferPointer

    /// The most messages of one call.
    static let batchMax = 1_000

    init(client: ClientHandle, topic name: String, bytesPerMessage: Int) throws(KafkaError) {
        let made = unsafe client.withPointer { unsafe rd_kafka_topic_new($0, name, nil) }
        guard let made = unsafe made else { throw KafkaError(rd_kafka_last_error()) }
        self.client = client
        unsafe topic = made
        unsafe queue = client.withPointer { unsafe rd_kafka_queue_get_main($0) }
        unsafe payload = .allocate(byteCount: max(8, bytesPerMessage), alignment: 8)
        unsafe payload.initializeMemory(as: UInt8.self, repeating: 0x61)
        unsafe messages = .allocate(capacity: Self.batchMax)
        unsafe messages.initialize(repeating: rd_kafka_message_t())
    }

    deinit {
        unsafe rd_kafka_topic_destroy(topic)
        unsafe rd_kafka_queue_destroy(queue)
        unsafe messages.deallocate()
        unsafe payload.deallocate()
    }

    /// Enqueues up to so many messages.
    ///
    /// - Returns: how many found room.
    func append(_ count: Int, to partition: Int) -> Int {
        let count = min(count, Self.batchMax)
        for index in 0..<count {
            unsafe messages[index] = rd_kafka_message_t()
            unsafe messages[index].payload = payload.baseAddress
            unsafe messages[index].len = payload.count
        }
        return Int(
            unsafe rd_kafka_produce_batch(
                topic, Int32(partition), CInt(RD_KAFKA_MSG_F_COPY), messages.baseAddress,
                CInt(count)))
    }

    /// Sends one message that begins with a number.
    ///
    /// - Returns: whether there was room.
    func append(number: UInt64, to partition: Int) -> Bool {
        unsafe payload.storeBytes(of: number, as: UInt64.self)
        return unsafe rd_kafka_produce(
            topic, Int32(partition), CInt(RD_KAFKA_MSG_F_COPY), payload.baseAddress, payload.count,
            nil, 0, nil) == 0
    }

    /// Waits for acknowledgements and counts them.
    ///
    /// - Throws: the error of the first message that was not appended.
    func acknowledged(waitMillis: Int) throws(KafkaError) -> Int {
        guard let event = unsafe rd_kafka_queue_poll(queue, CInt(waitMillis)) else { return 0 }
        defer { unsafe rd_kafka_event_destroy(event) }
        guard unsafe rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR else { return 0 }
        let count = unsafe rd_kafka_event_message_count(event)
        while let message = unsafe rd_kafka_event_message_next(event) {
            let code = unsafe message.pointee.err
            if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code) }
        }
        return count
    }
}
