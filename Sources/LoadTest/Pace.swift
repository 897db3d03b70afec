/// Says when requests are due, and no more than may be in flight.
///
/// With a rate it is an open loop: request `n` is intended for the `n`th instant of an even raster, whatever
/// became of those before it. If it leaves later, because too many are in flight or because the generator
/// was late, its latency still counts from the intended instant: a server that stalls is charged for
/// everybody who would have come meanwhile (no coordinated omission). Without a rate a request is intended
/// for the moment in which another one was answered.
///
/// All instants are nanoseconds of one clock that the caller reads: tests use a clock of their own.
package struct Pace: Sendable {
    /// Requests per second; `nil` for as many as are answered.
    package let rate: Double?
    /// How many may be unanswered.
    package let inFlightMax: Int
    /// The last request is intended for before this instant.
    package private(set) var end: UInt64
    /// How many requests there are at most.
    package private(set) var countMax: Int
    /// How many are intended for each instant: shoppers who race come together.
    package let burst: Int

    private let start: UInt64
    /// How many requests were handed out.
    package private(set) var count = 0
    /// How many of those are unanswered.
    package private(set) var inFlight = 0

    package init(
        rate: Double?, inFlightMax: Int, start: UInt64, end: UInt64 = .max,
        countMax: Int = .max, burst: Int = 1
    ) {
        self.rate = rate
        self.inFlightMax = inFlightMax
        self.start = start
        self.end = end
        self.countMax = countMax
        self.burst = burst
    }

    /// The instant for which the next request is intended; `nil` once all have been.
    ///
    /// Without a rate it is `now`.
    package func intended(now: UInt64) -> UInt64? {
        guard count < countMax else { return nil }
        var instant = Swift.max(now, start)
        if let rate {
            let step = Double(count / burst * burst) / rate * 1_000_000_000
            // A rate of nearly nothing is due beyond all time.
            guard step < 9e18 else { return nil }
            instant = start + UInt64(step)
        }
        return instant < end ? instant : nil
    }

    /// Takes the next request if it is due and may leave; the instant for which it is intended.
    package mutating func next(now: UInt64) -> UInt64? {
        guard inFlight < inFlightMax, let intended = intended(now: now), intended <= now
        else { return nil }
        count += 1
        inFlight += 1
        return intended
    }

    /// Notes that a request was answered, or never will be.
    package mutating func answered(_ count: Int = 1) { inFlight -= count }

    /// Takes a request that will not leave any more although it was due; the instant intended for it.
    package mutating func nextUnsent(now: UInt64) -> UInt64? {
        guard rate != nil, let intended = intended(now: now), intended <= now else { return nil }
        count += 1
        return intended
    }

    /// Hands nothing out any more.
    package mutating func stop(now: UInt64) {
        end = Swift.min(end, now)
        countMax = count
    }

    /// Whether nothing is left to hand out.
    package func isOver(now: UInt64) -> Bool { intended(now: now) == nil }
}
