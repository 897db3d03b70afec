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

    package init(
        partitionCount: Int, holdsFor: Duration = .seconds(15 * 60),
        lockRule: LockRule = LockRule(), batchesInFlightMax: Int = 2, busyTriesMax: Int = 3,
        tick: Duration = .milliseconds(250), messagesWaitingMax: Int = 10_000
    ) {
        self.partitionCount = partitionCount
        self.holdsFor = holdsFor
        self.lockRule = lockRule
        self.batchesInFlightMax = batchesInFlightMax
        self.busyTriesMax = busyTriesMax
        self.tick = tick
        self.messagesWaitingMax = messagesWaitingMax
    }
}
