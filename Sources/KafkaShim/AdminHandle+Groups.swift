import CRdKafka

extension AdminHandle {
    /// The offset of each partition at a time, or at one of the two ends; blocks.
    ///
    /// `rd_kafka_offsets_for_times()` puts what it is given into one ListOffsets request per broker,
    /// where the two ends of a log have the times -1 and -2 (Kafka protocol guide), which are also
    /// librdkafka's constants.
    func offsets(
        of partitions: [TopicPartition], at time: CInt, within timeout: Duration
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        var times: [TopicPartition: Int64] = [:]
        for partition in partitions { times[partition] = Int64(time) }
        let list = PartitionListHandle(times)
        let code = unsafe list.withPointer { list in
            unsafe client.withPointer {
                unsafe rd_kafka_offsets_for_times($0, list, timeout.milliseconds)
            }
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code) }
        if let error = list.firstError { throw error }
        return list.entries.reduce(into: [:]) { $0[$1.topicPartition] = $1.offset }
    }

    /// The cluster's consumer groups; blocks.
    func groups(within timeout: Duration) throws(KafkaError) -> [KafkaGroup] {
        var list: UnsafePointer<rd_kafka_group_list>?
        let code = unsafe client.withPointer {
            unsafe rd_kafka_list_groups($0, nil, &list, timeout.milliseconds)
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let list = unsafe list else {
            // A list that is incomplete comes with an error all the same, and is thrown away.
            if let list = unsafe list { unsafe rd_kafka_group_list_destroy(list) }
            throw KafkaError(code, "the groups: \(errorText(code))")
        }
        defer { unsafe rd_kafka_group_list_destroy(list) }
        var groups: [KafkaGroup] = []
        for index in 0..<Int(unsafe list.pointee.group_cnt) {
            let group = unsafe list.pointee.groups[index]
            guard unsafe group.err == RD_KAFKA_RESP_ERR_NO_ERROR, let name = unsafe group.group
            else { continue }
            groups.append(
                unsafe KafkaGroup(
                    name: String(cString: name),
                    state: group.state.map { unsafe String(cString: $0) } ?? "",
                    members: Int(group.member_cnt)))
        }
        return groups
    }

    /// What a group committed; blocks.
    func committed(
        by group: String, of partitions: [TopicPartition], within timeout: Duration
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        let queue = unsafe client.withPointer { unsafe rd_kafka_queue_new($0) }
        defer { unsafe rd_kafka_queue_destroy(queue) }
        let options = unsafe client.withPointer {
            unsafe rd_kafka_AdminOptions_new($0, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS)
        }
        defer { unsafe rd_kafka_AdminOptions_destroy(options) }
        let (code, text) = unsafe errorText { buffer, size in
            unsafe rd_kafka_AdminOptions_set_request_timeout(
                options, timeout.milliseconds, buffer, size)
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code, text) }
        let list = PartitionListHandle(partitions)
        var asked = unsafe list.withPointer {
            unsafe rd_kafka_ListConsumerGroupOffsets_new(group, $0)
        }
        defer { unsafe rd_kafka_ListConsumerGroupOffsets_destroy(asked) }
        unsafe client.withPointer {
            unsafe rd_kafka_ListConsumerGroupOffsets($0, &asked, 1, options, queue)
        }
        guard
            let event = unsafe rd_kafka_queue_poll(queue, (timeout + .seconds(1)).milliseconds)
        else { throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT) }
        defer { unsafe rd_kafka_event_destroy(event) }
        if unsafe rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw unsafe client.error(of: event)
        }
        return try unsafe Self.offsets(in: event)
    }

    private static func offsets(
        in event: OpaquePointer
    ) throws(KafkaError) -> [TopicPartition: Int64] {
        var count = 0
        let results = unsafe rd_kafka_ListConsumerGroupOffsets_result_groups(
            rd_kafka_event_ListConsumerGroupOffsets_result(event), &count)
        guard count > 0, let result = unsafe results?[0] else { return [:] }
        if let error = unsafe rd_kafka_group_result_error(result) {
            let code = unsafe rd_kafka_error_code(error)
            throw unsafe KafkaError(code, String(cString: rd_kafka_error_string(error)))
        }
        let list = unsafe rd_kafka_group_result_partitions(result)
        let entries = unsafe PartitionListHandle.entries(of: UnsafeMutablePointer(mutating: list))
        return entries.reduce(into: [:]) { all, entry in
            if entry.offset >= 0 { all[entry.topicPartition] = entry.offset }
        }
    }
}
