import CartDomain
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

    private let trace: Trace?
    private let variant: Variant?
    /// The gateway that asked first.
    private let firstAskers = Mutex<[CartRequestKey: Int]>([:])

    init(partitions: Int, variant: Variant? = nil, trace: Trace? = nil) {
        self.trace = trace
        self.variant = variant
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
        var request = request
        if variant == .oneAsker, let partition = request.replyPartition {
            let key = CartRequestKey(cartID: request.cartID, requestID: request.requestID)
            request.replyPartition = firstAskers.withLock { known in
                known[key] = known[key] ?? partition
                return known[key]
            }
        }
        let isKept = cartRequests.append(
            request.encoded(), key: request.cartID.utf8, replyPartition: request.replyPartition)
        trace?.note("request  \(request.brief)\(isKept ? "" : " (lost)")")
    }

    func ask(_ request: InventoryRequest) {
        let request = variant == .forgottenSources ? request.withoutSource : request
        let isKept = inventoryRequests.append(
            request.encoded(), key: Array(request.productCode.text.utf8))
        trace?.note("to stock \(request.brief)\(isKept ? "" : " (lost)")")
    }

    func answer(_ response: InventoryResponse) {
        let isKept = inventoryResponses.append(response.encoded(), key: response.cartID.utf8)
        trace?.note("to cart  \(response.brief)\(isKept ? "" : " (lost)")")
    }

    func say(_ responses: [CartResponse], _ events: [StoredEvent], _ letters: [DeadLetter]) {
        for response in responses { trace?.note("answer   \(response.brief)") }
        for letter in letters { trace?.note("letter   \(letter.reason)") }
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
    /// Whether messages to the inventory vanish, as if the log had lost them.
    private let loses = Mutex(false)
    private let process: SimulatedProcess?

    init(_ topics: FakeTopics, process: SimulatedProcess? = nil) {
        self.topics = topics
        self.process = process
    }

    func setAway(_ isAway: Bool) { away.withLock { $0 = isAway } }
    func loseInventoryRequests(_ isLossy: Bool) { loses.withLock { $0 = isLossy } }

    func send(_ output: CartOutput) async throws {
        await gate.pass()
        guard let process else { return try sendNow(output) }
        try await process.effect("send", otherwise: FakeOutage()) { () throws(FakeOutage) in
            try sendNow(output)
        }
    }

    private func sendNow(_ output: CartOutput) throws(FakeOutage) {
        if away.withLock({ $0 }) { throw FakeOutage() }
        if !loses.withLock({ $0 }) {
            for request in output.inventoryRequests { topics.ask(request) }
        }
        for request in output.cartRequests { topics.ask(request) }
        topics.say(output.responses, output.events, output.deadLetters)
    }
}

/// What an inventory service sends, into the topics in memory.
final class FakeInventoryOutbox: InventoryOutbox {
    let gate = Gate()
    private let topics: FakeTopics
    private let away = Mutex(false)
    private let process: SimulatedProcess?

    init(_ topics: FakeTopics, process: SimulatedProcess? = nil) {
        self.topics = topics
        self.process = process
    }

    func setAway(_ isAway: Bool) { away.withLock { $0 = isAway } }

    func send(_ responses: [InventoryResponse], deadLetters: [DeadLetter]) async throws {
        await gate.pass()
        guard let process else { return try sendNow(responses, deadLetters) }
        try await process.effect("answer", otherwise: FakeOutage()) { () throws(FakeOutage) in
            try sendNow(responses, deadLetters)
        }
    }

    private func sendNow(
        _ responses: [InventoryResponse], _ deadLetters: [DeadLetter]
    ) throws(FakeOutage) {
        if away.withLock({ $0 }) { throw FakeOutage() }
        for response in responses { topics.answer(response) }
        topics.say([], [], deadLetters)
    }
}

extension InventoryRequest {
    fileprivate var withoutSource: InventoryRequest {
        let action: Action =
            switch action {
            case .ask(let quantity, let until, _): .ask(quantity: quantity, until: until)
            case .lower(let quantity, _): .lower(to: quantity)
            default: action
            }
        return InventoryRequest(
            cartID: cartID, requestID: requestID, userID: userID, productCode: productCode,
            action: action, traceparent: traceparent)
    }
}
