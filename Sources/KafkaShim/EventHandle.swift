import CRdKafka

/// Whether the statistics that an event brings list a connected broker.
///
/// Source: librdkafka's STATISTICS.md, `brokers.{}.state`; the group's own state is written in
/// lower case, after a space.
func brokerIsUp(_ event: OpaquePointer) -> Bool {
    guard let text = unsafe rd_kafka_event_stats(event) else { return false }
    return unsafe contains(text, "\"state\":\"UP\"")
}

private func contains(_ text: UnsafePointer<CChar>, _ wanted: StaticString) -> Bool {
    wanted.withUTF8Buffer { wanted in
        var start = unsafe text
        while unsafe start.pointee != 0 {
            var length = 0
            while length < wanted.count,
                unsafe UInt8(bitPattern: start[length]) == wanted[length]
            {
                length += 1
            }
            if length == wanted.count { return true }
            unsafe start += 1
        }
        return false
    }
}

extension ClientHandle {
    /// The error that an event brings; where it says that the instance failed for good, why.
    func error(of event: OpaquePointer) -> KafkaError {
        let code = unsafe rd_kafka_event_error(event)
        // The event carries the underlying code in place of `_FATAL` (rd_kafka_event_setup()).
        if unsafe rd_kafka_event_error_is_fatal(event) != 0, let fatalError { return fatalError }
        let text = unsafe rd_kafka_event_error_string(event)
        return KafkaError(code, unsafe text.map { unsafe String(cString: $0) })
    }
}
