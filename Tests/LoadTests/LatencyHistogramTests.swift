import Testing

@testable import LoadTest

@Suite struct LatencyHistogramTests {
    private static let shares = [0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1]

    /// Values of very different sizes, as many of each size.
    private static func values(_ seed: UInt64, count: Int) -> [Int] {
        var random = SplitMix64(state: seed)
        return (0..<count).map { _ in
            Int(random.next() % (1 << UInt64(Int.random(in: 1...31, using: &random))))
        }
    }

    private static func exact(_ sorted: [Int], _ share: Double) -> Double {
        let rank = Int((share * Double(sorted.count)).rounded(.up))
        return Double(sorted[min(max(rank, 1), sorted.count) - 1])
    }

    @Test(arguments: 1...60)
    func `a percentile is within a two-thousandth of the exact one`(seed: UInt64) {
        let values = Self.values(seed, count: 1 + Int(seed * seed))
        var histogram = LatencyHistogram()
        for value in values { histogram.add(value) }
        let sorted = values.sorted()
        for share in Self.shares {
            let (told, exact) = (histogram.percentile(share), Self.exact(sorted, share))
            #expect(abs(told - exact) <= exact / 2_048, "\(share): \(told), exactly \(exact)")
        }
        #expect(histogram.max == sorted.last)
        let mean = Double(values.reduce(0, +)) / Double(values.count)
        #expect(abs(histogram.mean - mean) <= mean / 1e9)
    }

    @Test func `small values are told exactly`() {
        for value in 0..<2_048 {
            var histogram = LatencyHistogram()
            histogram.add(value)
            histogram.add(1 << 30)
            #expect(histogram.percentile(0.5) == Double(value))
        }
    }

    @Test func `the edges of the buckets are where the error is largest, and within the bound`() {
        for shift in 11..<32 {
            for offset in [-1, 0, 1, 1 << (shift - 10) - 1, 1 << (shift - 10)] {
                let value = 1 << shift + offset
                var histogram = LatencyHistogram()
                histogram.add(value)
                histogram.add(1 << 32)
                let told = histogram.percentile(0.5)
                #expect(abs(told - Double(value)) <= Double(value) / 2_048, "\(value): \(told)")
            }
        }
    }

    @Test func `merging is as good as adding everything to one`() {
        var (merged, whole) = (LatencyHistogram(), LatencyHistogram())
        for seed in 1...8 {
            var part = LatencyHistogram()
            for value in Self.values(UInt64(seed), count: 500) {
                part.add(value)
                whole.add(value)
            }
            merged.merge(part)
        }
        #expect(merged == whole)
    }

    @Test func `nothing is left after a reset, and an empty one says zero`() {
        var histogram = LatencyHistogram()
        #expect(histogram.percentile(0.99) == 0)
        #expect(histogram.mean == 0)
        for value in Self.values(7, count: 1_000) { histogram.add(value) }
        histogram.reset()
        #expect(histogram == LatencyHistogram())
    }

    @Test func `what is out of range counts as its end`() {
        var histogram = LatencyHistogram()
        histogram.add(-5)
        #expect(histogram.percentile(1) == 0)
        histogram.add(1 << 40)
        #expect(histogram.max == 1 << 32)
    }
}
