import CartService
import InventoryService
import Messages
import Synchronization

/// Every topic of the suite in memory.
final class FakeTopics: Sendable {
    let cartRequests: FakeTopic<CartRequest>
    let inventoryRequests: FakeTopic<InventoryRequest>
    let inventoryResponses: FakeTopic<InventoryResponse>
    private let said = Mutex<
        (responses: [CartResponse], events: [StoredEvent], letters: [DeadLetter])
    >(
        ([], [], []))

    init(partitions: Int) {
        cartRequests = FakeTopic(.cartRequest, partitions: partitions) {
            record throws(MessageError) in
            try CartRequest(
                decoding: record.value, replyPartition: record.replyPartition, traceparent: nil)
        }
        inventoryRequests = FakeTopic(.inventoryRequest, partitions: partitions) {
            record throws(MessageError) in
            try InventoryRequest(decoding: record.value, traceparent: nil)
        }
        inventoryResponses = FakeTopic(.inventoryResponse, partitions: partitions) {
            record throws(MessageError) in
            try InventoryResponse(decoding: record.value, traceparent: nil)
        }
    }

    /// What was sent to gateways, in order.
    var responses: [CartResponse] { said.withLock { $0.responses } }
    /// What was published on `cart-event`, in order.
    var cartEvents: [StoredEvent] { said.withLock { $0.events } }
    var deadLetters: [DeadLetter] { said.withLock { $0.letters } }

    func forgetResponses() { said.withLock { $0.responses = [] } }

    func ask(_ request: CartRequest) {
        cartRequests.append(
            request.encoded(), key: request.cartID.utf8, replyPartition: request.replyPartition)
    }

    func ask(_ request: InventoryRequest) {
        inventoryRequests.append(request.encoded(), key: Array(request.productCode.text.utf8))
    }

    func answer(_ response: InventoryResponse) {
        inventoryResponses.append(response.encoded(), key: response.cartID.utf8)
    }

    func say(_ responses: [CartResponse], _ events: [StoredEvent], _ letters: [DeadLetter]) {
        said.withLock { said in
            said.responses += responses
            said.events += events
            said.letters += letters
        }
    }
}

/// What a cart service sends, into the topics in memory.
final class FakeCartOutbox: CartOutbox {
    let gate = Gate()
    private let topics: FakeTopics
    private let away = Mutex(false)
    private let dead = Flag()
    /// Whether messages to the inventory vanish, as if the log had lost them.
    private let loses = Mutex(false)

    init(_ topics: FakeTopics) { self.topics = topics }

    func setAway(_ isAway: Bool) { away.withLock { $0 = isAway } }
    /// Takes nothing any more.
    func kill() { dead.raise() }
    func loseInventoryRequests(_ isLossy: Bool) { loses.withLock { $0 = isLossy } }

    func send(_ output: CartOutput) async throws {
        await gate.pass()
        if dead.isRaised || away.withLock({ $0 }) { throw FakeOutage() }
        if !loses.withLock({ $0 }) {
            for request in output.inventoryRequests { topics.ask(request) }
        }
        topics.say(output.responses, output.events, output.deadLetters)
    }
}

/// What an inventory service sends, into the topics in memory.
final class FakeInventoryOutbox: InventoryOutbox {
    let gate = Gate()
    private let topics: FakeTopics
    private let away = Mutex(false)
    private let dead = Flag()

    init(_ topics: FakeTopics) { self.topics = topics }

    func setAway(_ isAway: Bool) { away.withLock { $0 = isAway } }
    /// Takes nothing any more.
    func kill() { dead.raise() }

    func send(_ responses: [InventoryResponse], deadLetters: [DeadLetter]) async throws {
        await gate.pass()
        if dead.isRaised || away.withLock({ $0 }) { throw FakeOutage() }
        for response in responses { topics.answer(response) }
        topics.say([], [], deadLetters)
    }
}
