import CRdKafka

/// librdkafka's calls about the cluster; each blocks until its answer or its time is up.
final class AdminHandle: Sendable {
    let client: ClientHandle

    init(client: ClientHandle) { self.client = client }

    /// The brokers, and each topic with the number of its partitions.
    ///
    /// - Parameter withTopics: whether to ask for all topics, or for none.
    func metadata(
        withTopics: Bool, within timeout: Duration
    ) throws(KafkaError) -> (brokers: [KafkaBroker], partitionCounts: [String: Int]) {
        var list: UnsafePointer<rd_kafka_metadata>?
        let code = unsafe client.withPointer {
            unsafe rd_kafka_metadata(
                $0, withTopics ? 1 : 0, nil, &list, timeout.milliseconds)
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let list = unsafe list else {
            let error = KafkaError(code)
            client.context.count(error)
            client.context.connection.markDown(error.message)
            throw error
        }
        defer { unsafe rd_kafka_metadata_destroy(list) }
        client.context.connection.markUp()
        let brokers = (0..<Int(unsafe list.pointee.broker_cnt)).map { index in
            let broker = unsafe list.pointee.brokers[index]
            return unsafe KafkaBroker(
                id: broker.id, host: String(cString: broker.host), port: Int(broker.port))
        }
        var partitionCounts: [String: Int] = [:]
        for index in 0..<Int(unsafe list.pointee.topic_cnt) {
            let topic = unsafe list.pointee.topics[index]
            guard unsafe topic.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
            unsafe partitionCounts[String(cString: topic.topic)] = Int(topic.partition_cnt)
        }
        return (brokers, partitionCounts)
    }

    /// Creates topics.
    ///
    /// - Returns: what became of each; a topic that existed is no error.
    func createTopics(
        _ topics: [KafkaTopic], within timeout: Duration
    ) throws(KafkaError) -> [String: KafkaAdmin.TopicCreation] {
        var made: [OpaquePointer?] = unsafe []
        defer {
            unsafe made.forEach { unsafe rd_kafka_NewTopic_destroy($0) }
        }
        for topic in topics { unsafe made.append(try Self.make(topic)) }
        let queue = unsafe client.withPointer { unsafe rd_kafka_queue_new($0) }
        defer { unsafe rd_kafka_queue_destroy(queue) }
        let options = unsafe client.withPointer {
            unsafe rd_kafka_AdminOptions_new($0, RD_KAFKA_ADMIN_OP_CREATETOPICS)
        }
        defer { unsafe rd_kafka_AdminOptions_destroy(options) }
        let (code, text) = unsafe errorText { buffer, size in
            unsafe rd_kafka_AdminOptions_set_request_timeout(
                options, timeout.milliseconds, buffer, size)
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code, text) }
        unsafe made.withUnsafeMutableBufferPointer { made in
            unsafe client.withPointer {
                unsafe rd_kafka_CreateTopics(
                    $0, made.baseAddress, made.count, options, queue)
            }
        }
        // The request's own time-out answers through the queue; a second more is for the way.
        guard
            let event = unsafe rd_kafka_queue_poll(
                queue, (timeout + .seconds(1)).milliseconds)
        else { throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT) }
        defer { unsafe rd_kafka_event_destroy(event) }
        if unsafe rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw unsafe client.error(of: event)
        }
        return try unsafe Self.creations(in: event)
    }

    private static func creations(
        in event: OpaquePointer
    ) throws(KafkaError) -> [String: KafkaAdmin.TopicCreation] {
        var count = 0
        let results = unsafe rd_kafka_CreateTopics_result_topics(
            rd_kafka_event_CreateTopics_result(event), &count)
        var creations: [String: KafkaAdmin.TopicCreation] = [:]
        for index in 0..<count {
            guard let result = unsafe results?[index] else { continue }
            let name = unsafe String(cString: rd_kafka_topic_result_name(result))
            switch unsafe rd_kafka_topic_result_error(result) {
            case RD_KAFKA_RESP_ERR_NO_ERROR:
                creations[name] = .created
            case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
                creations[name] = .existed
            case let code:
                let text = unsafe rd_kafka_topic_result_error_string(result)
                    .map { unsafe String(cString: $0) }
                throw KafkaError(code, "topic \(name): \(text ?? errorText(code))")
            }
        }
        return creations
    }

    private static func make(_ topic: KafkaTopic) throws(KafkaError) -> OpaquePointer? {
        let (made, text) = unsafe errorText { buffer, size in
            unsafe rd_kafka_NewTopic_new(
                topic.name, CInt(topic.partitions), CInt(topic.replication), buffer, size)
        }
        guard let made = unsafe made else {
            throw KafkaError.invalid("topic \(topic.name): \(text)")
        }
        for (name, value) in topic.configuration {
            let code = unsafe rd_kafka_NewTopic_set_config(made, name, value)
            if code != RD_KAFKA_RESP_ERR_NO_ERROR {
                unsafe rd_kafka_NewTopic_destroy(made)
                throw KafkaError(code, "topic \(topic.name), setting \(name)")
            }
        }
        return unsafe made
    }
}
