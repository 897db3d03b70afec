import Messages

/// One partition of the carts that this service owns, from takeover to release.
struct CartPartition {
    /// Whether the partition's messages are worked on.
    enum Phase: Equatable {
        case active
        /// It goes to another owner: what was begun is finished, nothing new is begun.
        case draining
        /// Another owner raised the epoch; if it stays ours after all, it is taken over again then.
        case fenced(until: Timestamp)
    }

    let epoch: Int
    /// Tells this ownership from earlier ones of the same partition.
    let incarnation: Int
    /// For each topic, the offset below which a former owner may have handled messages.
    let replayEnds: [Topic: Int]
    var phase = Phase.active
    var work = PartitionWork()
}
