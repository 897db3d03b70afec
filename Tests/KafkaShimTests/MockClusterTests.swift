import Telemetry
import Testing

@testable import KafkaShim

/// What librdkafka's mock cluster can show of the shim alone, in small: it creates a topic with
/// four partitions when it is asked for, cannot create one by name, and forgets.
@Suite struct MockClusterTests {
    /// A mock cluster, which lives inside the client that asked for it.
    private struct Mock {
        let host: KafkaAdmin
        let cluster: TestCluster

        init() async throws {
            let configuration = KafkaClientConfiguration(
                brokers: "ignored:1", clientID: "mock", overrides: [("test.mock.num.brokers", "1")])
            host = try KafkaAdmin(
                configuration: configuration,
                logger: Logger(component: "kafka-tests", level: .error),
                metrics: MetricsRegistry())
            let broker = try await host.brokers().first
            cluster = TestCluster(brokers: "\(broker?.host ?? ""):\(broker?.port ?? 0)")
        }
    }

    @Test func `messages go round`() async throws {
        let mock = try await Mock()
        let topic = unique("mock")
        let producer = try mock.cluster.producer()
        try await producer.send(records(topic, partition: 0, 0..<100))
        let reader = try mock.cluster.reader()
        try await reader.assign(adding: [TopicPartition(topic: topic, partition: 0): .beginning])
        #expect(numbers(try await reader.messages(100)) == Array(0..<100))
        #expect(
            try await mock.host.partitionCounts(of: [topic, unique("none")]) == [topic: 4])
        #expect(
            mock.cluster.metrics.render().split(separator: "\n").contains {
                $0.hasPrefix("holdfast_kafka_connected{client=\"producer") && $0.hasSuffix(" 1")
            })
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
        #expect(await mock.host.isReachable(within: .seconds(10)))
    }

    @Test func `an offset beyond the log's end falls back to the beginning`() async throws {
        let mock = try await Mock()
        let topic = unique("mock")
        let producer = try mock.cluster.producer()
        try await producer.send(records(topic, partition: 2, 0..<3))
        let reader = try mock.cluster.reader()
        try await reader.assign(adding: [TopicPartition(topic: topic, partition: 2): .offset(50)])
        #expect(numbers(try await reader.messages(3)) == [0, 1, 2])
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
    }
}
