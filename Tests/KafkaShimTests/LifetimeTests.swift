import Testing

@testable import KafkaShim

/// What crosses into C is kept alive by hand; these see that it is also let go by hand.
@Suite struct LifetimeTests {
    private let cluster = TestCluster(brokers: "127.0.0.1:1")

    private final class Token: Sendable {}

    private struct Weak<Object: AnyObject>: @unchecked Sendable {
        weak var object: Object?
    }

    @Test func `a batch is let go once its messages are settled`() async throws {
        let producer = try cluster.producer([("message.max.bytes", "1000")])
        var watched: [Weak<Token>] = []
        let good = records("t", 0..<3)
        let bad = records("t", 0..<2, size: 2_000)
        for batch in [good, bad, good + bad, bad + good] {
            let token = Token()
            watched.append(Weak(object: token))
            try producer.enqueue(batch) { _ in _ = token }
        }
        #expect(watched.map { $0.object == nil } == [false, true, false, false])
        await producer.close(flushWithin: .zero)
        #expect(watched.allSatisfy { $0.object == nil })
    }

    @Test func `a closed producer leaves nothing behind`() async throws {
        var producer: KafkaProducer? = try cluster.producer()
        let context = Weak(object: producer?.core.handle.client.context)
        try producer?.enqueue(records("t", 0..<3))
        await producer?.close(flushWithin: .zero)
        producer = nil
        try await eventually("the context is let go") { context.object == nil }
    }

    @Test func `a closed consumer leaves nothing behind`() async throws {
        var reader: KafkaConsumer? = try cluster.reader()
        let context = Weak(object: try reader?.core.handle().client.context)
        let signal = Weak(object: reader?.core.signal)
        await reader?.close()
        reader = nil
        try await eventually("the context is let go") { context.object == nil }
        try await eventually("the signal is let go") { signal.object == nil }
    }

    @Test func `a consumer that is dropped without a close leaves nothing behind`() async throws {
        var member: KafkaConsumer? = try cluster.member(of: "g", ["t"])
        let signal = Weak(object: member?.core.signal)
        member = nil
        try await eventually("the signal is let go") { signal.object == nil }
    }
}
