import Synchronization
import Testing

@testable import KafkaShim

@Suite(.serialized) struct ConsumerContractTests {
    @Test func `reading starts where the assignment says`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 4)
        let producer = try cluster.producer()
        for partition in 0..<4 {
            try await producer.send(records(topic, partition: partition, 0..<10))
        }
        let all = partitions(topic, 0..<4)
        let group = unique("group")
        let earlier = try cluster.reader(offsetsGroup: group)
        try await earlier.commit([all[3]: 6])
        #expect(try await earlier.committed(all) == [all[3]: 6])
        await earlier.close()

        let reader = try cluster.reader(offsetsGroup: group)
        try await reader.assign(adding: [
            all[0]: .beginning, all[1]: .offset(7), all[2]: .offset(9), all[3]: .committed,
        ])
        let messages = try await reader.messages(10 + 3 + 1 + 4)
        #expect(messages.filter { $0.partition == 0 }.map(\.offset) == Array(0..<10))
        #expect(messages.filter { $0.partition == 1 }.map(\.offset) == [7, 8, 9])
        #expect(messages.filter { $0.partition == 2 }.map(\.offset) == [9])
        #expect(messages.filter { $0.partition == 3 }.map(\.offset) == [6, 7, 8, 9])
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `a reader at the end sees only what comes after the end it resolved`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 1)
        let partition = TopicPartition(topic: topic, partition: 0)
        let producer = try cluster.producer()
        let reader = try cluster.reader()
        let empty = try await reader.watermarks(partition)
        #expect(empty == (0, 0))
        try await producer.send(records(topic, partition: 0, 0..<25))
        let end = try await reader.watermarks(partition)
        #expect(end == (0, 25))
        try await reader.assign(adding: [partition: .offset(end.high)])
        try await producer.send(records(topic, partition: 0, 25..<30))
        #expect(numbers(try await reader.messages(5)) == Array(25..<30))

        let late = try cluster.reader()
        try await late.assign(adding: [partition: .end])
        let isRunning = Shared<Bool>(true)
        // The end is resolved at some time after the assignment: keep appending until it shows.
        async let appending: Void = {
            var number = 30
            while isRunning.value {
                try await producer.send(records(topic, partition: 0, number..<number + 1))
                number += 1
            }
        }()
        let first = try await late.messages(3)
        isRunning.set(false)
        try await appending
        #expect(first[0].offset >= 30)
        #expect(
            first.map(\.offset)
                == (first[0].offset..<first[0].offset + Int64(first.count)).map { $0 })
        await late.close()
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `partitions are added and removed one by one`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 2)
        let both = partitions(topic, 0..<2)
        let producer = try cluster.producer()
        let reader = try cluster.reader()
        try await reader.assign(adding: [both[0]: .beginning])
        try await producer.send(records(topic, partition: 0, 0..<5))
        try await producer.send(records(topic, partition: 1, 0..<5))
        #expect(try await reader.messages(5).allSatisfy { $0.partition == 0 })
        try await reader.assign(adding: [both[1]: .beginning])
        #expect(try await reader.messages(5).allSatisfy { $0.partition == 1 })
        await #expect(throws: KafkaError.self) {
            try await reader.assign(adding: [both[1]: .beginning])
        }
        try await reader.unassign([both[0]])
        try await producer.send(records(topic, partition: 0, 5..<10))
        try await producer.send(records(topic, partition: 1, 5..<10))
        let rest = try await reader.messages(5)
        #expect(rest.allSatisfy { $0.partition == 1 } && numbers(rest) == Array(5..<10))
        // Again and again, at once: what librdkafka forwards must survive its own stop.
        for _ in 0..<20 {
            try await reader.unassign([both[1]])
            try await reader.assign(adding: [both[1]: .offset(8)])
        }
        #expect(numbers(try await reader.messages(2)) == [8, 9])
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `a cancelled wait loses no message`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 1)
        let producer = try cluster.producer()
        let reader = try cluster.reader()
        try await reader.assign(adding: [TopicPartition(topic: topic, partition: 0): .beginning])
        var seen: [Int] = []
        for round in 0..<50 {
            let waiting = Task { try await reader.next() }
            async let sending: Void = producer.send(
                records(topic, partition: 0, round..<round + 1))
            waiting.cancel()
            try await sending
            if case .success(.messages(let messages)) = await waiting.result {
                seen += numbers(messages)
            }
        }
        if seen.count < 50 { seen += numbers(try await reader.messages(50 - seen.count)) }
        #expect(seen == Array(0..<50))
        await reader.close()
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `closing ends a wait, and what comes later is refused`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 1)
        let partition = TopicPartition(topic: topic, partition: 0)
        let reader = try cluster.reader(offsetsGroup: unique("group"))
        try await reader.assign(adding: [partition: .beginning])
        let waiting = Task { try await reader.next() }
        await reader.close()
        #expect(try await waiting.value == nil)
        #expect(try await reader.next() == nil)
        await #expect(throws: KafkaError.self) { try await reader.commit([partition: 1]) }
        await #expect(throws: KafkaError.self) { _ = try await reader.watermarks(partition) }
        await reader.close()
    }

    @Test func `offsets without a group's name are refused`() async throws {
        let cluster = try await TestCluster()
        let reader = try cluster.reader()
        let error = await #expect(throws: KafkaError.self) {
            try await reader.commit([TopicPartition(topic: "any", partition: 0): 1])
        }
        #expect(error?.message.contains("offsetsGroup") == true)
        await reader.close()
    }
}

extension Optional where Wrapped == KafkaConsumerEvent {
    static func == (left: Self, right: _OptionalNilComparisonType) -> Bool {
        if case .none = left { true } else { false }
    }
}
