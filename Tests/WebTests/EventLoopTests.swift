import Glibc
import Synchronization
import Testing
import Threading

private actor Resident {
    private let loop: EventLoop
    private var count = 0

    init(loop: EventLoop) { self.loop = loop }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    func increment() -> Bool {
        count += 1
        return loop.isCurrent
    }

    var total: Int { count }
}

@Suite struct EventLoopTests {
    @Test func `work from one thread runs in the order of submission`() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let done = Promise<[Int]>()
        let seen = Mutex<[Int]>([])
        for index in 0..<5_000 {
            loop.execute {
                let all = seen.withLock { seen in
                    seen.append(index)
                    return seen
                }
                if index == 4_999 { done.succeed(all) }
            }
        }
        #expect(try await done.value() == Array(0..<5_000))
    }

    @Test func `work submitted on the loop runs after the current callback`() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let done = Promise<[String]>()
        let seen = Mutex<[String]>([])
        loop.execute {
            loop.execute { done.succeed(seen.withLock { $0 + ["inner"] }) }
            seen.withLock { $0.append("outer") }
        }
        #expect(try await done.value() == ["outer", "inner"])
    }

    @Test func `a task that prefers the loop runs on it, its awaits included`() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let resident = Resident(loop: loop)
        let onLoop = await Task(executorPreference: loop) {
            let before = loop.isCurrent
            let within = await resident.increment()
            async let child = loop.isCurrent
            await Task.yield()
            return await [before, within, loop.isCurrent, child]
        }.value
        #expect(onLoop == [true, true, true, true])
        #expect(!loop.isCurrent)
    }

    @Test func `an actor on the loop is serial`() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let resident = Resident(loop: loop)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<2_000 { group.addTask { await resident.increment() } }
            for await onLoop in group { #expect(onLoop) }
        }
        #expect(await resident.total == 2_000)
    }

    @Test func `timers run by due time and cancelled ones never`() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let done = Promise<[Int]>()
        let seen = Mutex<[Int]>([])
        loop.execute {
            for delay in [30, 10, 20] {
                _ = loop.schedule(after: .milliseconds(delay)) {
                    seen.withLock { $0.append(delay) }
                }
            }
            let cancelled = (0..<200).map { index in
                loop.schedule(after: .milliseconds(5 + index % 20)) {
                    seen.withLock { $0.append(-1) }
                }
            }
            for timer in cancelled { loop.cancel(timer) }
            _ = loop.schedule(after: .milliseconds(40)) { done.succeed(seen.withLock { $0 }) }
        }
        #expect(try await done.value() == [10, 20, 30])
    }

    @Test func `an event of a closed descriptor does not reach its successor`() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let done = Promise<[String]>()
        let seen = Mutex<[String]>([])
        loop.execute {
            // Both pipes become readable before the loop polls again, so that one batch holds
            // both events; the handler that runs first closes the other and lets a new pipe take its number.
            let first = makePipe()
            let second = makePipe()
            func reuse(_ other: (read: CInt, write: CInt)) {
                loop.deregister(other.read)
                let third = makePipe()
                // Closes the old pipe and gives its number to the new one in one step.
                dup2(third.read, other.read)
                try? loop.register(other.read) { readiness in
                    if readiness.contains(.readable) { seen.withLock { $0.append("stale") } }
                }
                _ = loop.schedule(after: .milliseconds(20)) { done.succeed(seen.withLock { $0 }) }
            }
            try? loop.register(first.read) { _ in reuse(second) }
            try? loop.register(second.read) { _ in reuse(first) }
            _ = write(first.write, "x", 1)
            _ = write(second.write, "x", 1)
        }
        #expect(try await done.value() == [])
    }

    @Test func `stop runs what was submitted before it and may be repeated`() async throws {
        let loop = try EventLoop(name: "test")
        let count = Atomic<Int>(0)
        let done = Promise<Int>()
        for _ in 0..<100 { loop.execute { count.add(1, ordering: .relaxed) } }
        loop.execute { done.succeed(count.load(ordering: .relaxed)) }
        loop.stop()
        loop.stop()
        #expect(try await done.value() == 100)
    }
}

private func makePipe() -> (read: CInt, write: CInt) {
    var ends: [CInt] = [0, 0]
    pipe(&ends)
    for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    return (ends[0], ends[1])
}
