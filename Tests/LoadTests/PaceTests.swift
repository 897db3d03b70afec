import Testing

@testable import LoadTest

@Suite struct PaceTests {
    private static let millisecond: UInt64 = 1_000_000
    private static let second: UInt64 = 1_000_000_000

    @Test func `requests are due on an even raster, however late they are taken`() {
        var pace = Pace(rate: 1_000, inFlightMax: 10_000, start: 5 * Self.second)
        #expect(pace.next(now: 4 * Self.second) == nil)
        let late = 7 * Self.second
        for number in 0..<500 {
            #expect(pace.next(now: late) == 5 * Self.second + UInt64(number) * Self.millisecond)
        }
    }

    @Test func `the raster does not drift over a day`() {
        let pace = Pace(rate: 3, inFlightMax: 1, start: 0, end: .max)
        var taken = pace
        for _ in 0..<3 * 86_400 {
            _ = taken.next(now: .max)
            taken.answered()
        }
        #expect(taken.intended(now: 0) == 86_400 * Self.second)
    }

    @Test func `rivals come at the same instant`() {
        var pace = Pace(rate: 100, inFlightMax: 100, start: 0, countMax: 9, burst: 3)
        let instants = (0..<9).map { _ in pace.next(now: Self.second) }
        #expect(
            instants == [0, 0, 0, 30, 30, 30, 60, 60, 60].map { $0 * Self.millisecond })
        #expect(pace.next(now: Self.second) == nil)
        #expect(pace.isOver(now: Self.second))
    }

    @Test func `no more than allowed are in flight, and the raster stays`() {
        var pace = Pace(rate: 1_000, inFlightMax: 2, start: 0)
        #expect(pace.next(now: Self.second) == 0)
        #expect(pace.next(now: Self.second) == Self.millisecond)
        #expect(pace.next(now: Self.second) == nil)
        pace.answered()
        #expect(pace.next(now: 2 * Self.second) == 2 * Self.millisecond)
    }

    @Test func `without a rate a request is intended for the moment there is room`() {
        var pace = Pace(rate: nil, inFlightMax: 1, start: 0, end: Self.second)
        #expect(pace.next(now: 10) == 10)
        #expect(pace.next(now: 20) == nil)
        pace.answered()
        #expect(pace.next(now: 30) == 30)
        pace.answered()
        #expect(pace.next(now: Self.second) == nil)
        #expect(pace.isOver(now: Self.second))
    }

    @Test func `what is due and never leaves is known at the end`() {
        var pace = Pace(rate: 10, inFlightMax: 3, start: 0, end: Self.second)
        while pace.next(now: Self.second) != nil {}
        var unsent = 0
        while pace.nextUnsent(now: Self.second) != nil { unsent += 1 }
        #expect(unsent == 7)
        #expect(pace.inFlight == 3)
        #expect(pace.isOver(now: Self.second))
    }

    /// A server that answers in a millisecond, but for one second in which it does nothing.
    private struct StallingServer {
        static let stall = 3 * second..<4 * second

        static func answers(at sent: UInt64) -> UInt64 {
            let done = sent + millisecond
            return stall.contains(sent) || stall.contains(done)
                ? stall.upperBound + millisecond : done
        }
    }

    /// Asks for 10 seconds at 100/s, in steps of a millisecond, and measures from `from`.
    private static func run(
        inFlightMax: Int, from: (_ intended: UInt64, _ sent: UInt64) -> UInt64
    ) -> LatencyHistogram {
        var pace = Pace(rate: 100, inFlightMax: inFlightMax, start: 0, end: 10 * second)
        var latencies = LatencyHistogram()
        var answers: [UInt64] = []
        var now: UInt64 = 0
        while now < 20 * second {
            let before = answers.count
            answers.removeAll { $0 <= now }
            pace.answered(before - answers.count)
            while let intended = pace.next(now: now) {
                let answer = StallingServer.answers(at: now)
                answers.append(answer)
                latencies.add(Int(answer - from(intended, now)) / 1_000)
            }
            now += millisecond
        }
        return latencies
    }

    @Test(arguments: [1, 5, 10_000])
    func `a stalled server is charged for all who came meanwhile`(inFlightMax: Int) {
        let latencies = Self.run(inFlightMax: inFlightMax) { intended, _ in intended }
        #expect(latencies.count == 1_000)
        // 100 of the 1,000 were due in the stall: the tenth that waited, evenly up to a second.
        #expect(latencies.percentile(0.89) < 100_000)
        #expect(latencies.percentile(0.95) > 400_000)
        #expect(latencies.percentile(0.99) > 850_000)
    }

    @Test func `counted from when they were sent, one at a time, the stall would hardly show`() {
        let latencies = Self.run(inFlightMax: 1) { _, sent in sent }
        #expect(latencies.percentile(0.99) < 2_000)
    }
}
