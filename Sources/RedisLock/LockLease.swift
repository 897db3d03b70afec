/// A lock that was taken, until its lease ends.
///
/// The lease may end before the deadline that the holder sees only when Redis loses data, so a lock
/// never proves anything: the fencing token, checked against the row, does.
package struct LockLease: Hashable, Sendable {
    /// What is locked.
    package let name: String
    /// The random value by which Redis knows the holder.
    package let owner: String
    /// Greater than every token given for this name before, and than the floor.
    package let token: Int64
    /// When the lease ends, counted from before the request was sent.
    package let deadline: ContinuousClock.Instant

    package init(
        name: String, owner: String, token: Int64, deadline: ContinuousClock.Instant
    ) {
        self.name = name
        self.owner = owner
        self.token = token
        self.deadline = deadline
    }

    /// Whether the lease has ended by this process' clock.
    package var isExpired: Bool { deadline <= .now }

    /// How much of the lease is left; zero when it has ended.
    package var remaining: Duration { max(.zero, deadline - .now) }
}

/// A lock that is wanted.
package struct LockRequest: Hashable, Sendable {
    /// What to lock.
    package let name: String
    /// The token must exceed this; at most 2^53 - 2, the range in which Redis' Lua counts exactly.
    package let floor: Int64

    package init(name: String, floor: Int64 = 0) {
        self.name = name
        self.floor = floor
    }
}

/// What became of a lock that was wanted.
package enum RedisLockOutcome: Hashable, Sendable {
    /// The lock is the caller's.
    case acquired(LockLease)
    /// Another has it, all the time that the caller would wait.
    case busy
    /// Redis cannot be reached, or refuses.
    case unavailable

    /// The lease, where there is one.
    package var lease: LockLease? {
        if case .acquired(let lease) = self { return lease }
        return nil
    }
}

/// What became of a lease that its holder extended or released.
package enum LeaseOutcome: Hashable, Sendable {
    /// Done; for an extension, the lease with its new deadline.
    case done(LockLease)
    /// The lease had ended, and another may have the lock.
    case lost
    /// Redis cannot be reached, or refuses.
    case unavailable
}
