import Synchronization
import Telemetry
import Testing

@testable import KafkaShim

/// A broker that goes away and comes back; these bring their own, since they stop it.
@Suite(.serialized) struct OutageTests {
    @Test func `clients outlast an outage without losing or repeating a message`() async throws {
        let broker = try await EmbeddedTestBroker()
        let cluster = TestCluster(brokers: broker.brokers)
        let topic = try await cluster.topic(partitions: 1)
        let producer = try cluster.producer()
        let reader = try cluster.reader()
        try await reader.assign(adding: [TopicPartition(topic: topic, partition: 0): .beginning])
        try await producer.send(records(topic, partition: 0, 0..<100))
        #expect(numbers(try await reader.messages(100)) == Array(0..<100))
        #expect(connected(cluster) == ["producer": 1, "reader": 1])

        await broker.stop()
        try await eventually("the gauges say so") {
            connected(cluster) == ["producer": 0, "reader": 0]
        }
        async let sending: Void = producer.send(records(topic, partition: 0, 100..<200))
        async let reading = reader.messages(100)
        try await eventually("the messages are under way") { producer.messagesInFlight == 100 }
        try await broker.start()
        try await sending
        #expect(numbers(try await reading) == Array(100..<200))
        #expect(connected(cluster) == ["producer": 1, "reader": 1])
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
        await broker.stop()
    }

    @Test func `a member keeps its place through an outage`() async throws {
        let broker = try await EmbeddedTestBroker()
        let cluster = TestCluster(brokers: broker.brokers)
        let topic = try await cluster.topic(partitions: 2)
        let partition = TopicPartition(topic: topic, partition: 0)
        let group = unique("group")
        let producer = try cluster.producer()
        let member = try cluster.member(of: group, [topic])
        try await producer.send(records(topic, partition: 0, 0..<50))
        #expect(try await member.assignment().count == 2)
        #expect(numbers(try await member.messages(50)) == Array(0..<50))
        try await member.commit([partition: 50])
        await broker.stop()
        try await broker.start()
        try await producer.send(records(topic, partition: 0, 50..<100))
        // Whether the group remembers the member or it has to join again: the log goes on behind
        // what was committed, and what a stale generation may not commit the next one may.
        let seen = Shared<[Int]>([])
        let serving = Task {
            while let event = try await member.next() {
                switch event {
                case .messages(let messages): seen.change { $0 += numbers(messages) }
                case .revoked(_, let revocation): revocation.complete()
                case .assigned, .lost: break
                }
            }
        }
        try await eventually("all messages") { Set(seen.value) == Set(50..<100) }
        try await eventually("a commit") {
            do {
                try await member.commit([partition: 100])
                return true
            } catch let error as KafkaError {
                let passing = [
                    "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "REBALANCE_IN_PROGRESS",
                ]
                #expect(passing.contains(error.name))
                return false
            }
        }
        #expect(try await member.committed([partition]) == [partition: 100])
        await member.close()
        try await serving.value
        await producer.close(flushWithin: .seconds(5))
        await broker.stop()
    }

    private func connected(_ cluster: TestCluster) -> [String: Int] {
        var levels: [String: Int] = [:]
        for line in cluster.metrics.render().split(separator: "\n")
        where line.hasPrefix("holdfast_kafka_connected{client=\"") {
            let client = line.dropFirst("holdfast_kafka_connected{client=\"".count)
                .prefix { $0 != "-" }
            if client != "admin" { levels[String(client)] = Int(line.suffix(1)) }
        }
        return levels
    }
}
