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
    // `@unchecked`: a semaphore is made for use by several threads (sem_overview(7)).

    private struct Inbox {
        var jobs: [UnownedJob] = []
        var stopping = false
    }

    private let inbox = Mutex(Inbox())
    // Rather than a condition variable, after which glibc unlocks the mutex by a system call, as
    // though others waited for it.
    private let wakeUps = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    private let threadID = Atomic<UInt>(0)

    /// Starts the thread.
    ///
    /// - Parameter name: the thread's name as `top -H` shows it; the kernel keeps 15 bytes.
    package init(name: String) {
        unsafe sem_init(wakeUps, 0, 0)
        startThread(name: name) { [self] in
            threadID.store(UInt(pthread_self()), ordering: .releasing)
            runLoop()
        }
    }

    deinit {
        unsafe sem_destroy(wakeUps)
        unsafe wakeUps.deallocate()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let wasEmpty = inbox.withLock { inbox in
            defer { inbox.jobs.append(job) }
            return inbox.jobs.isEmpty
        }
        if wasEmpty { unsafe sem_post(wakeUps) }
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
        inbox.withLock { $0.stopping = true }
        unsafe sem_post(wakeUps)
    }

    private func runLoop() {
        var batch: [UnownedJob] = []
        while true {
            unsafe sem_wait(wakeUps)
            let stopping = inbox.withLock { inbox in
                swap(&batch, &inbox.jobs)
                return inbox.stopping
            }
            // A signal may have ended the wait.
            if batch.isEmpty && stopping { return }
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
