package import KafkaShim
package import PostgresShim
package import RedisLock
package import RestGateway
import Synchronization

/// Asks the log how it is.
package struct BrokerProbe: DependencyProbe {
    package let name = "broker"
    package let isRequired = true
    private let admin: KafkaAdmin
    private let topics: KafkaTopics

    package init(_ admin: KafkaAdmin, _ topics: KafkaTopics) {
        self.admin = admin
        self.topics = topics
    }

    package func state() async -> DependencyState {
        guard await admin.isReachable(within: .seconds(1)) else {
            return .down("the log does not answer; is the broker of KAFKA_BROKERS running?")
        }
        return topics.mismatch.map { .down($0.description) } ?? .up
    }
}

/// Asks Postgres how it is.
package struct PostgresProbe: DependencyProbe {
    package let name = "postgres"
    package let isRequired: Bool
    private let pool: PostgresPool

    /// - Parameter isRequired: whether its service can do nothing without it.
    package init(_ pool: PostgresPool, isRequired: Bool) {
        self.pool = pool
        self.isRequired = isRequired
    }

    package func state() async -> DependencyState {
        switch await pool.check() {
        case .up: .up
        case .down(let reason): .down(reason)
        }
    }
}

/// Asks Redis how it is; holds go on without it.
package struct RedisProbe: DependencyProbe {
    package let name = "redis"
    package let isRequired = false
    private let locks: RedisLock

    package init(_ locks: RedisLock) { self.locks = locks }

    package func state() async -> DependencyState {
        switch await locks.check() {
        case .up: .up
        case .down(let reason): .down(reason)
        }
    }
}

/// Tells whether a service is a member of its consumer group.
package final class GroupProbe: DependencyProbe {
    package let name = "group"
    package let isRequired = true
    private let source = Mutex<(@Sendable () -> Bool)?>(nil)

    package init() {}

    /// Asks from now on whether the group has said what is ours.
    package func follow(_ isJoined: @escaping @Sendable () -> Bool) {
        source.withLock { $0 = isJoined }
    }

    package func state() async -> DependencyState {
        source.withLock { $0 }?() == true
            ? .up : .down("the consumer group has not said yet which partitions are ours")
    }
}
