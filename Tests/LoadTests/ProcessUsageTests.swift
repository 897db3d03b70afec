import Testing

@testable import LoadTest

@Suite struct ProcessUsageTests {
    @Test func `a process may be called anything`() throws {
        let tail = (3...52).map { $0 == 3 ? "S" : "\($0 * 10)" }.joined(separator: " ")
        for name in ["postgres", "a b", "x) R 1 (y", ")"] {
            let stat = try #require(ProcessStat("4711 (\(name)) \(tail)\n"))
            #expect(stat.parent == 40)
            #expect(stat.ticks == 290)
            #expect(stat.ticksOfEndedChildren == 330)
        }
        #expect(ProcessStat("") == nil)
        #expect(ProcessStat("1 (x) S 1") == nil)
    }

    @Test func `the machine's busy time leaves out idling and waiting`() {
        let text = "cpu  100 20 30 9000 500 6 7 8 0 0\ncpu0 1 1 1 1 1 1 1\n"
        #expect(UsageSample.busySeconds(text) * UsageSample.ticksPerSecond == 163)
        #expect(UsageSample.busySeconds("") == 0)
    }

    @Test func `this process uses CPU and memory, and counts as the load generator`() throws {
        var meter = UsageMeter([])
        meter.begin()
        var histogram = LatencyHistogram()
        for value in 0..<100_000 { histogram.add(value) }
        meter.end()
        let usage = meter.usage
        #expect(usage.map(\.name) == ["load generator", "rest of the machine"])
        #expect(histogram.count == 100_000)
        #expect(usage[0].cpuSeconds > 0)
        #expect(usage[0].memoryBytes > 0)
    }
}
