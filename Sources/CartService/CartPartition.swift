import Messages

/// One partition of the carts that this service owns, from takeover to release; the engine's own.
final class CartPartition {
    /// Whether the partition's messages are worked on.
    enum Phase: Equatable {
        case active
        /// It goes to another owner: what was begun is finished, nothing new is begun.
        case draining
        /// It goes to another owner, which is left all that is not stored: were a later message of a
        /// cart finished here and an earlier one there, they would have changed places.
        case abandoned
        /// Another owner raised the epoch: messages are kept aside until it turns out whose it is.
        case fenced(until: Timestamp)
    }

    /// Whether it goes to another owner.
    var isLeaving: Bool { phase == .draining || phase == .abandoned }

    /// Tells this ownership from earlier ones of the same partition.
    let incarnation: Int
    var epoch: Int
    /// For each topic, the offset below which a former owner may have handled messages.
    var replayEnds: [Topic: Int]
    var phase = Phase.active
    var work = PartitionWork()
    /// Messages that were begun and wait, in order, for the end of the fence.
    var parked: [CartEngine.Input] = []

    init(incarnation: Int, epoch: Int, replayEnds: [Topic: Int]) {
        self.incarnation = incarnation
        self.epoch = epoch
        self.replayEnds = replayEnds
    }

    /// Leaves what is not stored to the next owner; nobody waits for it any more.
    func abandon() {
        phase = .abandoned
        work.end()
    }
}
