import Synchronization
import Testing

@testable import KafkaShim

@Suite(.serialized) struct GroupContractTests {
    @Test(arguments: ["cooperative-sticky", "range"])
    func `a member continues where the group committed`(strategy: String) async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 1)
        let partition = TopicPartition(topic: topic, partition: 0)
        let group = unique("group")
        let producer = try cluster.producer()
        try await producer.send(records(topic, partition: 0, 0..<20))

        let first = try cluster.member(of: group, [topic], strategy: strategy)
        #expect(try await first.assignment() == [partition])
        #expect(numbers(try await first.messages(20)) == Array(0..<20))
        try await first.commit([partition: 12])
        try await leave(first)

        let second = try cluster.member(of: group, [topic], strategy: strategy)
        #expect(try await second.assignment() == [partition])
        #expect(numbers(try await second.messages(8)) == Array(12..<20))
        #expect(try await second.committed([partition]) == [partition: 12])
        try await leave(second)
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `partitions move to a second member only when the first has drained them`()
        async throws
    {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 4)
        let group = unique("group")
        let producer = try cluster.producer()
        for partition in 0..<4 {
            try await producer.send(records(topic, partition: partition, 0..<100))
        }
        let first = try cluster.member(of: group, [topic], batchMessagesMax: 10)
        #expect(try await first.assignment() == partitions(topic, 0..<4))

        let second = try cluster.member(of: group, [topic])
        let secondHas = Mutex<[TopicPartition]>([])
        let secondRead = Mutex<[KafkaMessage]>([])
        let reading = Task {
            while let event = try await second.next() {
                switch event {
                case .assigned(let partitions): secondHas.withLock { $0 += partitions }
                case .messages(let messages): secondRead.withLock { $0 += messages }
                case .revoked(_, let revocation): revocation.complete()
                case .lost: break
                }
            }
        }
        // Read on until the revocation comes.
        var firstRead: [KafkaMessage] = []
        var revoked: [TopicPartition] = []
        var pending: KafkaRevocation?
        while pending == nil,
            let event = try await first.event("a revocation")
        {
            switch event {
            case .messages(let messages): firstRead += messages
            case .revoked(let partitions, let revocation):
                revoked = partitions
                pending = revocation
            case .assigned(let partitions): #expect(partitions.isEmpty)
            case .lost: Issue.record("lost without reason")
            }
        }
        #expect(revoked.count == 2)
        // Draining: nobody else has the partitions yet, and the commit still counts.
        let kept = Set(partitions(topic, 0..<4)).subtracting(revoked)
        for partition in 0..<4 {
            try await producer.send(records(topic, partition: partition, 100..<130))
        }
        var offsets: [TopicPartition: Int64] = [:]
        for message in firstRead { offsets[message.topicPartition] = message.offset + 1 }
        try await first.commit(offsets)
        // Long enough for a group that does not wait to move them.
        let held = ContinuousClock.now + .seconds(1)
        try await eventually("time passes") { ContinuousClock.now > held }
        #expect(secondHas.withLock { $0.isEmpty })
        pending?.complete()

        let rest = Shared<[KafkaMessage]>([])
        let serving = Task {
            var gained: [TopicPartition] = []
            while gained.count < 2, let event = try await first.next() {
                switch event {
                case .messages(let messages): rest.change { $0 += messages }
                case .assigned(let partitions): gained += partitions
                case .revoked(_, let revocation): revocation.complete()
                case .lost: Issue.record("lost without reason")
                }
            }
            return gained
        }
        let gone = revoked
        try await eventually("the second member has the revoked partitions") {
            Set(secondHas.withLock { $0 }) == Set(gone)
        }
        let left = revoked.reduce(0) { $0 + 130 - Int(offsets[$1] ?? 0) }
        try await eventually("the second member read the rest") {
            secondRead.withLock { $0.count } >= left
        }
        let before = firstRead
        try await eventually("the first member reads on what it kept") {
            (before + rest.value).count { kept.contains($0.topicPartition) } >= 260
        }
        for partition in partitions(topic, 0..<4) {
            let read = before + rest.value + secondRead.withLock { $0 }
            #expect(
                numbers(read.filter { $0.topicPartition == partition }) == Array(0..<130))
        }
        // The second leaves, the first gets its partitions back.
        await second.close()
        try await reading.value
        let gained = try await withDeadline("partitions back") { try await serving.value }
        #expect(Set(gained) == Set(revoked))
        try await leave(first)
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `closing hands out the last revocation and waits for it`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 2)
        let group = unique("group")
        let producer = try cluster.producer()
        try await producer.send(records(topic, partition: 0, 0..<10))
        let member = try cluster.member(of: group, [topic])
        #expect(try await member.assignment().count == 2)
        #expect(try await member.messages(10).count == 10)
        let isClosed = Shared<Bool>(false)
        async let closing: Void = {
            await member.close(within: .seconds(60))
            isClosed.set(true)
        }()
        guard
            case .revoked(let partitions, let revocation)? = try await member.event("a revocation")
        else {
            Issue.record("no revocation at close")
            return
        }
        #expect(partitions.count == 2)
        // Commits still work: the partitions are not gone yet.
        try await member.commit([TopicPartition(topic: topic, partition: 0): 10])
        let held = ContinuousClock.now + .milliseconds(300)
        try await eventually("time passes") { ContinuousClock.now > held }
        #expect(!isClosed.value)
        revocation.complete()
        #expect(try await member.next() == nil)
        await closing
        let next = try cluster.reader(offsetsGroup: group)
        #expect(
            try await next.committed([TopicPartition(topic: topic, partition: 0)]).values.first
                == 10)
        await next.close()
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `closing a member whose application has gone ends at the deadline`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 1)
        let member = try cluster.member(of: unique("group"), [topic])
        #expect(try await member.assignment().count == 1)
        try await withDeadline("the end") { await member.close(within: .milliseconds(100)) }
    }

    @Test func `a slow application neither leaves its group nor gathers messages`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 1)
        let producer = try cluster.producer()
        let member = try cluster.member(
            of: unique("group"), [topic],
            [
                ("session.timeout.ms", "2000"), ("max.poll.interval.ms", "2000"),
                ("queued.max.messages.kbytes", "512"), ("fetch.message.max.bytes", "262144"),
            ])
        #expect(try await member.assignment().count == 1)
        for start in stride(from: 0, to: 10_000, by: 1_000) {
            try await producer.send(
                records(topic, partition: 0, start..<start + 1_000, size: 1_000))
        }
        // Twice what a member may stay away from librdkafka's poll.
        let end = ContinuousClock.now + .seconds(4)
        let handle = try member.core.handle()
        try await eventually("time passes") { ContinuousClock.now > end }
        #expect(handle.messagesWaiting > 0)
        #expect(handle.messagesWaiting < 2_500)
        var read: [KafkaMessage] = []
        while read.count < 10_000,
            let event = try await member.event("messages")
        {
            guard case .messages(let messages) = event else {
                Issue.record("the member lost its partitions: \(event)")
                break
            }
            read += messages
        }
        #expect(numbers(read) == Array(0..<10_000))
        try await leave(member)
        await producer.close(flushWithin: .seconds(5))
    }

    @Test func `a member that is let go leaves its group`() async throws {
        let cluster = try await TestCluster()
        let topic = try await cluster.topic(partitions: 2)
        let group = unique("group")
        var first: KafkaConsumer? = try cluster.member(
            of: group, [topic], [("session.timeout.ms", "2000")])
        #expect(try await first?.assignment().count == 2)
        // Without a close: the last revocation is completed for it.
        first = nil
        let second = try cluster.member(of: group, [topic])
        #expect(try await second.assignment().count == 2)
        try await leave(second)
    }

    /// Closes a member as a service does: completing the last revocation.
    private func leave(_ member: KafkaConsumer) async throws {
        let serving = Task {
            while let event = try await member.next() {
                if case .revoked(_, let revocation) = event { revocation.complete() }
            }
        }
        await member.close()
        try await serving.value
    }
}
