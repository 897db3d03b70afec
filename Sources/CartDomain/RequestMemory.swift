package import Messages

/// How a request ended, fixed for ever once it is not pending.
package enum Outcome: Hashable, Sendable {
    case pending
    case accepted
    /// Every item has its outcome.
    case settled([ItemOutcome])
    /// `available` is what the inventory had, where it was asked.
    case rejected(RejectionReason, available: Int?)
}

/// The latest requests of a cart, with what they asked for and how they ended.
///
/// Nothing is forgotten before ``forgetOldest()`` says so, so that whoever decides several requests
/// knows to the last what it knew when it began.
package struct RequestMemory: Hashable, Sendable {
    /// A request that was met.
    package struct Entry: Hashable, Sendable {
        /// What it asked for; `nil` where that is not known, which is taken for the same as anything.
        package let fingerprint: Fingerprint?
        package internal(set) var outcome: Outcome

        /// Whether a request that asks for this is the same.
        package func matches(_ fingerprint: Fingerprint) -> Bool {
            self.fingerprint == nil || self.fingerprint == fingerprint
        }
    }

    /// Whether a request has been forgotten; an unknown one must then be looked up.
    package private(set) var hasForgotten = false

    private let capacity: Int
    private var entries: [RequestID: Entry] = [:]
    /// The requests that are not pending, oldest first.
    private var settled: ArraySlice<RequestID> = []

    init(capacity: Int) { self.capacity = capacity }

    /// One that has forgotten everything but what is pending.
    init(capacity: Int, pending: [(RequestID, Fingerprint?)]) {
        self.capacity = capacity
        hasForgotten = true
        for (requestID, fingerprint) in pending {
            entries[requestID] = Entry(fingerprint: fingerprint, outcome: .pending)
        }
    }

    package subscript(requestID: RequestID) -> Entry? { entries[requestID] }

    /// Notes a request that was not met before; a pending one is kept until it is settled.
    mutating func insert(
        _ requestID: RequestID, _ fingerprint: Fingerprint?, _ outcome: Outcome
    ) {
        entries[requestID] = Entry(fingerprint: fingerprint, outcome: outcome)
        if outcome != .pending { settled.append(requestID) }
    }

    mutating func settle(_ requestID: RequestID, _ outcome: Outcome) {
        entries[requestID]?.outcome = outcome
        settled.append(requestID)
    }

    /// Forgets the oldest of those that are not pending, if there are more than it is to remember.
    mutating func forgetOldest() {
        while settled.count > capacity {
            entries[settled.removeFirst()] = nil
            hasForgotten = true
        }
    }
}

extension RequestMemory.Entry {
    /// What became of a request that the cart has forgotten.
    ///
    /// - Parameter events: those that bear the request's ID, and those that bear the IDs of its parts.
    /// - Returns: `nil` if there are none.
    package init?(forgotten requestID: RequestID, by events: [CartEvent]) {
        var entry: Self?
        for event in events where event.requestID == requestID {
            switch event.kind {
            case .added(let request):
                entry = Self(fingerprint: request.fingerprint, outcome: .accepted)
            case .addRequested(let request):
                // Forgotten means settled; without an event of its own, a removal cancelled it.
                entry = Self(
                    fingerprint: request.fingerprint,
                    outcome: .rejected(.cancelled, available: nil))
            case .addConfirmed:
                entry?.outcome = .accepted
            case .addRefused(let reason, let available):
                entry?.outcome = .rejected(reason, available: available)
            case .removed(let removal):
                entry = Self(fingerprint: removal.fingerprint, outcome: .accepted)
            case .accepted(let fingerprint):
                entry = Self(fingerprint: fingerprint, outcome: .accepted)
            case .changed(let change):
                entry = Self(fingerprint: change.fingerprint, outcome: .accepted)
            case .rejected(let fingerprint, let reason):
                entry = Self(
                    fingerprint: fingerprint, outcome: .rejected(reason, available: nil))
            case .itemsRequested(let group):
                entry = Self(
                    fingerprint: group.fingerprint,
                    outcome: .settled(Self.settled(group.items, of: requestID, by: events)))
            case .mergeRequested(let merge):
                entry = Self(fingerprint: merge.fingerprint, outcome: .pending)
            case .disowned:
                entry = Self(fingerprint: nil, outcome: .rejected(.tooLate, available: nil))
            case .handedOver, .countriesSet:
                entry = Self(fingerprint: nil, outcome: .accepted)
            case .expired, .shrunk:
                break
            }
        }
        guard let entry else { return nil }
        self = entry
    }

    private static func settled(
        _ items: [ItemOutcome], of requestID: RequestID, by events: [CartEvent]
    ) -> [ItemOutcome] {
        items.enumerated().map { index, item in
            let part = requestID.part(index + 1)
            guard item.status == .pending,
                let entry = Self(forgotten: part, by: events.filter { $0.requestID == part })
            else { return item }
            return item.settled(entry.outcome)
        }
    }
}

extension ItemOutcome {
    /// The item with what became of the part of the request that it waited for.
    func settled(_ outcome: Outcome) -> ItemOutcome {
        var item = self
        switch outcome {
        case .accepted: item.status = .accepted
        case .rejected(let reason, let available):
            item.status = .rejected
            item.reason = reason
            item.available = available
        case .pending, .settled: break
        }
        return item
    }
}
