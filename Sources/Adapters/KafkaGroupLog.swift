import CartDomain
package import KafkaShim
package import Messages
import Synchronization

/// A topic of the log that the members of a group share out among themselves.
package final class KafkaGroupLog<Value: Sendable>: GroupLog {
    private let consumer: KafkaConsumer
    private let topic: Topic
    private let decode: @Sendable (KafkaMessage) throws(MessageError) -> Value
    private let revocation = Mutex<KafkaRevocation?>(nil)
    private let joined = Atomic<Bool>(false)

    private init(
        _ consumer: KafkaConsumer, _ topic: Topic,
        _ decode: @escaping @Sendable (KafkaMessage) throws(MessageError) -> Value
    ) {
        self.consumer = consumer
        self.topic = topic
        self.decode = decode
    }

    /// Whether the group has said what is ours, were it nothing.
    package var isJoined: Bool { joined.load(ordering: .acquiring) }

    package func next() async throws -> LogEvent<Value>? {
        guard let event = try await consumer.next() else { return nil }
        switch event {
        case .assigned(let partitions):
            joined.store(true, ordering: .releasing)
            return .assigned(partitions.map { Int($0.partition) })
        case .revoked(let partitions, let token):
            revocation.withLock { $0 = token }
            return .revoked(partitions.map { Int($0.partition) })
        case .lost(let partitions):
            return .lost(partitions.map { Int($0.partition) })
        case .messages(let messages):
            return .messages(messages.map { LogMessage($0, decode) })
        }
    }

    package var hasChange: Bool { consumer.hasChange }

    /// The group takes commits from its present members only, so what is committed is committed again.
    package func owns(_ partitions: [Int]) async throws -> Bool {
        if hasChange { return false }
        let wanted = topic.partitions(partitions)
        var offsets = try await consumer.committed(wanted)
        for partition in wanted where offsets[partition] == nil {
            offsets[partition] = try await consumer.watermarks(partition).low
        }
        try await consumer.commit(offsets)
        return !hasChange
    }

    package func completeRevocation() async {
        revocation.withLock { token in
            defer { token = nil }
            return token
        }?.complete()
    }

    package func commit(_ offsets: [Int: Int]) async throws {
        try await consumer.commit(topic.offsets(offsets))
    }

    package func ends(of partitions: [Int]) async throws -> [Int: Int] {
        try await consumer.ends(of: topic, partitions)
    }

    package func close() async { await consumer.close() }
}

extension KafkaGroupLog<CartRequest> {
    /// `cart-request`, by a consumer that subscribes to it alone.
    package convenience init(cartRequests consumer: KafkaConsumer) {
        self.init(consumer, .cartRequest) { message throws(MessageError) in
            try CartRequest(message)
        }
    }
}

extension KafkaGroupLog<InventoryRequest> {
    /// `inventory-request`, by a consumer that subscribes to it alone.
    package convenience init(inventoryRequests consumer: KafkaConsumer) {
        self.init(consumer, .inventoryRequest) { message throws(MessageError) in
            try InventoryRequest(message)
        }
    }
}
