package import InventoryService
package import Messages
package import RedisLock
internal import Synchronization

/// The products' locks on Redis.
package final class RedisProductLocks: ProductLocks {
    private let locks: RedisLock
    private let lease: Duration
    private let waitAtMost: Duration
    private let leases = Mutex<[ProductCode: LockLease]>([:])

    /// Locks with these limits.
    ///
    /// - Parameters:
    ///   - lease: how long a lock lasts if its holder dies.
    ///   - waitAtMost: how long to wait for products that others have locked.
    package init(
        _ locks: RedisLock, lease: Duration = .seconds(5),
        waitAtMost: Duration = .milliseconds(250)
    ) {
        self.locks = locks
        self.lease = lease
        self.waitAtMost = waitAtMost
    }

    package func acquire(_ floors: [ProductCode: Int]) async -> [ProductCode: LockOutcome] {
        let requests = floors.map { LockRequest(name: $0.key.text, floor: Int64($0.value)) }
        let found = await locks.acquire(requests, lease: lease, waitAtMost: waitAtMost)
        var outcomes: [ProductCode: LockOutcome] = [:]
        var granted: [ProductCode: LockLease] = [:]
        for code in floors.keys {
            switch found[code.text] {
            case .acquired(let lease):
                granted[code] = lease
                outcomes[code] = .granted(token: Int(lease.token))
            case .busy: outcomes[code] = .busy
            case .unavailable, nil: outcomes[code] = .unavailable
            }
        }
        let taken = granted
        leases.withLock { $0.merge(taken) { _, new in new } }
        return outcomes
    }

    package func release(_ products: [ProductCode]) async {
        let found = leases.withLock { leases in
            products.compactMap { leases.removeValue(forKey: $0) }
        }
        // What was lost meanwhile is counted there; the fencing token has kept the row safe.
        _ = await locks.release(found)
    }
}
