/// The settings of a cart service.
package struct CartServiceConfiguration: Sendable {
    /// Who raises epochs: a name that people recognise this process by.
    package var owner: String
    /// How many partitions `cart-request` has.
    package var partitionCount: Int
    /// How many partitions `cart-request-response` has; whoever asks to be answered on another is
    /// not answered, as the log would never take it.
    package var replyPartitionCount: Int
    /// How long after a request the inventory may still place its hold.
    package var askWindow: Duration
    /// How long holds last after the shopper's last change of the cart.
    package var holdsFor: Duration
    /// How many batches of requests, and as many of answers, are worked on at a time.
    package var batchesInFlightMax: Int
    /// How many carts are kept in memory; the least recently used go first.
    package var cartsMax: Int
    /// How long a cart that is not used stays in memory.
    package var idleFor: Duration
    /// After how many events a cart's snapshot is written.
    package var snapshotEvery: Int
    /// How long events are kept that a snapshot covers: at least as long as requests are to be
    /// remembered.
    package var historyFor: Duration
    /// How often old events are looked for.
    package var pruneEvery: Duration
    /// How long an obligation waits for its acknowledgement before it is said again, which doubles up to
    /// ``repeatDelayMax``; and an add for its answer before it is stored without.
    ///
    /// Both at the earliest: where the inventory is slow to answer, it is waited for.
    package var repeatDelay: Duration
    /// The longest wait between two repetitions of an obligation, and between two looks whether the
    /// epochs are current.
    package var repeatDelayMax: Duration
    /// How often timers are looked at and offsets are committed.
    package var tick: Duration
    /// How many messages may wait, for carts that are being worked on or for the end of a fence, before
    /// no more are read.
    package var messagesWaitingMax: Int
    /// How long a fenced partition waits for the news that it went to another owner before it is
    /// taken over again; longer than a member's heartbeat, on which that news comes.
    package var fencedWait: Duration

    package init(
        owner: String, partitionCount: Int, replyPartitionCount: Int,
        askWindow: Duration = .seconds(60), holdsFor: Duration = .seconds(15 * 60),
        batchesInFlightMax: Int = 2, cartsMax: Int = 100_000,
        idleFor: Duration = .seconds(600), snapshotEvery: Int = 100,
        historyFor: Duration = .seconds(30 * 86_400), pruneEvery: Duration = .seconds(3_600),
        repeatDelay: Duration = .seconds(2), repeatDelayMax: Duration = .seconds(30),
        tick: Duration = .milliseconds(250), messagesWaitingMax: Int = 10_000,
        fencedWait: Duration = .seconds(2)
    ) {
        self.owner = owner
        self.partitionCount = partitionCount
        self.replyPartitionCount = replyPartitionCount
        self.askWindow = askWindow
        self.holdsFor = holdsFor
        self.batchesInFlightMax = batchesInFlightMax
        self.cartsMax = cartsMax
        self.idleFor = idleFor
        self.snapshotEvery = snapshotEvery
        self.historyFor = historyFor
        self.pruneEvery = pruneEvery
        self.repeatDelay = repeatDelay
        self.repeatDelayMax = repeatDelayMax
        self.tick = tick
        self.messagesWaitingMax = messagesWaitingMax
        self.fencedWait = fencedWait
    }

    /// The partition on which an asker is answered; `nil` for one that is not there.
    func answerable(_ replyPartition: Int?) -> Int? {
        replyPartition.flatMap { (0..<replyPartitionCount).contains($0) ? $0 : nil }
    }
}
