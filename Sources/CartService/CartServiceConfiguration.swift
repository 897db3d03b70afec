/// The settings of a cart service.
package struct CartServiceConfiguration: Sendable {
    /// Who raises epochs: a name that people recognise this process by.
    package var owner: String
    /// How many partitions `cart-request` has.
    package var partitionCount: Int
    /// How long after a request the inventory may still place its hold.
    package var askWindow: Duration
    /// How many batches of requests, and as many of answers, are worked on at a time.
    package var batchesInFlightMax: Int
    /// How many carts are kept in memory; the least recently used go first.
    package var cartsMax: Int
    /// How long an obligation waits for its acknowledgement before it is said again; doubles up to
    /// ``repeatDelayMax``.
    package var repeatDelay: Duration
    /// The longest wait between two repetitions of an obligation.
    package var repeatDelayMax: Duration
    /// How often timers are looked at and offsets are committed.
    package var tick: Duration

    package init(
        owner: String, partitionCount: Int, askWindow: Duration = .seconds(60),
        batchesInFlightMax: Int = 2, cartsMax: Int = 100_000,
        repeatDelay: Duration = .seconds(2), repeatDelayMax: Duration = .seconds(30),
        tick: Duration = .milliseconds(250)
    ) {
        self.owner = owner
        self.partitionCount = partitionCount
        self.askWindow = askWindow
        self.batchesInFlightMax = batchesInFlightMax
        self.cartsMax = cartsMax
        self.repeatDelay = repeatDelay
        self.repeatDelayMax = repeatDelayMax
        self.tick = tick
    }
}
