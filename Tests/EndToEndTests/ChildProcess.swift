import Glibc
import Synchronization
import Threading

/// A process that a test has started.
///
/// It dies with the test process, however that ends: `setpriv` has the kernel kill it. It leads a
/// process group of its own, so that Ctrl-C reaches the tests alone.
final class ChildProcess: Sendable {
    /// How a process ended.
    enum End: Equatable, Sendable {
        case exited(Int32)
        case killed(by: Int32)
    }

    let name: String
    let pid: pid_t
    private let state = Mutex<End?>(nil)

    /// Starts a process.
    ///
    /// - Parameters:
    ///   - output: the file that gets its standard output, at the end.
    ///   - errors: the file that gets its standard error; may be the same.
    ///   - user: as whom it runs, where this process may choose.
    static func start(
        _ name: String, _ command: [String], environment: [String: String], output: String,
        errors: String, user: String? = nil
    ) async throws -> ChildProcess {
        var wrapper = ["/usr/bin/setpriv", "--pdeathsig", "KILL"]
        if let user, geteuid() == 0 {
            wrapper += ["--reuid=\(user)", "--regid=\(user)", "--init-groups"]
        }
        let pid = try await Launcher.shared.spawn(
            wrapper + ["--"] + command, environment: environment, output: output,
            errors: errors)
        return ChildProcess(name: name, pid: pid)
    }

    private init(name: String, pid: pid_t) {
        self.name = name
        self.pid = pid
        startThread(name: "waits-\(name)") { [self] in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) == -1, errno == EINTR {}
            let signal = status & 0x7F
            state.withLock {
                $0 = signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(by: signal)
            }
        }
    }

    /// How it ended; `nil` while it runs.
    var end: End? { state.withLock { $0 } }

    /// Sends a signal; to a process that has ended, nothing.
    func signal(_ signal: Int32) {
        state.withLock { end in
            if end == nil { kill(pid, signal) }
        }
    }

    /// Waits until it has ended.
    func ended(within limit: Duration) async throws -> End {
        let deadline = ContinuousClock.now + limit
        while true {
            if let end { return end }
            guard ContinuousClock.now < deadline else {
                throw Failure("\(name) (pid \(pid)) has not ended within \(limit)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    func killAndWait() async throws {
        signal(SIGKILL)
        _ = try await ended(within: .seconds(10))
    }
}

/// Starts processes on a thread that never ends: the kernel takes a child's parent for dead when the
/// thread that started it ends.
private actor Launcher {
    static let shared = Launcher()

    private let executor = PinnedThreadExecutor(name: "launcher")

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    func spawn(
        _ command: [String], environment: [String: String], output: String, errors: String
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let appending = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, appending, 0o644)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, appending, 0o644)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

        var arguments = command.map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var pid: pid_t = 0
        let status = posix_spawn(
            &pid, command[0], &actions, &attributes, &arguments, &variables)
        guard status == 0 else {
            throw Failure("\(command[0]) cannot be started: \(String(cString: strerror(status)))")
        }
        return pid
    }
}

/// Why a test cannot go on.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
