package import InventoryDomain

/// The settings of an inventory service.
package struct InventoryServiceConfiguration: Sendable {
    /// How many partitions `inventory-request` has.
    package var partitionCount: Int
    /// How long a hold lasts unless its cart changes.
    package var holdsFor: Duration
    /// When a hold needs the product's lock.
    package var lockRule: LockRule
    /// How many batches are worked on at a time.
    package var batchesInFlightMax: Int
    /// How often a product is tried whose lock somebody else keeps, or whose row refuses the lock's
    /// token, before it is decided without.
    package var busyTriesMax: Int
    /// How often offsets are committed.
    package var tick: Duration
    /// How many messages may wait for products that are being worked on before no more are read.
    package var messagesWaitingMax: Int
    /// How often holds past their time are looked for.
    package var sweepEvery: Duration
    /// When a hold that was proposed to its cart and is still due is proposed again.
    package var proposalDelay: Duration
    /// How many holds one transaction proposes or prunes at most.
    package var sweepMax: Int
    /// How long decisions that hold nothing are remembered; longer than any ask can be repeated.
    package var memoryFor: Duration
    /// How often decisions to forget are looked for.
    package var pruneEvery: Duration

    package init(
        partitionCount: Int, holdsFor: Duration = .seconds(15 * 60),
        lockRule: LockRule = LockRule(), batchesInFlightMax: Int = 2, busyTriesMax: Int = 3,
        tick: Duration = .milliseconds(250), messagesWaitingMax: Int = 10_000,
        sweepEvery: Duration = .seconds(1), proposalDelay: Duration = .seconds(10),
        sweepMax: Int = 2_000, memoryFor: Duration = .seconds(24 * 3_600),
        pruneEvery: Duration = .seconds(60)
    ) {
        self.partitionCount = partitionCount
        self.holdsFor = holdsFor
        self.lockRule = lockRule
        self.batchesInFlightMax = batchesInFlightMax
        self.busyTriesMax = busyTriesMax
        self.tick = tick
        self.messagesWaitingMax = messagesWaitingMax
        self.sweepEvery = sweepEvery
        self.proposalDelay = proposalDelay
        self.sweepMax = sweepMax
        self.memoryFor = memoryFor
        self.pruneEvery = pruneEvery
    }
}
