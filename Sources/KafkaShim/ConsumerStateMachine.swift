import Threading

/// What a consumer's application has been told, and what comes next: no locks, no C, no clock.
///
/// Control events (rebalances) and messages come from different queues of librdkafka. The rule that
/// keeps them in order: control events that wait go first, and messages that were taken while one
/// arrived are kept and looked through again when their turn comes.
struct ConsumerStateMachine: Sendable {
    /// What ``KafkaConsumer/next()`` has to do.
    enum NextAction {
        case give(KafkaConsumerEvent)
        case take(wanted: Set<TopicPartition>)
        case wait(Promise<Void>)
        case fail(KafkaError)
        case finish
    }

    private enum Phase {
        case open
        case closing
        case closed
        case failed(KafkaError)
    }

    private var phase = Phase.open
    private var control: [KafkaConsumerEvent] = []
    /// Messages that were taken from librdkafka and not handed out: a batch that a control event
    /// overtook.
    private var kept: [KafkaMessage] = []
    private var assigned: Set<TopicPartition> = []
    private var revoking: Set<TopicPartition> = []
    /// Whether librdkafka's queue may hold messages; set by its signal.
    private var mayHaveMessages = false
    private var waiter: Promise<Void>?

    // MARK: The application's side

    /// The next step of a call of ``KafkaConsumer/next()``.
    mutating func next() -> NextAction {
        if case .failed(let error) = phase { return .fail(error) }
        if !control.isEmpty { return .give(control.removeFirst()) }
        switch phase {
        case .open:
            if let messages = takeKept() { return .give(.messages(messages)) }
            if mayHaveMessages {
                mayHaveMessages = false
                return .take(wanted: wanted)
            }
        case .closing:
            break
        case .closed, .failed:
            return .finish
        }
        let promise = Promise<Void>()
        waiter = promise
        return .wait(promise)
    }

    /// Whether ``next()`` gives no messages, because something else goes first.
    var hasChange: Bool {
        if case .open = phase { !control.isEmpty } else { true }
    }

    /// Takes what ``NextAction/take(wanted:)`` brought.
    ///
    /// - Parameter more: whether librdkafka's queue was left with messages.
    /// - Returns: what to hand out; `nil` where the caller has to ask for the next step again.
    mutating func took(_ messages: [KafkaMessage], more: Bool) -> KafkaConsumerEvent? {
        if more { mayHaveMessages = true }
        if messages.isEmpty { return nil }
        if case .open = phase, control.isEmpty, kept.isEmpty {
            return .messages(messages)
        }
        kept.append(contentsOf: messages)
        return nil
    }

    /// What to take from librdkafka's queue; anything else in it is left over from what was revoked.
    private var wanted: Set<TopicPartition> {
        revoking.isEmpty ? assigned : assigned.subtracting(revoking)
    }

    private mutating func takeKept() -> [KafkaMessage]? {
        if kept.isEmpty { return nil }
        let wanted = self.wanted
        let alive = kept.filter { wanted.contains($0.topicPartition) }
        kept = []
        return alive.isEmpty ? nil : alive
    }

    // MARK: librdkafka's side; each returns whom to wake

    mutating func messagesArrived() -> Promise<Void>? {
        mayHaveMessages = true
        return takeWaiter()
    }

    mutating func take(_ message: KafkaMessage) -> Promise<Void>? {
        kept.append(message)
        return takeWaiter()
    }

    mutating func assign(_ partitions: [TopicPartition]) -> Promise<Void>? {
        assigned.formUnion(partitions)
        control.append(.assigned(partitions))
        return takeWaiter()
    }

    /// Takes partitions that the application assigns by hand.
    ///
    /// - Returns: those of them that it did not have.
    mutating func add(_ partitions: some Sequence<TopicPartition>) -> [TopicPartition] {
        partitions.filter { assigned.insert($0).inserted }
    }

    mutating func revoke(
        _ partitions: [TopicPartition], _ revocation: KafkaRevocation
    ) -> Promise<Void>? {
        revoking.formUnion(partitions)
        control.append(.revoked(partitions, revocation))
        return takeWaiter()
    }

    mutating func lose(_ partitions: [TopicPartition]) -> Promise<Void>? {
        unassign(partitions)
        control.append(.lost(partitions))
        return takeWaiter()
    }

    /// Forgets partitions that were given back.
    mutating func unassign(_ partitions: [TopicPartition]) {
        assigned.subtract(partitions)
        revoking.subtract(partitions)
        if kept.isEmpty { return }
        let gone = Set(partitions)
        kept.removeAll { gone.contains($0.topicPartition) }
    }

    mutating func beginClosing() -> Promise<Void>? {
        if case .open = phase { phase = .closing }
        kept = []
        return takeWaiter()
    }

    mutating func close() -> Promise<Void>? {
        if case .failed = phase {} else { phase = .closed }
        return takeWaiter()
    }

    mutating func fail(_ error: KafkaError) -> Promise<Void>? {
        if case .closed = phase {} else { phase = .failed(error) }
        return takeWaiter()
    }

    private mutating func takeWaiter() -> Promise<Void>? {
        let taken = waiter
        waiter = nil
        return taken
    }
}
