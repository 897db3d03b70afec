import Synchronization

/// Runs every task and actor of a test on the thread that calls ``run()``, one job after the other.
///
/// When ``run()`` returns nothing can go on by itself: a test looks at what came of it, or lets time
/// pass. With a seed the order of the jobs that are ready is drawn; the same seed draws the same.
final class TestExecutor: SerialExecutor, TaskExecutor, @unchecked Sendable {
    // `@unchecked`: all state is behind the mutex.
    private struct State {
        var jobs: [UnownedJob] = []
        var generator: SeededGenerator?
    }

    private let state: Mutex<State>

    init(seed: UInt64? = nil) {
        state = Mutex(State(generator: seed.map { SeededGenerator(seed: $0) }))
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        unsafe UnownedTaskExecutor(ordinary: self)
    }

    /// Never in doubt: whoever has the executor is the one thread of its test, which may look into an
    /// actor while nothing runs.
    func checkIsolated() {}

    /// Runs until nothing is ready to go on.
    ///
    /// - Returns: whether that came about within so many jobs; if not, something goes round in circles.
    @discardableResult
    func run(jobsMax: Int = 2_000_000) -> Bool {
        for _ in 0..<jobsMax {
            guard let job = takeJob() else { return true }
            unsafe job.runSynchronously(
                isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        }
        return false
    }

    private func takeJob() -> UnownedJob? {
        state.withLock { state in
            if state.jobs.isEmpty { return nil }
            let index = state.generator?.below(min(state.jobs.count, 8)) ?? 0
            return state.jobs.remove(at: index)
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `bound`.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// True about once in so many times.
    mutating func oneIn(_ times: Int) -> Bool { below(times) == 0 }
}
