/// A script that Redis runs atomically.
struct RedisScript: Hashable, Sendable {
    /// The Lua source.
    let source: String

    /// Takes a lock and draws a fencing token, or returns -1 where another owner has the lock.
    ///
    /// KEYS: lock, counter. ARGV: owner, lease in ms, floor. A caller that repeats itself because a
    /// reply was lost finds its own lock and gets a new token. The counter comes first, so that a
    /// key of a wrong type takes no lock. Lua's numbers are exact up to 2^53 tokens.
    static let acquire = RedisScript(
        source: """
            local owner = redis.call('GET', KEYS[1])
            if owner and owner ~= ARGV[1] then return -1 end
            local token = redis.call('INCR', KEYS[2])
            local floor = tonumber(ARGV[3])
            if token <= floor then
              token = floor + 1
              redis.call('SET', KEYS[2], string.format('%.0f', token))
            end
            if owner then
              redis.call('PEXPIRE', KEYS[1], ARGV[2])
            else
              redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
            end
            return token
            """)

    /// Lets a lock go if it is still the caller's: 1, else 0.
    static let release = RedisScript(
        source: """
            if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
            return 0
            """)

    /// Starts a lock's lease anew if it is still the caller's: 1, else 0.
    static let extend = RedisScript(
        source: """
            if redis.call('GET', KEYS[1]) == ARGV[1] then
              return redis.call('PEXPIRE', KEYS[1], ARGV[2])
            end
            return 0
            """)

    static let all: [RedisScript] = [.acquire, .release, .extend]
}

/// One use of a script.
struct RedisScriptCall: Sendable {
    let script: RedisScript
    let keys: [String]
    let arguments: [String]
}
