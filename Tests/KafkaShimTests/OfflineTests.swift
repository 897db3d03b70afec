import Synchronization
import Telemetry
import Testing

@testable import KafkaShim

/// What needs no broker: port 1 of the loopback refuses connections.
@Suite struct OfflineTests {
    private let cluster = TestCluster(brokers: "127.0.0.1:1")

    @Test func `a setting that librdkafka refuses is named`() throws {
        let unknown = #expect(throws: KafkaError.self) {
            _ = try cluster.producer([("no.such.setting", "1")])
        }
        #expect(unknown?.message.contains("no.such.setting") == true)
        let badValue = #expect(throws: KafkaError.self) {
            _ = try cluster.reader([("fetch.wait.max.ms", "soon")])
        }
        #expect(badValue?.message.contains("fetch.wait.max.ms") == true)
        let reserved = #expect(throws: KafkaError.self) {
            _ = try cluster.reader([("enable.auto.commit", "true")])
        }
        #expect(reserved?.message.contains("enable.auto.commit") == true)
        let contradiction = #expect(throws: KafkaError.self) {
            _ = try cluster.member(of: "g", ["t"], strategy: "cooperative-sticky,range")
        }
        #expect(contradiction?.message.contains("cooperative-sticky,range") == true)
    }

    @Test func `a full queue refuses a batch as a whole`() async throws {
        let producer = try cluster.producer(queuedMessagesMax: 10)
        let results = Mutex<[Result<Void, KafkaError>]>([])
        try producer.enqueue(records("t", 0..<7)) { result in results.withLock { $0 += [result] } }
        let error = #expect(throws: KafkaError.self) { try producer.enqueue(records("t", 0..<4)) }
        #expect(error?.isQueueFull == true && error?.isRetriable == true)
        #expect(producer.messagesInFlight == 7)
        try producer.enqueue(records("t", 7..<10)) { result in results.withLock { $0 += [result] } }
        #expect(producer.messagesInFlight == 10)
        #expect(throws: KafkaError.self) { try producer.enqueue(records("t", 10..<11)) }

        let waiting = Task { try await producer.send(records("t", 10..<12)) }
        let cancelled = Task { try await producer.send(records("t", 10..<12)) }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        await producer.close(flushWithin: .zero)
        let refused = await #expect(throws: KafkaError.self) { try await waiting.value }
        #expect(refused?.isClosed == true)
        let purged = results.withLock { $0 }
        #expect(purged.count == 2)
        for result in purged {
            let error = #expect(throws: KafkaError.self) { try result.get() }
            #expect(error?.name == "_PURGE_QUEUE")
        }
        #expect(producer.messagesInFlight == 0)
    }

    @Test func `a producer that is let go fails what it still has`() async throws {
        let failed = Shared<Int>(0)
        var producer: KafkaProducer? = try cluster.producer()
        try producer?.enqueue(records("t", 0..<5)) { result in
            if case .failure = result { failed.change { $0 += 1 } }
        }
        producer = nil
        try await eventually("the batch failed") { failed.value == 1 }
    }

    @Test func `without a broker nothing is reachable and next keeps waiting`() async throws {
        let admin = try cluster.admin()
        #expect(await !admin.isReachable(within: .milliseconds(300)))
        let reader = try cluster.reader()
        try await reader.assign(adding: [TopicPartition(topic: "t", partition: 0): .beginning])
        let isDone = Shared<Bool>(false)
        let waiting = Task {
            let event = try await reader.next()
            isDone.set(true)
            return event
        }
        try await eventually("the trouble is counted") {
            cluster.metrics.render().split(separator: "\n").contains {
                $0.hasPrefix("holdfast_kafka_errors_total{client=\"reader") && !$0.hasSuffix(" 0")
            }
        }
        #expect(!isDone.value)
        #expect(
            cluster.metrics.render().split(separator: "\n").contains {
                $0.hasPrefix("holdfast_kafka_connected{client=\"reader") && $0.hasSuffix(" 0")
            })
        await reader.close()
        #expect(try await waiting.value == nil)
    }

    @Test func `a member without a broker can be closed`() async throws {
        let member = try cluster.member(of: "g", ["t"])
        try await withDeadline("the end") { await member.close(within: .milliseconds(100)) }
    }
}
