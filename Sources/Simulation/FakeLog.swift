import Messages
import Synchronization

/// A topic in memory: the bytes of its messages, and how far they were committed.
final class FakeTopic<Value: Sendable>: Sendable {
    struct Record: Sendable {
        let key: [UInt8]
        let value: [UInt8]
        let replyPartition: Int?
    }

    private struct State {
        var partitions: [[Record]]
        var committed: [Int: Int] = [:]
        /// Which member the group has last given each partition to.
        var members: [Int: ObjectIdentifier] = [:]
        var readers: [@Sendable () -> Void] = []
        /// Which messages vanish, though their sender believes them sent: one in so many.
        var loss: (generator: SeededGenerator, oneIn: Int)?
        /// What readers are given in place of a message.
        var rewrite: (@Sendable (Value) -> Value)?
    }

    let topic: Topic
    private let state: Mutex<State>
    private let decode: @Sendable (Record) throws(MessageError) -> Value

    init(
        _ topic: Topic, partitions: Int,
        decode: @escaping @Sendable (Record) throws(MessageError) -> Value
    ) {
        self.topic = topic
        self.decode = decode
        state = Mutex(State(partitions: Array(repeating: [], count: partitions)))
    }

    var partitionCount: Int { state.withLock { $0.partitions.count } }
    var committed: [Int: Int] { state.withLock { $0.committed } }
    var records: [[Record]] { state.withLock { $0.partitions } }

    func give(_ partitions: [Int], to member: AnyObject) {
        let member = ObjectIdentifier(member)
        state.withLock { state in
            for partition in partitions { state.members[partition] = member }
        }
    }

    func isGiven(_ partitions: [Int], to member: AnyObject) -> Bool {
        let member = ObjectIdentifier(member)
        return state.withLock { state in
            partitions.allSatisfy { state.members[$0] == member }
        }
    }

    /// Every message that can be read, partition by partition.
    var values: [Value] { records.flatMap { $0.compactMap { try? decode($0) } } }

    func lose(oneIn: Int?, seed: UInt64 = 0) {
        state.withLock { $0.loss = oneIn.map { (SeededGenerator(seed: seed), $0) } }
    }

    func rewrite(_ rewrite: @escaping @Sendable (Value) -> Value) {
        state.withLock { $0.rewrite = rewrite }
    }

    /// - Returns: whether it is kept; what is not is lost without a word.
    @discardableResult
    func append(
        _ value: [UInt8], key: [UInt8], replyPartition: Int? = nil, partition: Int? = nil
    ) -> Bool {
        let readers = state.withLock { state in
            if let oneIn = state.loss?.oneIn, state.loss?.generator.oneIn(oneIn) == true {
                return [@Sendable () -> Void]?.none
            }
            let index =
                partition ?? Partitioner.partition(of: key, count: state.partitions.count)
            state.partitions[index].append(
                Record(key: key, value: value, replyPartition: replyPartition))
            return state.readers
        }
        for wake in readers ?? [] { wake() }
        return readers != nil
    }

    /// One of the messages, mostly one of the last of its partition; `nil` where there is none.
    func any(_ random: inout SeededGenerator) -> Value? {
        let records = state.withLock { $0.partitions[random.below($0.partitions.count)] }
        let isRecent = !random.oneIn(4)
        if records.isEmpty { return nil }
        let depth = random.below(isRecent ? min(records.count, 8) : records.count)
        return try? decode(records[records.count - 1 - depth])
    }

    func end(of partition: Int) -> Int { state.withLock { $0.partitions[partition].count } }

    func commit(_ offsets: [Int: Int]) {
        state.withLock { $0.committed.merge(offsets) { _, new in new } }
    }

    func onAppend(_ wake: @escaping @Sendable () -> Void) {
        state.withLock { $0.readers.append(wake) }
    }

    func messages(_ partition: Int, from offset: Int, max: Int) -> [LogMessage<Value>] {
        let records = state.withLock {
            Array($0.partitions[partition].dropFirst(offset).prefix(max))
        }
        let rewrite = state.withLock { $0.rewrite }
        return records.enumerated().map { index, record in
            LogMessage(
                partition: partition, offset: offset + index,
                value: Result { () throws(MessageError) in
                    let value = try decode(record)
                    return rewrite?(value) ?? value
                },
                raw: RawMessage(key: record.key, value: record.value))
        }
    }
}

/// What both kinds of readers have in common: positions, and one task that waits.
struct ReaderState<Event: Sendable>: Sendable {
    var control: [Event] = []
    var positions: [Int: Int] = [:]
    var waiter: CheckedContinuation<Void, Never>?
    var isClosed = false
    var commitsFail = false

    mutating func takeWaiter() -> CheckedContinuation<Void, Never>? {
        defer { waiter = nil }
        return waiter
    }
}

/// A member of a consumer group; the test says what is assigned to it.
final class FakeGroupLog<Value: Sendable>: GroupLog {
    /// How many messages of a partition one batch has at most.
    let batchMax: Int
    private let topic: FakeTopic<Value>
    private let state = Mutex(ReaderState<LogEvent<Value>>())
    private let completed = Mutex(0)
    private let process: SimulatedProcess?

    init(
        _ topic: FakeTopic<Value>, batchMax: Int = 100, process: SimulatedProcess? = nil
    ) {
        self.topic = topic
        self.batchMax = batchMax
        self.process = process
        topic.onAppend { [weak self] in self?.wake() }
    }

    var assigned: [Int] { state.withLock { $0.positions.keys.sorted() } }
    /// How many revocations were completed.
    var revocationsCompleted: Int { completed.withLock { $0 } }

    // MARK: The test's side

    func assign(_ partitions: [Int]) {
        topic.give(partitions, to: self)
        change { state in
            for partition in partitions {
                state.positions[partition] = topic.committed[partition] ?? 0
            }
            state.control.append(.assigned(partitions))
        }
    }

    func revoke(_ partitions: [Int]) {
        change { state in
            for partition in partitions { state.positions[partition] = nil }
            state.control.append(.revoked(partitions))
        }
    }

    func lose(_ partitions: [Int]) {
        change { state in
            for partition in partitions { state.positions[partition] = nil }
            state.control.append(.lost(partitions))
        }
    }

    /// Reads a partition again from an offset, as after an assignment that committed too little.
    func seek(_ partition: Int, to offset: Int) { change { $0.positions[partition] = offset } }

    func failCommits(_ fails: Bool) { state.withLock { $0.commitsFail = fails } }

    private func change(_ body: (inout sending ReaderState<LogEvent<Value>>) -> Void) {
        state.withLock { body(&$0) }
        wake()
    }

    private func wake() { state.withLock { $0.takeWaiter() }?.resume() }

    // MARK: The service's side

    func next() async throws -> LogEvent<Value>? {
        while true {
            await process?.pass()
            try Task.checkCancellation()
            if let step = step() { return step.event }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    state.withLock { $0.waiter = continuation }
                    if Task.isCancelled || hasNext { wake() }
                }
            } onCancel: {
                wake()
            }
        }
    }

    var hasChange: Bool { state.withLock { $0.isClosed || !$0.control.isEmpty } }

    func owns(_ partitions: [Int]) async throws -> Bool {
        await Task.yield()
        await process?.pass()
        // The group knows, whatever has reached this member.
        guard topic.isGiven(partitions, to: self) else { return false }
        return state.withLock { state in
            state.control.isEmpty && partitions.allSatisfy { state.positions[$0] != nil }
        }
    }

    private var hasNext: Bool {
        state.withLock { state in
            state.isClosed || !state.control.isEmpty
                || state.positions.contains { topic.end(of: $0.key) > $0.value }
        }
    }

    private func step() -> (event: LogEvent<Value>?, Void)? {
        state.withLock { state -> (event: LogEvent<Value>?, Void)? in
            if !state.control.isEmpty { return (state.control.removeFirst(), ()) }
            if state.isClosed { return (nil, ()) }
            var messages: [LogMessage<Value>] = []
            for (partition, position) in state.positions.sorted(by: { $0.key < $1.key }) {
                messages += topic.messages(partition, from: position, max: batchMax)
                state.positions[partition] = min(position + batchMax, topic.end(of: partition))
            }
            note(messages)
            return messages.isEmpty ? nil : (.messages(messages), ())
        }
    }

    private func note(_ messages: [LogMessage<Value>]) {
        for message in messages {
            process?.noteDelivery(topic.topic, message.partition, message.offset)
        }
    }

    func completeRevocation() async { completed.withLock { $0 += 1 } }

    func commit(_ offsets: [Int: Int]) async throws {
        await Task.yield()
        if state.withLock({ $0.commitsFail }) { throw FakeOutage() }
        guard let process else { return topic.commit(offsets) }
        try await process.effect("commit", otherwise: FakeOutage()) { () throws(FakeOutage) in
            topic.commit(offsets)
        }
    }

    func ends(of partitions: [Int]) async throws -> [Int: Int] {
        await Task.yield()
        return Dictionary(uniqueKeysWithValues: partitions.map { ($0, topic.end(of: $0)) })
    }

    func close() async {
        change { state in
            if !state.positions.isEmpty {
                state.control.append(.revoked(state.positions.keys.sorted()))
            }
            state.positions = [:]
            state.isClosed = true
        }
    }
}

/// A reader that picks its partitions itself.
final class FakeAssignedLog<Value: Sendable>: AssignedLog {
    private let topic: FakeTopic<Value>
    private let batchMax: Int
    private let process: SimulatedProcess?
    /// Whether assignments are ignored, as by a group that assigns as it likes.
    private let isIdle: Bool
    private let state = Mutex(ReaderState<Never>())

    init(
        _ topic: FakeTopic<Value>, batchMax: Int = 100, process: SimulatedProcess? = nil,
        isIdle: Bool = false
    ) {
        self.topic = topic
        self.batchMax = batchMax
        self.process = process
        self.isIdle = isIdle
        topic.onAppend { [weak self] in self?.wake() }
    }

    var assigned: [Int] { state.withLock { $0.positions.keys.sorted() } }

    /// Reads a partition again from an offset.
    func seek(_ partition: Int, to offset: Int) {
        state.withLock { $0.positions[partition] = offset }
        wake()
    }

    private func wake() { state.withLock { $0.takeWaiter() }?.resume() }

    func next() async throws -> [LogMessage<Value>]? {
        while true {
            await process?.pass()
            try Task.checkCancellation()
            let step = state.withLock { state -> [LogMessage<Value>]?? in
                if state.isClosed { return .some(nil) }
                var messages: [LogMessage<Value>] = []
                for (partition, position) in state.positions.sorted(by: { $0.key < $1.key }) {
                    messages += topic.messages(partition, from: position, max: batchMax)
                    state.positions[partition] = min(position + batchMax, topic.end(of: partition))
                }
                for message in messages {
                    process?.noteDelivery(topic.topic, message.partition, message.offset)
                }
                return messages.isEmpty ? nil : .some(messages)
            }
            if let step { return step }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    state.withLock { $0.waiter = continuation }
                    if Task.isCancelled || hasNext { wake() }
                }
            } onCancel: {
                wake()
            }
        }
    }

    private var hasNext: Bool {
        state.withLock { state in
            state.isClosed || state.positions.contains { topic.end(of: $0.key) > $0.value }
        }
    }

    func assign(_ partitions: [Int]) async throws {
        await Task.yield()
        if isIdle { return }
        state.withLock { state in
            for partition in partitions {
                state.positions[partition] = topic.committed[partition] ?? 0
            }
        }
        wake()
    }

    func unassign(_ partitions: [Int]) async throws {
        await Task.yield()
        state.withLock { state in
            for partition in partitions { state.positions[partition] = nil }
        }
    }

    func ends(of partitions: [Int]) async throws -> [Int: Int] {
        await Task.yield()
        return Dictionary(uniqueKeysWithValues: partitions.map { ($0, topic.end(of: $0)) })
    }

    func commit(_ offsets: [Int: Int]) async throws {
        await Task.yield()
        guard let process else { return topic.commit(offsets) }
        try await process.effect("commit", otherwise: FakeOutage()) { () throws(FakeOutage) in
            topic.commit(offsets)
        }
    }

    func close() async {
        state.withLock { $0.isClosed = true }
        wake()
    }
}

/// What a fake throws that is told to be away.
struct FakeOutage: Error {}
