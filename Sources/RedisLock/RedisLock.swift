internal import Synchronization
package import Telemetry

/// Named locks with leases and fencing tokens, many of them in one round trip to one Redis.
///
/// A lock is the key `<prefix>{<name>}:lock`, set with NX and PX to a random owner; its tokens come
/// from `<prefix>{<name>}:fence`, which only grows and which a floor raises after Redis lost it.
/// No call throws: whoever asks learns per name what it got, and Redis being away is an answer that
/// comes within the configured time-outs, or at once while a back-off lasts.
///
/// Source: the lock of the Redis documentation ("Distributed Locks", single instance); fencing by
/// M. Kleppmann, "How to do distributed locking", 2016.
package final class RedisLock: Sendable {
    /// Whether Redis can be reached, as far as the last call tells.
    package enum Health: Hashable, Sendable {
        case up
        case down(reason: String)
    }

    private struct State {
        var health: Health = .down(reason: "not connected yet")
        var isAnnouncedUp: Bool?
    }

    private let configuration: RedisConfiguration
    private let connection: RedisConnection
    private let logger: Logger
    private let acquired: Counter
    private let busy: Counter
    private let lost: Counter
    private let unavailable: Counter
    private let waited: Histogram
    private let state = Mutex(State())

    /// A lock service that connects when it is first used.
    package init(_ configuration: RedisConfiguration, metrics: MetricsRegistry, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        connection = RedisConnection(configuration)
        func outcome(_ name: String) -> Counter {
            metrics.counter(
                "redis_lock_outcomes_total", help: "Locks by what became of them.",
                labels: ["outcome": name])
        }
        acquired = outcome("acquired")
        busy = outcome("busy")
        lost = outcome("lost")
        unavailable = outcome("unavailable")
        waited = metrics.histogram(
            "redis_lock_wait_seconds", help: "How long callers waited for their locks.")
    }

    /// Whether Redis could be reached when it was last used.
    package var health: Health { state.withLock { $0.health } }

    /// Asks Redis for a sign of life.
    package func check() async -> Health {
        do throws(RedisError) {
            try await connection.ping()
            note(.up)
        } catch {
            note(.down(reason: error.message))
        }
        return health
    }

    /// Takes as many of the locks as can be had within a bounded time.
    ///
    /// All are tried in one flight, sorted by name. Those that others hold are tried again after a
    /// random pause until the time is over; those already taken are kept meanwhile. Nobody can
    /// deadlock: the wait is bounded, and a caller that got only some decides what to do with them.
    ///
    /// - Parameters:
    ///   - requests: what to lock; the same name twice counts once, with the higher floor.
    ///   - lease: after which a lock ends by itself; at least 1 ms.
    ///   - waitAtMost: zero to try once.
    /// - Returns: an outcome for every name.
    package func acquire(
        _ requests: [LockRequest], lease: Duration, waitAtMost: Duration
    ) async -> [String: RedisLockOutcome] {
        var floors: [String: Int64] = [:]
        for request in requests {
            floors[request.name] = max(floors[request.name] ?? 0, request.floor)
        }
        guard !floors.isEmpty else { return [:] }
        let owner = String(UInt128.random(in: .min ... .max), radix: 36)
        let started = ContinuousClock.now
        let giveUpAt = started + waitAtMost
        var outcomes: [String: RedisLockOutcome] = [:]
        var wanted = floors.keys.sorted()
        var pauseMax = Duration.milliseconds(2)
        while true {
            for (name, outcome) in await tryOnce(wanted, floors, owner, lease) {
                outcomes[name] = outcome
            }
            wanted.removeAll { outcomes[$0] != .busy }
            let left = giveUpAt - .now
            if wanted.isEmpty || left <= .zero { break }
            let pause = min(pauseMax * Double.random(in: 0.5...1.5), left)
            pauseMax = min(pauseMax * 2, .milliseconds(20))
            do { try await Task.sleep(for: pause) } catch { break }
        }
        waited.observe(ContinuousClock.now - started)
        count(outcomes.values)
        return outcomes
    }

    /// Lets locks go, in one flight; a lock that is no longer the caller's is left alone.
    ///
    /// - Returns: an outcome for every name; a lease that was lost is told as such.
    package func release(_ leases: [LockLease]) async -> [String: LeaseOutcome] {
        await settle(leases) { lease in
            RedisScriptCall(
                script: .release, keys: [lockKey(lease.name)], arguments: [lease.owner])
        } renewed: {
            $0
        }
    }

    /// Starts leases anew, in one flight; a lock that is no longer the caller's is left alone.
    ///
    /// - Returns: an outcome for every name, with the new deadline or the loss.
    package func extend(
        _ leases: [LockLease], lease duration: Duration
    ) async -> [String: LeaseOutcome] {
        let deadline = ContinuousClock.now + duration
        return await settle(leases) { lease in
            RedisScriptCall(
                script: .extend, keys: [lockKey(lease.name)],
                arguments: [lease.owner, milliseconds(duration)])
        } renewed: {
            LockLease(name: $0.name, owner: $0.owner, token: $0.token, deadline: deadline)
        }
    }

    /// Hangs up; what is still held ends with its lease.
    package func close() async { await connection.close() }

    private func lockKey(_ name: String) -> String { "\(configuration.keyPrefix){\(name)}:lock" }

    private func fenceKey(_ name: String) -> String { "\(configuration.keyPrefix){\(name)}:fence" }

    private func tryOnce(
        _ names: [String], _ floors: [String: Int64], _ owner: String, _ lease: Duration
    ) async -> [(String, RedisLockOutcome)] {
        let deadline = ContinuousClock.now + lease
        let calls = names.map { name in
            RedisScriptCall(
                script: .acquire, keys: [lockKey(name), fenceKey(name)],
                arguments: [owner, milliseconds(lease), String(floors[name] ?? 0)])
        }
        guard let replies = await run(calls) else { return names.map { ($0, .unavailable) } }
        return zip(names, replies).map { name, reply in
            switch reply {
            case .integer(let token) where token > 0:
                let lease = LockLease(
                    name: name, owner: owner, token: token, deadline: deadline)
                return (name, .acquired(lease))
            case .integer: return (name, .busy)
            default:
                logger.error("Redis refused a lock", ["name": name, "reply": "\(reply)"])
                return (name, .unavailable)
            }
        }
    }

    private func settle(
        _ leases: [LockLease], _ call: (LockLease) -> RedisScriptCall,
        renewed: (LockLease) -> LockLease
    ) async -> [String: LeaseOutcome] {
        guard !leases.isEmpty else { return [:] }
        let replies = await run(leases.map(call))
        var outcomes: [String: LeaseOutcome] = [:]
        for (index, lease) in leases.enumerated() {
            switch replies?[index] {
            case .integer(1): outcomes[lease.name] = .done(renewed(lease))
            case .integer:
                outcomes[lease.name] = .lost
                lost.increment()
            default:
                outcomes[lease.name] = .unavailable
                unavailable.increment()
            }
        }
        return outcomes
    }

    private func run(_ calls: [RedisScriptCall]) async -> [RedisReply]? {
        do throws(RedisError) {
            let replies = try await connection.run(calls)
            note(.up)
            return replies
        } catch {
            note(.down(reason: error.message))
            return nil
        }
    }

    private func count(_ outcomes: some Sequence<RedisLockOutcome>) {
        for outcome in outcomes {
            switch outcome {
            case .acquired: acquired.increment()
            case .busy: busy.increment()
            case .unavailable: unavailable.increment()
            }
        }
    }

    private func note(_ health: Health) {
        let changed = state.withLock { state in
            state.health = health
            defer { state.isAnnouncedUp = health == .up }
            return state.isAnnouncedUp != (health == .up)
        }
        guard changed else { return }
        switch health {
        case .up: logger.info("connected to Redis")
        case .down(let reason):
            logger.warning("Redis cannot be reached, holds go on without it", ["reason": reason])
        }
    }
}

/// Whole milliseconds, at least 1, as Redis wants them.
private func milliseconds(_ duration: Duration) -> String {
    let parts = duration.components
    return String(max(1, parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000))
}
