import CLinux
import Glibc
import Synchronization

/// An epoll loop on a thread of its own, which is also an executor for tasks and actors.
///
/// Descriptors, timers and jobs share the thread, so an answer that a task computes reaches its
/// socket without a change of thread. Nothing that blocks may run on it.
///
/// Jobs enqueued on the loop's own thread go to a plain array that is run after each epoll batch;
/// jobs from elsewhere go through a locked inbox, with one eventfd write when the loop sleeps.
///
/// The loop lives until ``stop()``: jobs enqueued after it would never run.
package final class EventLoop: TaskExecutor, SerialExecutor, @unchecked Sendable {
    // `@unchecked`: the fields below `// Loop thread only` are touched by that thread alone,
    // which every entry point checks.

    /// What epoll reported for a descriptor.
    package struct Readiness: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// There may be bytes, or the end of the stream, to read.
        package static let readable = Readiness(rawValue: 1)
        /// There may be room to write.
        package static let writable = Readiness(rawValue: 2)
        /// The peer closed its side, or the socket failed (EPOLLRDHUP, EPOLLHUP, EPOLLERR).
        package static let hangUp = Readiness(rawValue: 4)
    }

    private enum Work {
        case job(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    private struct Inbox {
        var work: [Work] = []
        var sleeping = false
        var stopping = false
    }

    private struct Slot {
        var generation: UInt32 = 0
        var handler: ((Readiness) -> Void)?
    }

    /// How many generations of jobs that enqueue jobs run before descriptors are looked at again.
    private static let roundsPerBatch = 16

    private let handle: EventLoopHandle
    private let inbox = Mutex(Inbox())
    private let threadID = Atomic<UInt>(0)

    // Loop thread only
    private var local: [Work] = []
    private var batch: [Work] = []
    private var slots: [Slot] = []
    private var generation: UInt32 = 0
    private var timers = EventLoopTimers()
    private var stopping = false

    /// Creates the descriptors and starts the thread.
    ///
    /// - Parameter name: the thread's name as `top -H` shows it; the kernel keeps 15 bytes.
    /// - Throws: ``EventLoopError`` when the process is out of descriptors.
    package init(name: String) throws {
        handle = try EventLoopHandle()
        startThread(name: name) { [self] in run() }
    }

    /// Whether the caller runs on the loop's thread.
    package var isCurrent: Bool {
        threadID.load(ordering: .acquiring) == UInt(pthread_self())
    }

    /// Runs `work` on the loop; what one thread submits runs in the order of submission.
    ///
    /// Any thread. On the loop's own thread `work` runs after the current callback, not inside it.
    package func execute(_ work: @escaping @Sendable () -> Void) { submit(.closure(work)) }

    /// Watches a descriptor, edge-triggered, for input, output and hang-up; loop thread only.
    ///
    /// `handler` runs on the loop. It must read or write until `EAGAIN`, or remember that it did
    /// not: an edge is reported once. The descriptor must be non-blocking.
    ///
    /// - Throws: ``EventLoopError`` when epoll refuses the descriptor.
    package func register(
        _ descriptor: CInt, _ handler: @escaping (Readiness) -> Void
    ) throws {
        checkIsolated()
        generation &+= 1
        // The tag carries the generation: an event that epoll reported before the descriptor was
        // closed must not reach the next socket of the same number within the same batch.
        try handle.add(descriptor, tag: UInt64(generation) << 32 | UInt64(descriptor))
        let index = Int(descriptor)
        while slots.count <= index { slots.append(Slot()) }
        slots[index] = Slot(generation: generation, handler: handler)
    }

    /// Stops watching a descriptor, which stays open; loop thread only.
    ///
    /// Call it before `close`. No handler of this registration runs afterwards.
    package func deregister(_ descriptor: CInt) {
        checkIsolated()
        guard slots.indices.contains(Int(descriptor)), slots[Int(descriptor)].handler != nil
        else { return }
        slots[Int(descriptor)].handler = nil
        handle.remove(descriptor)
    }

    /// Runs `action` on the loop once `delay` has passed; loop thread only.
    ///
    /// The resolution is one millisecond, rounded up. Timers never run inside another callback.
    package func schedule(after delay: Duration, _ action: @escaping () -> Void) -> TimerID {
        checkIsolated()
        return timers.schedule(
            due: monotonicNanoseconds() &+ delay.nanosecondsClamped, action)
    }

    /// Forgets a timer that has not run; loop thread only.
    package func cancel(_ timer: TimerID) {
        checkIsolated()
        timers.cancel(timer)
    }

    /// The monotonic clock in nanoseconds, which costs less than a `Duration`.
    package static var nanoseconds: UInt64 { monotonicNanoseconds() }

    /// The monotonic clock, from a fixed point in the past: what deadlines are reckoned by.
    package static var now: Duration { .nanoseconds(Int64(clamping: monotonicNanoseconds())) }

    /// Lets the thread end once the work submitted so far, and what it submits, has run.
    ///
    /// Idempotent; any thread. Handlers and timers are dropped; descriptors are not closed.
    package func stop() {
        let mustWake = inbox.withLock { inbox in
            inbox.stopping = true
            defer { inbox.sleeping = false }
            return inbox.sleeping
        }
        if mustWake { handle.wakeUp() }
    }

    // MARK: - Executor

    package func enqueue(_ job: consuming ExecutorJob) { submit(.job(UnownedJob(job))) }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    package func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        unsafe UnownedTaskExecutor(ordinary: self)
    }

    package func checkIsolated() {
        precondition(isCurrent, "not on the thread of this event loop")
    }

    // MARK: - The loop

    private func submit(_ work: Work) {
        if isCurrent {
            local.append(work)
            return
        }
        let mustWake = inbox.withLock { inbox in
            inbox.work.append(work)
            defer { inbox.sleeping = false }
            return inbox.sleeping
        }
        if mustWake { handle.wakeUp() }
    }

    private func run() {
        threadID.store(UInt(pthread_self()), ordering: .releasing)
        while true {
            runTimers()
            let idle = runWork()
            if idle && stopping { break }
            wait(idle: idle)
        }
        slots = []
        timers = EventLoopTimers()
        // The system may give this thread's number to another one.
        threadID.store(0, ordering: .releasing)
    }

    /// Runs submitted work; returns whether none is left, in which case the loop counts as asleep.
    private func runWork() -> Bool {
        for _ in 0..<Self.roundsPerBatch {
            let isEmpty = inbox.withLock { inbox in
                local.append(contentsOf: inbox.work)
                inbox.work.removeAll(keepingCapacity: true)
                stopping = inbox.stopping
                inbox.sleeping = local.isEmpty
                return local.isEmpty
            }
            if isEmpty { return true }
            swap(&batch, &local)
            for work in batch {
                switch work {
                case .job(let job):
                    unsafe job.runSynchronously(
                        isolatedTo: asUnownedSerialExecutor(),
                        taskExecutor: asUnownedTaskExecutor())
                case .closure(let closure):
                    closure()
                }
            }
            batch.removeAll(keepingCapacity: true)
        }
        return false
    }

    private func wait(idle: Bool) {
        var timeoutMillis: CInt = 0
        if idle {
            timeoutMillis = -1
            if let due = timers.nextDue {
                let now = monotonicNanoseconds()
                let millis = due > now ? (due - now + 999_999) / 1_000_000 : 0
                timeoutMillis = CInt(clamping: millis)
            }
        }
        handle.wait(timeoutMillis: timeoutMillis) { tag, events in
            guard tag != EventLoopHandle.wakeUpTag else { return }
            let slot = slots[Int(tag & 0xFFFF_FFFF)]
            guard slot.generation == UInt32(tag >> 32), let handler = slot.handler else { return }
            handler(Readiness(epollEvents: events))
        }
    }

    private func runTimers() {
        guard timers.nextDue != nil else { return }
        let now = monotonicNanoseconds()
        while let action = timers.popDue(now: now) { action() }
    }
}

extension EventLoop.Readiness {
    fileprivate init(epollEvents: UInt32) {
        self = []
        if epollEvents & EPOLLIN.rawValue != 0 { insert(.readable) }
        if epollEvents & EPOLLOUT.rawValue != 0 { insert(.writable) }
        let ends = EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue
        if epollEvents & ends != 0 { insert(.hangUp) }
    }
}

extension Duration {
    /// Whole nanoseconds, none for a negative duration, and at most about 146 years.
    fileprivate var nanosecondsClamped: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < Int64.max / 2_000_000_000 else { return UInt64(Int64.max / 2) }
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000
    }
}
