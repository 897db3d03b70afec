internal import CHiredis
internal import Glibc

/// One hiredis connection, waited on with `poll(2)` up to a deadline.
///
/// Not thread-safe: whoever holds it stays on one thread. After any error it must be destroyed: a
/// late reply would be taken for the answer to the next command (hiredis#306).
///
/// hiredis 0.14 connects and parses; commands are written here, because its own `write(2)` would
/// raise SIGPIPE when the server has gone.
@safe struct RedisHandle: ~Copyable {
    private let context: UnsafeMutablePointer<redisContext>

    /// Connects; the caller's thread waits.
    static func connecting(_ configuration: RedisConfiguration) throws(RedisError) -> RedisHandle {
        let parts = configuration.connectTimeout.components
        let timeout = timeval(
            tv_sec: Int(parts.seconds), tv_usec: Int(parts.attoseconds / 1_000_000_000_000))
        guard
            let context = unsafe redisConnectWithTimeout(
                configuration.host, configuration.port, timeout)
        else { throw RedisError(kind: .connection, message: "hiredis is out of memory") }
        let handle = unsafe RedisHandle(owning: context)
        if unsafe context.pointee.err != 0 { throw handle.failure("cannot connect") }
        return handle
    }

    private init(owning context: UnsafeMutablePointer<redisContext>) {
        unsafe self.context = unsafe context
    }

    deinit { unsafe redisFree(context) }

    /// Whether the server hung up, or said something that nobody asked for, since the last exchange.
    var isStale: Bool {
        var descriptor = pollfd(
            fd: unsafe context.pointee.fd, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&descriptor, 1, 0) != 0
    }

    /// Sends commands in one flight and waits for one reply each.
    func exchange(
        _ commands: [[String]], before deadline: ContinuousClock.Instant
    ) throws(RedisError) -> [RedisReply] {
        try send(encoded(commands), before: deadline)
        var replies: [RedisReply] = []
        replies.reserveCapacity(commands.count)
        while replies.count < commands.count {
            var raw: UnsafeMutableRawPointer?
            guard unsafe redisGetReplyFromReader(context, &raw) == REDIS_OK else {
                throw failure("cannot read a reply")
            }
            guard let raw = unsafe raw else {
                try wait(for: POLLIN, until: deadline)
                guard unsafe redisBufferRead(context) == REDIS_OK else {
                    throw failure("the connection was lost")
                }
                continue
            }
            let reply = unsafe raw.assumingMemoryBound(to: redisReply.self)
            unsafe replies.append(RedisReply(copying: reply))
            unsafe freeReplyObject(raw)
        }
        return replies
    }

    private func send(
        _ bytes: [UInt8], before deadline: ContinuousClock.Instant
    ) throws(RedisError) {
        let socket = unsafe context.pointee.fd
        var offset = 0
        while offset < bytes.count {
            let sent = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.send(
                    socket, buffer.baseAddress.map { unsafe $0 + offset }, buffer.count - offset,
                    Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if sent >= 0 {
                offset += sent
            } else if errno == EAGAIN {
                try wait(for: POLLOUT, until: deadline)
            } else if errno != EINTR {
                throw RedisError(
                    kind: .connection, message: "cannot send to Redis: errno \(errno)")
            }
        }
    }

    private func wait(
        for events: Int32, until deadline: ContinuousClock.Instant
    ) throws(RedisError) {
        var descriptor = pollfd(
            fd: unsafe context.pointee.fd, events: Int16(events), revents: 0)
        while true {
            let left = deadline - .now
            guard left > .zero else {
                throw RedisError(kind: .connection, message: "no reply from Redis in time")
            }
            let millis = left.components.attoseconds / 1_000_000_000_000_000
            let timeout = Int32(clamping: left.components.seconds * 1000 + millis + 1)
            let count = unsafe poll(&descriptor, 1, timeout)
            if count > 0 { return }
            guard count == 0 || errno == EINTR else {
                throw RedisError(kind: .connection, message: "poll failed with errno \(errno)")
            }
        }
    }

    private func failure(_ doing: String) -> RedisError {
        let said = unsafe withUnsafeBytes(of: &context.pointee.errstr) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let kind: RedisError.Kind =
            unsafe context.pointee.err == REDIS_ERR_PROTOCOL ? .unexpectedReply : .connection
        return RedisError(kind: kind, message: "\(doing): \(said)")
    }
}

/// RESP 2: an array of bulk strings for each command.
private func encoded(_ commands: [[String]]) -> [UInt8] {
    var bytes: [UInt8] = []
    for command in commands {
        bytes.append(contentsOf: "*\(command.count)\r\n".utf8)
        for argument in command {
            bytes.append(contentsOf: "$\(argument.utf8.count)\r\n".utf8)
            bytes.append(contentsOf: argument.utf8)
            bytes.append(contentsOf: "\r\n".utf8)
        }
    }
    return bytes
}
