internal import Threading

/// One connection to Redis, with a thread of its own on which hiredis may wait.
///
/// It connects when it is needed. After an error the connection is discarded and calls fail at once
/// until a back-off with jitter has passed.
actor RedisConnection {
    private static let backoffMax = Duration.seconds(2)

    private let executor = PinnedThreadExecutor(name: "redis")
    private let configuration: RedisConfiguration
    private var handle: RedisHandle?
    private var digests: [RedisScript: String] = [:]
    private var failuresInRow = 0
    private var retryAt: ContinuousClock.Instant?
    private var lastFailure: RedisError?
    private var isClosed = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    init(_ configuration: RedisConfiguration) {
        self.configuration = configuration
    }

    // Whoever could enqueue a job holds a reference, so none is lost.
    deinit { executor.stop() }

    /// Runs scripts in one flight; those that the server has forgotten are loaded and run again.
    func run(_ calls: [RedisScriptCall]) throws(RedisError) -> [RedisReply] {
        try connectIfNeeded()
        var replies = try exchange(calls.map(evalsha))
        let forgotten = replies.indices.filter { replies[$0].isNoScript }
        if !forgotten.isEmpty {
            try loadScripts()
            let again = try exchange(forgotten.map { evalsha(calls[$0]) })
            for (index, reply) in zip(forgotten, again) { replies[index] = reply }
        }
        failuresInRow = 0
        return replies
    }

    /// Asks the server for a sign of life.
    func ping() throws(RedisError) {
        try connectIfNeeded()
        guard case .text("PONG") = try exchange([["PING"]]).first else {
            throw discard(RedisError(kind: .unexpectedReply, message: "no PONG from Redis"))
        }
    }

    /// Hangs up; further calls throw.
    func close() {
        isClosed = true
        handle = nil
    }

    private func connectIfNeeded() throws(RedisError) {
        if isClosed { throw RedisError(kind: .usage, message: "the Redis connection is closed") }
        if handle?.isStale == true { handle = nil }
        if handle != nil { return }
        if let retryAt, retryAt > .now, let lastFailure { throw lastFailure }
        do throws(RedisError) {
            handle = try RedisHandle.connecting(configuration)
        } catch {
            throw discard(error)
        }
        try introduce()
        try loadScripts()
        retryAt = nil
    }

    private func introduce() throws(RedisError) {
        var commands: [[String]] = []
        if let password = configuration.password {
            commands.append(["AUTH"] + (configuration.user.map { [$0] } ?? []) + [password])
        }
        if configuration.database != 0 {
            commands.append(["SELECT", String(configuration.database)])
        }
        guard !commands.isEmpty else { return }
        for reply in try exchange(commands) {
            if case .error(let message) = reply {
                throw discard(RedisError(kind: .connection, message: message))
            }
        }
    }

    private func loadScripts() throws(RedisError) {
        let replies = try exchange(RedisScript.all.map { ["SCRIPT", "LOAD", $0.source] })
        for (script, reply) in zip(RedisScript.all, replies) {
            guard case .text(let digest) = reply else {
                throw discard(
                    RedisError(kind: .unexpectedReply, message: "cannot load a script: \(reply)"))
            }
            digests[script] = digest
        }
    }

    private func evalsha(_ call: RedisScriptCall) -> [String] {
        ["EVALSHA", digests[call.script] ?? "", String(call.keys.count)] + call.keys
            + call.arguments
    }

    private func exchange(_ commands: [[String]]) throws(RedisError) -> [RedisReply] {
        do throws(RedisError) {
            let deadline = ContinuousClock.now + configuration.replyTimeout
            guard let taken = handle.take() else {
                throw RedisError(kind: .connection, message: "not connected")
            }
            let replies = try taken.exchange(commands, before: deadline)
            handle = consume taken
            return replies
        } catch {
            throw discard(error)
        }
    }

    /// Drops the connection and sets the time before which nobody tries again.
    private func discard(_ error: RedisError) -> RedisError {
        handle = nil
        let full = min(
            Duration.milliseconds(25 << min(failuresInRow, 7)), Self.backoffMax)
        failuresInRow += 1
        retryAt = .now + full * Double.random(in: 0.5...1)
        lastFailure = error
        return error
    }
}

extension RedisReply {
    /// Whether the server does not know the script, because it restarted or was flushed.
    fileprivate var isNoScript: Bool {
        if case .error(let message) = self { return message.hasPrefix("NOSCRIPT") }
        return false
    }
}
