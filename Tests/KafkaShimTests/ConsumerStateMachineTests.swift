import Testing
import Threading

@testable import KafkaShim

@Suite struct ConsumerStateMachineTests {
    private let zero = TopicPartition(topic: "t", partition: 0)
    private let one = TopicPartition(topic: "t", partition: 1)

    private func message(_ partition: TopicPartition, _ offset: Int64) -> KafkaMessage {
        KafkaMessage(
            topic: partition.topic, partition: partition.partition, offset: offset,
            timestampMillis: 0, key: nil, value: nil, headers: [])
    }

    private func revocation() -> KafkaRevocation { KafkaRevocation {} }

    private func place(_ messages: [KafkaMessage]) -> [String] {
        messages.map { "\($0.partition)/\($0.offset)" }
    }

    @Test func `a message that overtakes its assignment is handed out after it`() {
        var state = ConsumerStateMachine()
        _ = state.add([zero])
        _ = state.messagesArrived()
        guard case .take = state.next() else {
            Issue.record("nothing to take")
            return
        }
        // The group's thread tells of another partition while its first messages are being taken.
        _ = state.assign([one])
        #expect(state.took([message(zero, 1), message(one, 1)], more: false) == nil)
        guard case .give(.assigned(let partitions)) = state.next() else {
            Issue.record("no assignment")
            return
        }
        #expect(partitions == [one])
        guard case .give(.messages(let messages)) = state.next() else {
            Issue.record("no messages")
            return
        }
        #expect(place(messages) == ["0/1", "1/1"])
    }

    @Test func `messages of a revoked partition that were taken in time are discarded`() {
        var state = ConsumerStateMachine()
        _ = state.add([zero, one])
        _ = state.messagesArrived()
        _ = state.next()
        _ = state.revoke([zero], revocation())
        #expect(state.took([message(zero, 1), message(one, 1)], more: true) == nil)
        guard case .give(.revoked(let partitions, _)) = state.next(),
            case .give(.messages(let messages)) = state.next(),
            case .take(let wanted) = state.next()
        else {
            Issue.record("another order")
            return
        }
        #expect(partitions == [zero])
        #expect(place(messages) == ["1/1"])
        #expect(wanted == [one])
    }

    @Test func `a message that comes while the queue is being taken is not forgotten`() {
        var state = ConsumerStateMachine()
        _ = state.add([zero])
        _ = state.messagesArrived()
        _ = state.next()
        _ = state.messagesArrived()
        #expect(state.took([], more: false) == nil)
        guard case .take = state.next() else {
            Issue.record("the signal was lost")
            return
        }
        #expect(state.took([], more: false) == nil)
        guard case .wait = state.next() else {
            Issue.record("nothing to wait for")
            return
        }
        #expect(state.messagesArrived() != nil)
        #expect(state.messagesArrived() == nil)
    }

    @Test func `closing gives the rebalances that wait, no messages, then the end`() {
        var state = ConsumerStateMachine()
        _ = state.assign([zero])
        _ = state.revoke([zero], revocation())
        _ = state.messagesArrived()
        _ = state.beginClosing()
        guard case .give(.assigned) = state.next(), case .give(.revoked) = state.next(),
            case .wait = state.next()
        else {
            Issue.record("another order")
            return
        }
        #expect(state.close() != nil)
        guard case .finish = state.next() else {
            Issue.record("no end")
            return
        }
    }

    @Test func `a fatal error is thrown again and again, also after the end`() {
        var state = ConsumerStateMachine()
        _ = state.fail(KafkaError.invalid("gone"))
        _ = state.close()
        for _ in 0..<2 {
            guard case .fail(let error) = state.next() else {
                Issue.record("no error")
                return
            }
            #expect(error.message == "gone")
        }
    }

    @Test func `a revocation completes once, at the latest when it is let go`() {
        nonisolated(unsafe) var completions = 0
        var held: KafkaRevocation? = KafkaRevocation { completions += 1 }
        held?.complete()
        held?.complete()
        held = nil
        #expect(completions == 1)
        held = KafkaRevocation { completions += 1 }
        #expect(completions == 1)
        held = nil
        #expect(completions == 2)
    }
}
