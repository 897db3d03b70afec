import CartDomain
import Messages

/// Who waits for which outcome, and what is due when.
///
/// A pure machine: the time comes in with each call, and what is to be done comes back as values.
/// A request that stays unanswered is asked again with the same ID (rule L3), after
/// ``Timing/reaskAfter``, then after twice that and so on, as long as somebody waits; but not before
/// the ``AnswerTime/patience`` that answers ask for. Each asker is told once that the request is
/// pending, and the outcome when it comes, until the request is given up.
struct PendingRequests: Sendable {
    /// A request that was sent, or a lookup of one: both are answered under the same ID, but a
    /// lookup may also be answered that the request is pending or unknown.
    struct Key: Hashable, Sendable {
        var cartID: CartID
        var requestID: RequestID
        var isLookup = false
    }

    /// Who waits.
    enum Asker: Hashable, Sendable {
        /// A websocket, by its number; it waits on after it was told that the request is pending.
        case socket(Int)
        /// A REST call, by its number; it takes "pending" for an answer.
        case call(Int)
    }

    struct Waiter: Hashable, Sendable {
        let asker: Asker
        let askedAt: Timestamp
        let pendingAt: Timestamp
        var wasTold = false
    }

    struct Timing: Sendable {
        var reaskAfter: Duration
        var reaskIntervalMax: Duration
        var pendingAfter: Duration
        var giveUpAfter: Duration
    }

    /// What becomes of a request.
    enum Admission: Equatable {
        /// It is new and has to be sent.
        case new
        /// The same request is under way; its outcome is for this asker too.
        case joined
        /// Another request is under way with this ID.
        case conflict
        /// Too many wait already.
        case full
    }

    /// What time has brought.
    enum Event: Equatable {
        case askAgain(CartRequest)
        case tellPending(Waiter, Key)
        case giveUp(Waiter, Key)
    }

    private struct Entry {
        let request: CartRequest
        let sentAt: Timestamp
        var waiters: [Waiter]
        var interval: Duration
        var askAt: Timestamp
        var giveUpAt: Timestamp
        /// When the entry's one valid item in the heap is due.
        var queuedAt: Timestamp

        var untoldCount: Int { waiters.count { !$0.wasTold } }
    }

    private let timing: Timing
    private let waitersMax: Int
    private var entries: [Key: Entry] = [:]
    private var deadlines = DeadlineHeap<Key>()
    private var answerTime: AnswerTime
    /// How many wait.
    private(set) var waiterCount = 0
    /// How many wait that were told nothing yet.
    private(set) var untoldCount = 0

    init(timing: Timing, waitersMax: Int) {
        precondition(
            timing.reaskAfter >= .milliseconds(10) && timing.reaskIntervalMax >= timing.reaskAfter,
            "requests would be asked again without a pause")
        self.timing = timing
        answerTime = AnswerTime(limits: timing.reaskAfter...timing.reaskIntervalMax)
        self.waitersMax = waitersMax
    }

    /// When something may be due next.
    var nextDeadline: Timestamp? { deadlines.earliest }

    /// Lets an asker wait for a request's outcome.
    mutating func admit(_ request: CartRequest, by asker: Asker, now: Timestamp) -> Admission {
        let key = Key(request)
        guard waiterCount < waitersMax else { return .full }
        let waiter = Waiter(
            asker: asker, askedAt: now, pendingAt: now + timing.pendingAfter)
        guard var entry = entries[key] else {
            let interval = answerTime.patience
            let askAt = now + interval
            let queuedAt = min(askAt, waiter.pendingAt)
            entries[key] = Entry(
                request: request, sentAt: now, waiters: [waiter], interval: interval, askAt: askAt,
                giveUpAt: now + timing.giveUpAfter, queuedAt: queuedAt)
            deadlines.insert(key, due: queuedAt)
            count(1)
            return .new
        }
        guard entry.request.action == request.action else { return .conflict }
        entry.waiters.append(waiter)
        entry.giveUpAt = now + timing.giveUpAfter
        if waiter.pendingAt < entry.queuedAt {
            entry.queuedAt = waiter.pendingAt
            deadlines.insert(key, due: waiter.pendingAt)
        }
        entries[key] = entry
        count(1)
        return .joined
    }

    /// Forgets a new request that could not be sent.
    mutating func withdraw(_ request: CartRequest) { _ = take(Key(request)) }

    /// Whether somebody waits for a request's outcome.
    func isAwaited(_ key: Key) -> Bool { entries[key] != nil }

    /// Takes those who wait for a request's outcome, which has come; `nil` if nobody does.
    mutating func settle(_ key: Key, now: Timestamp) -> [Waiter]? {
        guard let entry = take(key) else { return nil }
        answerTime.note(from: entry.sentAt, to: now)
        return entry.waiters
    }

    /// Finds what is due, and forgets askers that are gone.
    ///
    /// - Parameters:
    ///   - isThere: whether an asker still waits.
    ///   - generator: spreads the repeated asks of many requests.
    mutating func advance(
        to now: Timestamp, isThere: (Asker) -> Bool,
        using generator: inout some RandomNumberGenerator
    ) -> [Event] {
        var events: [Event] = []
        while let (due, key) = deadlines.popDue(by: now) {
            guard entries[key]?.queuedAt == due, var entry = take(key) else { continue }
            entry.waiters.removeAll { !isThere($0.asker) }
            if entry.giveUpAt <= now {
                events += entry.waiters.map { .giveUp($0, key) }
                continue
            }
            tellPending(&entry, key, now: now, into: &events)
            guard !entry.waiters.isEmpty else { continue }
            let lostAt = entry.sentAt + answerTime.patience
            if entry.askAt <= now, lostAt <= now {
                events.append(.askAgain(entry.request))
                entry.interval = min(entry.interval * 2, timing.reaskIntervalMax)
                entry.askAt = now + entry.interval * Double.random(in: 0.8...1.2, using: &generator)
            }
            entry.askAt = max(entry.askAt, lostAt)
            let pendingAt = entry.waiters.lazy.filter { !$0.wasTold }.map(\.pendingAt).min()
            entry.queuedAt = min(entry.askAt, entry.giveUpAt, pendingAt ?? entry.askAt)
            put(entry, at: key)
        }
        return events
    }

    /// Takes every waiter, when nobody will be answered any more.
    mutating func takeAll() -> [Waiter] {
        let waiters = entries.values.flatMap(\.waiters)
        entries = [:]
        waiterCount = 0
        untoldCount = 0
        return waiters
    }

    private func tellPending(
        _ entry: inout Entry, _ key: Key, now: Timestamp, into events: inout [Event]
    ) {
        for index in entry.waiters.indices
        where !entry.waiters[index].wasTold && entry.waiters[index].pendingAt <= now {
            entry.waiters[index].wasTold = true
            events.append(.tellPending(entry.waiters[index], key))
        }
        entry.waiters.removeAll { waiter in
            if case .call = waiter.asker { waiter.wasTold } else { false }
        }
    }

    private mutating func take(_ key: Key) -> Entry? {
        guard let entry = entries.removeValue(forKey: key) else { return nil }
        waiterCount -= entry.waiters.count
        untoldCount -= entry.untoldCount
        return entry
    }

    private mutating func put(_ entry: Entry, at key: Key) {
        entries[key] = entry
        waiterCount += entry.waiters.count
        untoldCount += entry.untoldCount
        deadlines.insert(key, due: entry.queuedAt)
    }

    private mutating func count(_ waiters: Int) {
        waiterCount += waiters
        untoldCount += waiters
    }
}

extension PendingRequests.Key {
    /// The key under which a request is answered.
    init(_ request: CartRequest) {
        self.init(
            cartID: request.cartID, requestID: request.requestID,
            isLookup: request.action == .lookup)
    }
}
