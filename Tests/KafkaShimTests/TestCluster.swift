import Glibc
import Synchronization
import Telemetry
import Testing

@testable import KafkaShim

/// The broker that the contract suite runs on, and what every test of it needs.
struct TestCluster {
    let brokers: String
    let metrics = MetricsRegistry()
    let logger = Logger(
        component: "kafka-tests", level: getenv("KAFKA_TEST_LOG") == nil ? .error : .debug)

    /// The broker of the environment, else one that this process starts for all its tests.
    init() async throws {
        if let value = getenv("KAFKA_BROKERS"), let brokers = String(validatingCString: value) {
            self.brokers = brokers
        } else {
            brokers = try await EmbeddedTestBroker.shared.value.brokers
        }
    }

    /// Any broker, or a place where none is.
    init(brokers: String) { self.brokers = brokers }

    func configuration(
        _ name: String = "test", _ overrides: [(String, String)] = []
    ) -> KafkaClientConfiguration {
        KafkaClientConfiguration(
            brokers: brokers, clientID: unique(name), overrides: overrides)
    }

    func producer(
        _ overrides: [(String, String)] = [], queuedMessagesMax: Int = 100_000
    ) throws -> KafkaProducer {
        try KafkaProducer(
            configuration: configuration("producer", overrides),
            queuedMessagesMax: queuedMessagesMax, logger: logger, metrics: metrics)
    }

    func member(
        of group: String, _ topics: [String], _ overrides: [(String, String)] = [],
        strategy: String = "cooperative-sticky", batchMessagesMax: Int = 1_000
    ) throws -> KafkaConsumer {
        try KafkaConsumer(
            configuration: configuration(
                "member", [("heartbeat.interval.ms", "100")] + overrides),
            group: group, topics: topics, assignmentStrategy: strategy,
            batchMessagesMax: batchMessagesMax, logger: logger, metrics: metrics)
    }

    func reader(
        _ overrides: [(String, String)] = [], offsetsGroup: String? = nil,
        batchMessagesMax: Int = 1_000
    ) throws -> KafkaConsumer {
        try KafkaConsumer(
            configuration: configuration("reader", overrides), offsetsGroup: offsetsGroup,
            batchMessagesMax: batchMessagesMax, logger: logger, metrics: metrics)
    }

    func admin() throws -> KafkaAdmin {
        try KafkaAdmin(configuration: configuration("admin"), logger: logger, metrics: metrics)
    }

    /// A new topic.
    func topic(partitions: Int) async throws -> String {
        let name = unique("shim")
        try await admin().createTopics([KafkaTopic(name: name, partitions: partitions)])
        return name
    }
}

/// A name that no other test and no other run uses.
func unique(_ prefix: String) -> String {
    prefix + "-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
}

struct DeadlinePassed: Error, CustomStringConvertible {
    let description: String
}

/// Runs `body`, and fails where it takes longer than any healthy run would.
func withDeadline<Value: Sendable>(
    _ what: String, _ deadline: Duration = .seconds(60),
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: deadline)
            throw DeadlinePassed(description: "\(what): nothing within \(deadline)")
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else {
            throw DeadlinePassed(description: what)
        }
        return first
    }
}

/// Waits until a condition holds.
func eventually(
    _ what: String, within deadline: Duration = .seconds(30),
    _ condition: @Sendable () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + deadline
    while try await !condition() {
        if ContinuousClock.now > end { throw DeadlinePassed(description: what) }
        try await Task.sleep(for: .milliseconds(10))
    }
}

extension KafkaConsumer {
    /// The next event, which any healthy run has in time.
    func event(_ what: String) async throws -> KafkaConsumerEvent? {
        try await withDeadline(what) { try await self.next() }
    }

    /// Reads until `count` messages have come; events of the group are passed over.
    func messages(_ count: Int) async throws -> [KafkaMessage] {
        try await withDeadline("\(count) messages") {
            var all: [KafkaMessage] = []
            while all.count < count, let event = try await self.next() {
                switch event {
                case .messages(let batch): all += batch
                case .revoked(_, let revocation): revocation.complete()
                case .assigned, .lost: break
                }
            }
            return all
        }
    }

    /// Reads until partitions are assigned, which must come before any message.
    func assignment() async throws -> [TopicPartition] {
        try await withDeadline("an assignment") {
            while let event = try await self.next() {
                switch event {
                case .assigned(let partitions):
                    if !partitions.isEmpty { return partitions.sorted() }
                case .messages, .lost:
                    throw DeadlinePassed(description: "messages before their assignment")
                case .revoked(_, let revocation):
                    revocation.complete()
                }
            }
            return []
        }
    }
}

func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

func partitions(_ topic: String, _ numbers: some Sequence<Int>) -> [TopicPartition] {
    numbers.map { TopicPartition(topic: topic, partition: Int32($0)) }
}

/// Messages whose values count up from `first`, in one partition.
func records(
    _ topic: String, partition: Int? = nil, _ range: Range<Int>, size: Int = 0
) -> [KafkaRecord] {
    range.map { number in
        var value = Array(String(number).utf8)
        if size > value.count { value += Array(repeating: 0x20, count: size - value.count) }
        return KafkaRecord(
            topic: topic, partition: partition.map(Int32.init), key: Array("k\(number)".utf8),
            value: value)
    }
}

func numbers(_ messages: [KafkaMessage]) -> [Int] {
    messages.map { message in
        var number = 0
        for digit in message.value ?? [] where digit != 0x20 {
            number = number * 10 + Int(digit) - 0x30
        }
        return number
    }
}

/// A value that tasks and callbacks share.
final class Shared<Value: Sendable>: Sendable {
    private let content: Mutex<Value>

    init(_ value: Value) { content = Mutex(value) }

    var value: Value { content.withLock { $0 } }

    func set(_ value: Value) { content.withLock { $0 = value } }

    func change(_ body: (inout sending Value) -> Void) { content.withLock { body(&$0) } }
}
