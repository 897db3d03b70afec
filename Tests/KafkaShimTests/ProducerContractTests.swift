import Synchronization
import Testing

@testable import KafkaShim

@Suite(.serialized) struct ProducerContractTests {
    @Test func `a message arrives with its key, value, headers and partition`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 2)
        let producer = try cluster.producer()
        let headers = [
            KafkaHeader(name: "request-id", value: Array("r1".utf8)),
            KafkaHeader(name: "empty", value: []),
            KafkaHeader(name: "request-id", value: [0, 255]),
        ]
        try await producer.send([
            KafkaRecord(
                topic: topic, partition: 1, key: Array("key".utf8), value: Array("value".utf8),
                headers: headers),
            KafkaRecord(topic: topic, partition: 1, key: nil, value: nil),
            KafkaRecord(topic: topic, partition: 1, key: [], value: []),
        ])
        let reader = try cluster.reader()
        try await reader.assign(adding: [TopicPartition(topic: topic, partition: 1): .beginning])
        let messages = try await reader.messages(3)
        #expect(messages.map(\.offset) == [0, 1, 2])
        #expect(messages.allSatisfy { $0.partition == 1 && $0.topic == topic })
        #expect(text(messages[0].key) == "key" && text(messages[0].value) == "value")
        #expect(messages[0].headers == headers)
        #expect(messages[0].header("request-id") == [0, 255])
        #expect(messages[0].header("none") == nil)
        #expect(messages[0].timestampMillis > 1_600_000_000_000)
        #expect(messages[1].key == nil && messages[1].value == nil)
        #expect(messages[2].key == [] && messages[2].value == [])
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `send returns once all messages are in the log`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 3)
        let producer = try cluster.producer()
        let reader = try cluster.reader()
        var sum: Int64 = 0
        try await producer.send(records(topic, 0..<500))
        for partition in partitions(topic, 0..<3) {
            sum += try await reader.watermarks(partition).high
        }
        #expect(sum == 500)
        await producer.close(flushWithin: .seconds(5))
        await reader.close()
    }

    @Test func `a partition keeps the order of many small batches in flight`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 1)
        let producer = try cluster.producer()
        let acknowledged = Shared<Int>(0)
        let failed = Shared<Int>(0)
        for start in stride(from: 0, to: 20_000, by: 10) {
            try producer.enqueue(records(topic, partition: 0, start..<start + 10)) { result in
                switch result {
                case .success: acknowledged.change { $0 += 10 }
                case .failure: failed.change { $0 += 10 }
                }
            }
        }
        let reader = try cluster.reader()
        try await reader.assign(adding: [TopicPartition(topic: topic, partition: 0): .beginning])
        let messages = try await reader.messages(20_000)
        #expect(numbers(messages) == Array(0..<20_000))
        try await eventually("all acknowledged") {
            acknowledged.value == 20_000
        }
        #expect(failed.value == 0)
        try await eventually("all room is given back") { producer.messagesInFlight == 0 }
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `senders wait for room instead of losing messages`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 1)
        let producer = try cluster.producer(queuedMessagesMax: 50)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in stride(from: 0, to: 4_000, by: 40) {
                group.addTask {
                    try await producer.send(records(topic, partition: 0, start..<start + 40))
                }
            }
            // More than fits at once goes in parts.
            group.addTask { try await producer.send(records(topic, partition: 0, 4_000..<4_230)) }
            try await group.waitForAll()
        }
        let reader = try cluster.reader()
        try await reader.assign(adding: [TopicPartition(topic: topic, partition: 0): .beginning])
        let messages = try await reader.messages(4_230)
        #expect(numbers(messages).sorted() == Array(0..<4_230))
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `one message that is too large fails its send, the others are appended`()
        async throws
    {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 1)
        let producer = try cluster.producer([("message.max.bytes", "10000")])
        let batch =
            records(topic, partition: 0, 0..<1) + records(topic, partition: 0, 1..<2, size: 20_000)
            + records(topic, partition: 0, 2..<3)
        let error = await #expect(throws: KafkaError.self) { try await producer.send(batch) }
        #expect(error?.name == "MSG_SIZE_TOO_LARGE" && error?.isRetriable == false)
        let reader = try cluster.reader()
        try await reader.assign(adding: [TopicPartition(topic: topic, partition: 0): .beginning])
        #expect(numbers(try await reader.messages(2)) == [0, 2])
        try await eventually("all room is given back") { producer.messagesInFlight == 0 }
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `a partition that is not there fails its message once, the others are appended`()
        async throws
    {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 1)
        let producer = try cluster.producer()
        // Only where the topic's partitions are known is a message refused at once.
        try await producer.send(records(topic, partition: 0, 0..<1))
        let batch =
            records(topic, partition: 0, 1..<3) + records(topic, partition: 7, 3..<5)
            + records(topic, partition: 0, 5..<6)
        for _ in 0..<3 {
            let error = await #expect(throws: KafkaError.self) { try await producer.send(batch) }
            #expect(error?.name == "_UNKNOWN_PARTITION")
        }
        try await eventually("all room is given back") { producer.messagesInFlight == 0 }
        let reader = try cluster.reader()
        try await reader.assign(adding: [TopicPartition(topic: topic, partition: 0): .beginning])
        #expect(numbers(try await reader.messages(10)) == [0, 1, 2, 5, 1, 2, 5, 1, 2, 5])
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `keys choose the partition that Java's clients choose`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 12)
        let producer = try cluster.producer()
        try await producer.send(
            (0..<300).map { number in
                KafkaRecord(
                    topic: topic, key: Array("cart-\(number * 7_919)".utf8),
                    value: Array("\(number)".utf8))
            })
        let reader = try cluster.reader()
        try await reader.assign(
            adding: Dictionary(
                uniqueKeysWithValues: partitions(topic, 0..<12).map { ($0, .beginning) }))
        let messages = try await reader.messages(300)
        let expected = messages.map { (murmur2($0.key ?? []) & 0x7fff_ffff) % 12 }
        #expect(messages.map(\.partition) == expected)
        #expect(Set(messages.map(\.partition)).count == 12)
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `closing waits for the acknowledgement of what was enqueued`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 1)
        let producer = try cluster.producer([("linger.ms", "200")])
        let acknowledged = Shared<Int>(0)
        try producer.enqueue(records(topic, partition: 0, 0..<100)) { result in
            if case .success = result { acknowledged.change { $0 += 1 } }
        }
        await producer.close(flushWithin: .seconds(20))
        #expect(acknowledged.value == 1)
        await #expect(throws: KafkaError.self) {
            try await producer.send(records(topic, partition: 0, 0..<1))
        }
        await producer.close(flushWithin: .seconds(1))
    }
}

/// The hash of Java's `org.apache.kafka.common.utils.Utils.murmur2`, written from its definition.
func murmur2(_ key: [UInt8]) -> Int32 {
    let multiplier: UInt32 = 0x5bd1_e995
    var hash: UInt32 = 0x9747_b28c ^ UInt32(key.count)
    var index = 0
    while index + 4 <= key.count {
        var word =
            UInt32(key[index]) | UInt32(key[index + 1]) << 8 | UInt32(key[index + 2]) << 16
            | UInt32(key[index + 3]) << 24
        word &*= multiplier
        word ^= word >> 24
        word &*= multiplier
        hash &*= multiplier
        hash ^= word
        index += 4
    }
    let rest = key.count - index
    if rest > 0 {
        for offset in (0..<rest).reversed() { hash ^= UInt32(key[index + offset]) << (8 * offset) }
        hash &*= multiplier
    }
    hash ^= hash >> 13
    hash &*= multiplier
    hash ^= hash >> 15
    return Int32(bitPattern: hash)
}

@Suite struct Murmur2Tests {
    @Test(
        arguments: [
            ("21", -973_932_308), ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ])
    func `the tests' hash gives the values of Kafka's own test`(key: String, hash: Int) {
        #expect(Int(murmur2(Array(key.utf8))) == hash)
    }
}
