import CRdKafka

/// A set of librdkafka's settings under construction.
@safe struct ConfigurationHandle: ~Copyable {
    private let pointer: OpaquePointer

    /// The settings common to all clients, then the caller's own, then the caller's overrides.
    ///
    /// - Parameter settings: what this kind of client adds to the common settings.
    /// - Throws: `_INVALID_ARG`, naming the setting that is unknown, reserved or has a bad value.
    init(
        _ configuration: KafkaClientConfiguration, settings: [(String, String)]
    ) throws(KafkaError) {
        unsafe pointer = rd_kafka_conf_new()
        // Answers matter more than full packets: without this, Nagle's algorithm and delayed
        // acknowledgements add up to 40 ms.
        try set("socket.nagle.disable", "true")
        try set("socket.keepalive.enable", "true")
        // A broker that returns is found within a second, not within ten.
        try set("reconnect.backoff.ms", "50")
        try set("reconnect.backoff.max.ms", "1000")
        try set("log.connection.close", "false")
        try set("statistics.interval.ms", "1000")
        try set("bootstrap.servers", configuration.brokers)
        try set("client.id", configuration.clientID)
        for (name, value) in settings { try set(name, value) }
        for (name, value) in configuration.overrides {
            if KafkaClientConfiguration.reserved.contains(name) {
                throw KafkaError.invalid("setting \(name) is decided by this client")
            }
            try set(name, value)
        }
    }

    deinit { unsafe rd_kafka_conf_destroy(pointer) }

    /// Lends the pointer for the time of a call.
    borrowing func withPointer<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        unsafe body(pointer)
    }

    /// Changes a setting, whatever it was before.
    borrowing func set(_ name: String, _ value: String) throws(KafkaError) {
        let (result, text) = unsafe errorText { buffer, size in
            unsafe rd_kafka_conf_set(pointer, name, value, buffer, size)
        }
        guard result == RD_KAFKA_CONF_OK else {
            throw KafkaError.invalid("setting \(name): \(text)")
        }
    }

    /// The value of a number's setting as it stands now.
    func integer(_ name: String) -> Int? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            unsafe buffer.initialize(repeating: 0)
            var size = buffer.count
            guard let start = buffer.baseAddress,
                unsafe rd_kafka_conf_get(pointer, name, start, &size) == RD_KAFKA_CONF_OK
            else { return nil }
            return Int(unsafe String(cString: start))
        }
    }

    /// Makes the client; the settings belong to it from then on.
    ///
    /// - Parameters:
    ///   - events: the `RD_KAFKA_EVENT_...` kinds that the client delivers as events.
    ///   - context: what callbacks report to; the client keeps a reference until it is destroyed.
    consuming func makeClient(
        _ kind: rd_kafka_type_t, events: CInt, context: ClientContext
    ) throws(KafkaError) -> ClientHandle {
        unsafe rd_kafka_conf_set_events(pointer, events)
        unsafe rd_kafka_conf_set_log_cb(pointer, logCallback)
        let opaque = unsafe Unmanaged.passRetained(context)
        unsafe rd_kafka_conf_set_opaque(pointer, opaque.toOpaque())
        let pointer = unsafe self.pointer
        let (client, text) = unsafe errorText { buffer, size in
            unsafe rd_kafka_new(kind, pointer, buffer, size)
        }
        guard let client = unsafe client else {
            unsafe opaque.release()
            _ = consume self
            throw KafkaError.invalid("the Kafka client cannot start: \(text)")
        }
        discard self
        return unsafe ClientHandle(pointer: client, context: context, retained: opaque)
    }
}

/// Called from librdkafka's threads, the first time before `rd_kafka_new()` returns.
private func logCallback(
    _ client: OpaquePointer?, _ level: CInt, _ facility: UnsafePointer<CChar>?,
    _ text: UnsafePointer<CChar>?
) {
    guard let client = unsafe client, let opaque = unsafe rd_kafka_opaque(client),
        let facility = unsafe facility, let text = unsafe text
    else { return }
    let context = unsafe Unmanaged<ClientContext>.fromOpaque(opaque).takeUnretainedValue()
    context.log(
        level: Int(level), facility: unsafe String(cString: facility),
        text: unsafe String(cString: text))
}
