import CartDomain
import Messages
import Testing

@testable import RestGateway

struct PendingRequestsTests {
    typealias Asker = PendingRequests.Asker

    static let timing = PendingRequests.Timing(
        reaskAfter: .milliseconds(250), reaskIntervalMax: .seconds(4), pendingAfter: .seconds(5),
        giveUpAfter: .seconds(60))
    let start = Timestamp(millis: 1_000_000)

    func at(_ millis: Int) -> Timestamp { Timestamp(millis: start.millis + millis) }

    func machine(waitersMax: Int = 100) -> PendingRequests {
        PendingRequests(timing: Self.timing, waitersMax: waitersMax)
    }

    /// Moves a machine on, deadline by deadline, as `run()` does; gives events with their times.
    func run(
        _ pending: inout PendingRequests, until end: Timestamp,
        isThere: (Asker) -> Bool = { _ in true }
    ) -> [(millis: Int, event: PendingRequests.Event)] {
        var generator = SeededGenerator(state: 1)
        var found: [(Int, PendingRequests.Event)] = []
        while let deadline = pending.nextDeadline, deadline <= end {
            let events = pending.advance(to: deadline, isThere: isThere, using: &generator)
            found += events.map { (deadline.millis - start.millis, $0) }
        }
        return found
    }

    /// When a request was asked again for the first time.
    func firstAsk(_ events: [(millis: Int, event: PendingRequests.Event)]) -> Int? {
        events.first { if case .askAgain = $0.event { true } else { false } }?.millis
    }

    @Test func `a request is sent once and its outcome goes to its asker`() throws {
        var pending = machine()
        let request = try Sample.request("r1")
        #expect(pending.admit(request, by: .call(1), now: start) == .new)
        #expect(pending.waiterCount == 1)
        let waiters = pending.settle(PendingRequests.Key(request), now: start)
        #expect(waiters?.map(\.asker) == [.call(1)])
        #expect(pending.waiterCount == 0 && pending.untoldCount == 0)
        #expect(pending.settle(PendingRequests.Key(request), now: start) == nil)
    }

    @Test func `an unanswered request is asked again, ever later, then given up`() throws {
        var pending = machine()
        let request = try Sample.request("r1")
        _ = pending.admit(request, by: .socket(1), now: start)
        let events = run(&pending, until: at(120_000))
        let asks = events.filter { $0.event == .askAgain(request) }.map(\.millis)
        #expect(asks.first == 250)
        // 250 ms, doubled to 4 s and then every 4 s, each a fifth more or less.
        #expect((15...22).contains(asks.count))
        for (earlier, later) in zip(asks, asks.dropFirst()) {
            #expect((400...4_800).contains(later - earlier))
        }
        let told = events.filter { if case .tellPending = $0.event { true } else { false } }
        #expect(told.map(\.millis) == [5_000])
        guard case .giveUp(let waiter, _) = events.last?.event else {
            Issue.record("not given up")
            return
        }
        #expect(events.last?.millis == 60_000)
        #expect(waiter.asker == .socket(1) && waiter.wasTold)
        #expect(pending.waiterCount == 0 && pending.nextDeadline == nil)
    }

    @Test func `where answers are slow no request is asked again before they usually come`() throws
    {
        var pending = machine()
        // Sent while answers still came at once: what was learnt since counts.
        let first = try Sample.request("first")
        _ = pending.admit(first, by: .socket(0), now: start)
        for number in 1...100 {
            let request = try Sample.request("r\(number)")
            _ = pending.admit(request, by: .socket(number), now: at(number))
        }
        for number in 1...100 {
            let request = try Sample.request("r\(number)")
            _ = pending.settle(PendingRequests.Key(request), now: at(200 + number))
        }
        // Four times the 200 ms that each took, less what the mean still has of the time before.
        #expect(firstAsk(run(&pending, until: at(60_000))) == 799)
        // A few answers that come at once are enough to wait for no longer than was set.
        for number in 1...20 {
            let request = try Sample.request("s\(number)")
            _ = pending.admit(request, by: .socket(number), now: at(60_000))
            _ = pending.settle(PendingRequests.Key(request), now: at(60_002))
        }
        _ = pending.admit(try Sample.request("last"), by: .socket(0), now: at(70_000))
        #expect(firstAsk(run(&pending, until: at(80_000))) == 70_250)
    }

    @Test
    func
        `answers after an outage, or a clock that jumps, delay no request beyond the longest pause`()
        throws
    {
        var pending = machine()
        for (number, millis) in [(1, 3_600_000), (2, -3_600_000), (3, 3_600_000)] {
            let request = try Sample.request("r\(number)")
            _ = pending.admit(request, by: .socket(number), now: start)
            _ = pending.settle(PendingRequests.Key(request), now: at(millis))
        }
        _ = pending.admit(try Sample.request("last"), by: .socket(0), now: start)
        // Two answers that count for 4 s each, one for none: an eighth, less an eighth, and an eighth.
        let weight = 0.125
        let mean = 4_000 * weight * ((1 - weight) * (1 - weight) + 1)
        #expect(firstAsk(run(&pending, until: at(20_000))) == Int(4 * mean))
    }

    @Test func `a call takes pending for its answer and is not asked for again`() throws {
        var pending = machine()
        _ = pending.admit(try Sample.request("r1"), by: .call(1), now: start)
        let events = run(&pending, until: at(120_000))
        #expect(events.last?.millis == 5_000)
        #expect(pending.waiterCount == 0 && pending.nextDeadline == nil)
    }

    @Test func `the same request from two askers is sent once and answers both`() throws {
        var pending = machine()
        let request = try Sample.request("r1")
        #expect(pending.admit(request, by: .socket(1), now: start) == .new)
        #expect(pending.admit(request, by: .socket(1), now: at(10)) == .joined)
        #expect(pending.admit(request, by: .call(2), now: at(20)) == .joined)
        #expect(
            pending.settle(PendingRequests.Key(request), now: start)?.map(\.asker)
                == [.socket(1), .socket(1), .call(2)])
    }

    @Test func `each asker is told pending at its own deadline`() throws {
        var pending = machine()
        let request = try Sample.request("r1")
        _ = pending.admit(request, by: .socket(1), now: start)
        _ = run(&pending, until: at(3_000))
        _ = pending.admit(request, by: .socket(2), now: at(3_000))
        let told = run(&pending, until: at(20_000)).compactMap { found -> String? in
            guard case .tellPending(let waiter, _) = found.event else { return nil }
            return "\(waiter.asker) \(found.millis)"
        }
        #expect(told == ["socket(1) 5000", "socket(2) 8000"])
        #expect(pending.untoldCount == 0 && pending.waiterCount == 2)
    }

    @Test func `another request under an ID in flight is a conflict`() throws {
        var pending = machine()
        let product = try Sample.product("P1")
        _ = pending.admit(
            try Sample.request("r1", .add(product, quantity: 1)), by: .call(1), now: start)
        let other = try Sample.request("r1", .add(product, quantity: 2))
        #expect(pending.admit(other, by: .call(2), now: start) == .conflict)
        let elsewhere = try Sample.request("r1", user: "u2", .add(product, quantity: 2))
        #expect(pending.admit(elsewhere, by: .call(3), now: start) == .new)
    }

    @Test func `a lookup waits beside the request that it asks for`() throws {
        var pending = machine()
        let request = try Sample.request("r1")
        let lookup = try Sample.request("r1", .lookup)
        #expect(pending.admit(request, by: .call(1), now: start) == .new)
        #expect(pending.admit(lookup, by: .call(2), now: start) == .new)
        #expect(pending.settle(PendingRequests.Key(lookup), now: start)?.map(\.asker) == [.call(2)])
        #expect(pending.isAwaited(PendingRequests.Key(request)))
    }

    @Test func `nobody is admitted beyond the limit`() throws {
        var pending = machine(waitersMax: 2)
        #expect(pending.admit(try Sample.request("r1"), by: .call(1), now: start) == .new)
        #expect(pending.admit(try Sample.request("r1"), by: .call(2), now: start) == .joined)
        #expect(pending.admit(try Sample.request("r1"), by: .call(3), now: start) == .full)
        #expect(pending.admit(try Sample.request("r2"), by: .call(4), now: start) == .full)
        _ = pending.settle(PendingRequests.Key(try Sample.request("r1")), now: start)
        #expect(pending.admit(try Sample.request("r2"), by: .call(5), now: start) == .new)
    }

    @Test func `a request whose asker is gone is asked no more`() throws {
        var pending = machine()
        _ = pending.admit(try Sample.request("r1"), by: .socket(1), now: start)
        let events = run(&pending, until: at(60_000), isThere: { _ in false })
        #expect(events.isEmpty)
        #expect(pending.waiterCount == 0)
    }

    @Test func `a withdrawn request leaves nothing behind but may be sent again`() throws {
        var pending = machine()
        let request = try Sample.request("r1")
        _ = pending.admit(request, by: .call(1), now: start)
        pending.withdraw(request)
        #expect(pending.waiterCount == 0)
        #expect(pending.admit(request, by: .call(2), now: start) == .new)
        let asks = run(&pending, until: at(300)).filter { $0.event == .askAgain(request) }
        #expect(asks.count == 1)
    }

    @Test(arguments: UInt64(1)...20)
    func `whatever happens, every asker is answered or given up exactly once`(
        seed: UInt64
    ) throws {
        var generator = SeededGenerator(state: seed)
        var pending = machine(waitersMax: 50)
        var now = start
        var open: [Int: Bool] = [:]
        let requests = try (0..<8).map { try Sample.request("r\($0)") }
        for asker in 0..<2_000 {
            now = now + .milliseconds(Int.random(in: 0...200, using: &generator))
            let request = requests.randomElement(using: &generator) ?? requests[0]
            switch Int.random(in: 0..<4, using: &generator) {
            case 0...1:
                let admission = pending.admit(request, by: .socket(asker), now: now)
                if admission == .new || admission == .joined { open[asker] = false }
            case 2 where asker % 5 == 0:
                for waiter in pending.settle(PendingRequests.Key(request), now: now) ?? [] {
                    guard case .socket(let number) = waiter.asker else { continue }
                    #expect(open.removeValue(forKey: number) != nil)
                }
            default:
                try check(
                    pending.advance(to: now, isThere: { _ in true }, using: &generator), &open)
            }
            #expect(pending.waiterCount == open.count)
            #expect(pending.untoldCount == open.values.count { !$0 })
        }
        now = now + .seconds(61)
        try check(pending.advance(to: now, isThere: { _ in true }, using: &generator), &open)
        #expect(open.isEmpty && pending.waiterCount == 0)
    }

    private func check(_ events: [PendingRequests.Event], _ open: inout [Int: Bool]) throws {
        for event in events {
            switch event {
            case .askAgain: break
            case .tellPending(let waiter, _):
                guard case .socket(let number) = waiter.asker else { continue }
                #expect(open.updateValue(true, forKey: number) == false)
            case .giveUp(let waiter, _):
                guard case .socket(let number) = waiter.asker else { continue }
                #expect(open.removeValue(forKey: number) != nil)
            }
        }
    }
}

struct DeadlineHeapTests {
    @Test func `items come out in the order of their times`() {
        var generator = SeededGenerator(state: 5)
        var heap = DeadlineHeap<Int>()
        let times = (0..<500).map { _ in Int.random(in: 0..<100, using: &generator) }
        for (item, time) in times.enumerated() { heap.insert(item, due: Timestamp(millis: time)) }
        var found: [Int] = []
        while let (due, item) = heap.popDue(by: Timestamp(millis: 49)) {
            #expect(times[item] == due.millis)
            found.append(due.millis)
        }
        #expect(found == times.filter { $0 < 50 }.sorted())
        #expect(heap.earliest == times.filter { $0 >= 50 }.min().map { Timestamp(millis: $0) })
        #expect(heap.count == times.count { $0 >= 50 })
    }
}
