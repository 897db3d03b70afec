/// Counts latencies in buckets whose width grows with their value, as HdrHistogram does.
///
/// Values are whole microseconds. Up to 2,047 us each has a bucket of its own; above, each doubling is cut
/// into 1,024 buckets of one width. A bucket's values therefore lie within 1/1,024 of each other, and a
/// percentile, told as its bucket's middle, is within 0.05 % of the exact one (nearest rank): three
/// significant digits. Beyond 2^32 us (71 minutes) values count as that.
///
/// Adding is an index and an increment; two histograms merge by adding their counts.
package struct LatencyHistogram: Sendable, Equatable {
    /// Buckets of one doubling.
    private static let half = 1_024
    private static let valueMax = 1 << 32
    private static let bucketCount = index(of: valueMax) + 1

    private var counts = [UInt32](repeating: 0, count: bucketCount)
    /// How many values were added.
    package private(set) var count = 0
    /// The largest value in microseconds, exactly.
    package private(set) var max = 0
    private var sum = 0.0

    package init() {}

    /// Counts a latency in microseconds; a negative one counts as none.
    package mutating func add(_ micros: Int) {
        let value = Swift.min(Swift.max(micros, 0), Self.valueMax)
        counts[Self.index(of: value)] += 1
        count += 1
        sum += Double(value)
        if value > max { max = value }
    }

    /// Adds what another histogram has counted.
    package mutating func merge(_ other: LatencyHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        sum += other.sum
        max = Swift.max(max, other.max)
    }

    /// Forgets everything.
    package mutating func reset() {
        guard count > 0 else { return }
        for index in 0...Self.index(of: max) { counts[index] = 0 }
        count = 0
        sum = 0
        max = 0
    }

    /// The arithmetic mean in microseconds; 0 without values.
    package var mean: Double { count == 0 ? 0 : sum / Double(count) }

    /// The latency in microseconds that a share of the values did not exceed; 0 without values.
    ///
    /// - Parameter share: from 0 to 1; nearest rank.
    package func percentile(_ share: Double) -> Double {
        guard count > 0 else { return 0 }
        let rank = Swift.min(
            Swift.max(Int((share * Double(count)).rounded(.up)), 1), count)
        if rank == count { return Double(max) }
        var seen = 0
        for index in counts.indices {
            seen += Int(counts[index])
            if seen >= rank { return Swift.min(Self.middle(of: index), Double(max)) }
        }
        return Double(max)
    }

    private static func index(of value: Int) -> Int {
        guard value >= 2 * half else { return value }
        // The doubling that begins at 2,048 is the first; its buckets are 2 wide.
        let shift = Int.bitWidth - value.leadingZeroBitCount - 11
        return shift * half + value >> shift
    }

    private static func middle(of index: Int) -> Double {
        guard index >= 2 * half else { return Double(index) }
        let shift = index / half - 1
        let first = (index - shift * half) << shift
        return Double(first) + Double(1 << shift - 1) / 2
    }
}
