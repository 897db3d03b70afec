import Messages

/// One partition of the carts that this service owns, from takeover to release.
struct CartPartition {
    /// Which of the two topics a message came from.
    enum Source: Hashable {
        case requests, answers
    }

    /// Whether the partition's messages are worked on.
    enum Phase: Equatable {
        case active
        /// It goes to another owner: what was begun is finished, nothing new is begun.
        case draining
        /// Another owner raised the epoch; if it stays ours after all, it is taken over again then.
        case fenced(until: Timestamp)
    }

    /// What a takeover learns.
    struct Takeover {
        let epoch: Int
        /// Messages below these offsets may have been handled by a former owner.
        let replayEnds: [Source: Int]
    }

    let epoch: Int
    /// Tells this ownership from earlier ones of the same partition.
    let incarnation: Int
    var phase = Phase.active
    private let replayEnds: [Source: Int]
    private var trackers: [Source: OffsetTracker] = [:]
    private var committed: [Source: Int] = [:]
    /// How many messages were begun and neither finished nor abandoned.
    private var inFlight = 0
    private var drained: CheckedContinuation<Void, Never>?

    init(_ takeover: Takeover, incarnation: Int) {
        epoch = takeover.epoch
        replayEnds = takeover.replayEnds
        self.incarnation = incarnation
    }

    /// Notes that a message is being worked on.
    ///
    /// - Returns: whether a former owner may have handled it before.
    mutating func begin(_ offset: Int, from source: Source) -> Bool {
        trackers[source, default: OffsetTracker()].begin(offset)
        inFlight += 1
        return offset < replayEnds[source] ?? 0
    }

    /// Notes that a message is done with: what it caused is stored and said.
    mutating func finish(_ offset: Int, from source: Source) {
        trackers[source]?.finish(offset)
        abandon()
    }

    /// Notes that a message is not worked on any more; the next owner reads it again.
    mutating func abandon() {
        inFlight -= 1
        if inFlight == 0 { drained?.resume() }
    }

    /// Stops beginning messages; `continuation` resumes once all that were begun have ended.
    mutating func drain(_ continuation: CheckedContinuation<Void, Never>) {
        phase = .draining
        if inFlight == 0 {
            continuation.resume()
        } else {
            drained = continuation
        }
    }

    /// The offset to commit for a topic, if it moved since it was last taken.
    mutating func takeWatermark(of source: Source) -> Int? {
        guard let watermark = trackers[source]?.watermark, watermark != committed[source] else {
            return nil
        }
        committed[source] = watermark
        return watermark
    }
}
