import Glibc
import Testing

@testable import KafkaShim

/// librdkafka can be told to fail for good; nothing else brings that about at will.
@Suite struct FatalErrorTests {
    private let cluster = TestCluster(brokers: "127.0.0.1:1")

    private func fail(_ client: ClientHandle) throws {
        // By name: the headers of librdkafka and of CLinux cannot be imported by one module.
        typealias Call = @convention(c) (OpaquePointer, CInt, UnsafePointer<CChar>) -> CInt
        let symbol = try #require(dlsym(nil, "rd_kafka_test_fatal_error"))
        let outOfOrderSequenceNumber: CInt = 45
        client.withPointer { client in
            _ = unsafeBitCast(symbol, to: Call.self)(client, outOfOrderSequenceNumber, "on purpose")
        }
    }

    @Test func `a consumer that failed for good throws at each next`() async throws {
        let reader = try cluster.reader()
        let waiting = Task { try await reader.next() }
        try fail(reader.core.handle().client)
        let error = await #expect(throws: KafkaError.self) { _ = try await waiting.value }
        #expect(error?.isFatal == true && error?.isRetriable == false)
        #expect(error?.message.contains("on purpose") == true)
        await #expect(throws: KafkaError.self) { _ = try await reader.next() }
        try await withDeadline("the end") { await reader.close() }
    }

    @Test func `a producer that failed for good fails what it has and what comes`() async throws {
        let producer = try cluster.producer()
        let waiting = Task { try await producer.send(records("t", 0..<3)) }
        try await eventually("the messages are queued") { producer.messagesInFlight == 3 }
        try fail(producer.core.handle.client)
        let error = await #expect(throws: KafkaError.self) { try await waiting.value }
        #expect(error?.name == "_PURGE_QUEUE")
        let next = await #expect(throws: KafkaError.self) {
            try await producer.send(records("t", 0..<1))
        }
        #expect(next?.isFatal == true)
        try await withDeadline("the end") { await producer.close(flushWithin: .seconds(1)) }
    }
}
