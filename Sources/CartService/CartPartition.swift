import Messages

/// One partition of the carts that this service owns, from takeover to release.
struct CartPartition {
    /// Whether the partition's messages are worked on.
    enum Phase: Equatable {
        case active
        /// It goes to another owner: what was begun is finished, nothing new is begun.
        case draining
        /// Another owner raised the epoch: messages are kept aside until it turns out whose it is.
        case fenced(until: Timestamp)
    }

    /// Tells this ownership from earlier ones of the same partition.
    let incarnation: Int
    var epoch: Int
    /// For each topic, the offset below which a former owner may have handled messages.
    var replayEnds: [Topic: Int]
    var phase = Phase.active
    var work = PartitionWork()
    /// Messages that were begun and wait, in order, for the end of the fence.
    var parked: [CartEngine.Input] = []
}
