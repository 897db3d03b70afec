import CLinux
import Glibc
import Synchronization

/// A serial executor with a thread of its own, for actors that wrap blocking C handles, and for tasks
/// that shall not change threads.
///
/// Blocking calls on Swift's cooperative pool would stall every task of the process; an actor whose
/// `unownedExecutor` is one of these blocks nothing but its own thread. Jobs run in the order in
/// which they were enqueued. A task that prefers it runs here, but for calls of actors that have other
/// executors: it saves the wake-up of another thread with each of its steps.
///
/// The executor must outlive the actors that name it: jobs enqueued after ``stop()`` would never
/// run, so `stop()` is for the very end of a process or for an actor that is no longer called.
@safe
package final class PinnedThreadExecutor: SerialExecutor, TaskExecutor,
    @unchecked Sendable
{
    // `@unchecked`: `jobs` and `stopping` are only touched with `mutex` held.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wakeUp = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [UnownedJob] = []
    private var stopping = false
    private let threadID = Atomic<UInt>(0)

    /// Starts the thread.
    ///
    /// - Parameter name: the thread's name as `top -H` shows it; the kernel keeps 15 bytes.
    package init(name: String) {
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(wakeUp, nil)
        startThread(name: name) { [self] in
            threadID.store(UInt(pthread_self()), ordering: .releasing)
            runLoop()
        }
    }

    deinit {
        unsafe pthread_cond_destroy(wakeUp)
        unsafe pthread_mutex_destroy(mutex)
        unsafe wakeUp.deallocate()
        unsafe mutex.deallocate()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        unsafe pthread_mutex_lock(mutex)
        let wasEmpty = jobs.isEmpty
        jobs.append(job)
        unsafe pthread_mutex_unlock(mutex)
        if wasEmpty { unsafe pthread_cond_signal(wakeUp) }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    /// Whether the caller runs on this executor's thread.
    package var isCurrent: Bool {
        threadID.load(ordering: .acquiring) == UInt(pthread_self())
    }

    package func checkIsolated() {
        precondition(isCurrent, "not on the thread of this executor")
    }

    /// Lets the thread end once the jobs enqueued so far have run.
    package func stop() {
        unsafe pthread_mutex_lock(mutex)
        stopping = true
        unsafe pthread_mutex_unlock(mutex)
        unsafe pthread_cond_signal(wakeUp)
    }

    private func runLoop() {
        var batch: [UnownedJob] = []
        while true {
            unsafe pthread_mutex_lock(mutex)
            while jobs.isEmpty && !stopping {
                unsafe pthread_cond_wait(wakeUp, mutex)
            }
            swap(&batch, &jobs)
            unsafe pthread_mutex_unlock(mutex)
            if batch.isEmpty { return }
            for job in batch {
                unsafe job.runSynchronously(
                    isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
            }
            batch.removeAll(keepingCapacity: true)
        }
    }
}

/// Runs `body` on a new detached POSIX thread.
///
/// - Parameters:
///   - name: the thread's name as `top -H` shows it; the kernel keeps 15 bytes.
///   - body: what the thread runs; the thread ends when it returns.
package func startThread(name: String, _ body: @escaping @Sendable () -> Void) {
    let start = ThreadStart(name: String(name.prefix(15)), body: body)
    let argument = unsafe Unmanaged.passRetained(start).toOpaque()
    var thread = pthread_t()
    let status = unsafe pthread_create(&thread, nil, threadMain, argument)
    precondition(status == 0, "pthread_create failed with \(status): out of threads or memory")
    pthread_detach(thread)
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument = unsafe argument else { return nil }
    let start = unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    unsafe holdfast_set_thread_name(start.name)
    start.body()
    return nil
}
