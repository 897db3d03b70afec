import Synchronization
import Telemetry
import Threading

/// What a consumer and its thread share; the thread runs ``run()``.
///
/// The thread waits in librdkafka for control events, so that the member answers rebalances and
/// stays in the group however slow its application is. It never touches messages: ``take()`` does,
/// on the caller's thread.
final class ConsumerCore: Sendable {
    /// What others ask of the thread.
    enum Command: Sendable {
        case assign([TopicPartition: StartOffset], Promise<Void>)
        case unassign([TopicPartition], Promise<Void>)
        case release(revocation: UInt)
        case close(ContinuousClock.Instant)
    }

    private struct Shared: Sendable {
        var handle: ConsumerHandle?
        var commands: [Command] = []
        var commits: [UInt: Promise<Void>] = [:]
        var lastID: UInt = 0
        var revocations: [UInt: [TopicPartition]] = [:]
    }

    /// How long the thread waits at most: what `max.poll.interval.ms` allows, many times over.
    private static let pollTimeout: Duration = .seconds(30)
    /// How long leaving the group may take once the application had its time.
    private static let leavePatience: Duration = .seconds(2)

    let signal: ConsumerSignal
    let ended = Broadcast()
    private let context: ClientContext
    private let isEager: Bool
    private let consumed: Counter
    private let shared: Mutex<Shared>

    init(
        handle: ConsumerHandle, signal: ConsumerSignal, isEager: Bool, consumed: Counter
    ) {
        self.signal = signal
        context = handle.client.context
        self.isEager = isEager
        self.consumed = consumed
        shared = Mutex(Shared(handle: handle))
    }

    // MARK: Any thread

    /// Gives the thread something to do.
    ///
    /// - Returns: whether there still is a thread to do it.
    @discardableResult
    func tell(_ command: Command) -> Bool {
        let handle = shared.withLock { shared -> ConsumerHandle? in
            if shared.handle != nil { shared.commands.append(command) }
            return shared.handle
        }
        handle?.wake()
        return handle != nil
    }

    /// The client, until it is closed.
    func handle() throws(KafkaError) -> ConsumerHandle {
        guard let handle = shared.withLock({ $0.handle }) else { throw KafkaError.closed() }
        return handle
    }

    func commit(_ offsets: [TopicPartition: Int64], _ promise: Promise<Void>) {
        let (handle, id) = shared.withLock { shared -> (ConsumerHandle?, UInt) in
            shared.lastID += 1
            if shared.handle != nil { shared.commits[shared.lastID] = promise }
            return (shared.handle, shared.lastID)
        }
        do throws(KafkaError) {
            guard let handle else { throw KafkaError.closed() }
            try handle.commit(offsets, id: id)
        } catch {
            finishCommit(id)?.fail(error)
            promise.fail(error)
        }
    }

    /// Takes messages for ``KafkaConsumer/next()``.
    func take(
        messagesMax: Int, bytesMax: Int, wanted: Set<TopicPartition>
    ) -> KafkaConsumerEvent? {
        guard let handle = shared.withLock({ $0.handle }) else { return nil }
        let taken = handle.take(messagesMax: messagesMax, bytesMax: bytesMax, wanted: wanted)
        for error in taken.errors { report(error) }
        if !taken.messages.isEmpty {
            consumed.increment(by: taken.messages.count)
            context.connection.markUp()
        }
        return signal.update { $0.took(taken.messages, more: taken.more) }
    }

    private func finishCommit(_ id: UInt) -> Promise<Void>? {
        shared.withLock { $0.commits.removeValue(forKey: id) }
    }

    private func report(_ error: KafkaError) {
        if error.isFatal {
            context.reportFatal(error)
            signal.change { $0.fail(error) }
        } else {
            context.report(error)
        }
    }

    // MARK: The thread

    func run() {
        guard let handle = try? self.handle() else { return }
        var closeBy: ContinuousClock.Instant?
        while true {
            let commands = shared.withLock { shared in
                let commands = shared.commands
                shared.commands = []
                return commands
            }
            for command in commands {
                if case .close(let deadline) = command {
                    if closeBy == nil {
                        closeBy = deadline
                        if !beginClosing(handle) { closeBy = .now - Self.leavePatience }
                    }
                } else {
                    execute(command, handle)
                }
            }
            var timeout = Self.pollTimeout
            if let deadline = closeBy {
                let now = ContinuousClock.now
                if handle.isClosed || now >= deadline + Self.leavePatience { break }
                if now >= deadline {
                    releaseAll(handle)
                    timeout = deadline + Self.leavePatience - now
                } else {
                    timeout = deadline - now
                }
            }
            take(handle.poll(timeout: timeout), handle)
        }
        finish()
    }

    /// - Returns: whether there is a group to leave in good order.
    private func beginClosing(_ handle: ConsumerHandle) -> Bool {
        signal.change { $0.beginClosing() }
        do throws(KafkaError) {
            try handle.beginClosing()
            return true
        } catch {
            return false
        }
    }

    private func finish() {
        let (commands, commits) = shared.withLock { shared in
            shared.handle = nil
            let left = (shared.commands, shared.commits)
            shared.commands = []
            shared.commits = [:]
            shared.revocations = [:]
            return left
        }
        for commit in commits.values { commit.fail(KafkaError.closed()) }
        for command in commands {
            switch command {
            case .assign(_, let promise), .unassign(_, let promise):
                promise.fail(KafkaError.closed())
            case .release, .close:
                break
            }
        }
        signal.change { $0.close() }
        ended.complete()
    }

    private func execute(_ command: Command, _ handle: ConsumerHandle) {
        switch command {
        case .assign(let partitions, let promise):
            answer(promise) { () throws(KafkaError) in
                // First here, so that no message is taken for stale.
                let added = signal.update { $0.add(partitions.keys) }
                do throws(KafkaError) {
                    try handle.assign(partitions.mapValues(\.rawOffset), isEager: false)
                } catch {
                    signal.update { $0.unassign(added) }
                    throw error
                }
            }
        case .unassign(let partitions, let promise):
            answer(promise) { () throws(KafkaError) in
                try handle.unassign(partitions, isEager: false)
                signal.update { $0.unassign(partitions) }
            }
        case .release(let revocation):
            release(revocation, handle)
        case .close:
            break
        }
    }

    private func answer(_ promise: Promise<Void>, _ body: () throws(KafkaError) -> Void) {
        do throws(KafkaError) {
            try body()
            promise.succeed(())
        } catch {
            promise.fail(error)
        }
    }

    private func take(_ event: ConsumerHandle.Event, _ handle: ConsumerHandle) {
        switch event {
        case .assign(let partitions):
            context.note("partitions assigned", ["partitions": text(partitions)])
            // Told before librdkafka is: no message can overtake the news.
            signal.change { $0.assign(partitions) }
            let start = StartOffset.committed.rawOffset
            attempt("assign") { () throws(KafkaError) in
                try handle.assign(
                    Dictionary(uniqueKeysWithValues: partitions.map { ($0, start) }),
                    isEager: isEager)
            }
        case .revoke(let partitions, areLost: true):
            context.warn("partitions lost", ["partitions": text(partitions)])
            signal.change { $0.lose(partitions) }
            unassign(partitions, handle)
        case .revoke(let partitions, areLost: false):
            context.note("partitions revoked", ["partitions": text(partitions)])
            if partitions.isEmpty {
                unassign(partitions, handle)
            } else {
                revoke(partitions)
            }
        case .committed(let id, let error):
            if let error { context.count(error) }
            finishCommit(id)?.complete(error.map { .failure($0) } ?? .success(()))
        case .message(let message):
            signal.change { $0.take(message) }
        case .error(let error):
            report(error)
        case .statistics(let brokerIsUp):
            context.connection.observe(brokerIsUp: brokerIsUp)
        case .none:
            break
        }
    }

    private func revoke(_ partitions: [TopicPartition]) {
        let id = shared.withLock { shared in
            shared.lastID += 1
            shared.revocations[shared.lastID] = partitions
            return shared.lastID
        }
        let revocation = KafkaRevocation { [weak self] in
            self?.tell(.release(revocation: id))
        }
        signal.change { $0.revoke(partitions, revocation) }
    }

    private func release(_ revocation: UInt, _ handle: ConsumerHandle) {
        guard
            let partitions = shared.withLock({ $0.revocations.removeValue(forKey: revocation) })
        else { return }
        signal.update { $0.unassign(partitions) }
        unassign(partitions, handle)
    }

    private func releaseAll(_ handle: ConsumerHandle) {
        let left = shared.withLock { Array($0.revocations.keys) }
        for revocation in left {
            context.warn("revocation not completed in time", [:])
            release(revocation, handle)
        }
    }

    private func unassign(_ partitions: [TopicPartition], _ handle: ConsumerHandle) {
        attempt("unassign") { () throws(KafkaError) in
            try handle.unassign(partitions, isEager: isEager)
        }
    }

    private func attempt(_ action: String, _ body: () throws(KafkaError) -> Void) {
        do throws(KafkaError) {
            try body()
        } catch {
            context.report(error, about: action)
        }
    }

    private func text(_ partitions: [TopicPartition]) -> String {
        partitions.sorted().map(\.description).joined(separator: " ")
    }
}
