import Glibc
import Synchronization

/// What happened while chaos reigned: a line that tells it live, and the closing report.
final class ChaosReport: Sendable {
    private struct State {
        var faults: [String: Int] = [:]
        var requests = 0
        var pending = 0
        var outcomes: [String: Int] = [:]
        var repeats = 0
        var longest = Duration.zero
        var memory: [String: Int] = [:]
        var complaints: [String] = []
    }

    private let state = Mutex(State())
    private let plan: ChaosPlan
    private let start = ContinuousClock.now
    /// Where the line goes: `swift test` keeps what a test prints until it ends.
    private let progress: Int32?

    init(_ plan: ChaosPlan) {
        self.plan = plan
        let path = TestEnvironment.variables["CHAOS_PROGRESS"]
        let descriptor = path.map { open($0, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY) } ?? -1
        progress = descriptor >= 0 ? descriptor : nil
        say("chaos: seed \(plan.seed), \(plan.duration), \(plan.shoppers) shoppers\n")
    }

    deinit { if let progress { close(progress) } }

    private func say(_ text: String) {
        guard let progress else { return }
        _ = text.withCString { write(progress, $0, strlen($0)) }
    }

    var complaints: [String] { state.withLock { $0.complaints } }

    func note(_ fault: ChaosFault) {
        state.withLock { $0.faults["\(fault)", default: 0] += 1 }
    }

    func noteRequest() {
        state.withLock {
            $0.requests += 1
            $0.pending += 1
        }
    }

    func noteOutcome(_ outcome: String, after time: Duration) {
        state.withLock {
            $0.pending -= 1
            $0.outcomes[outcome, default: 0] += 1
            $0.longest = max($0.longest, time)
        }
    }

    func noteRepeat() { state.withLock { $0.repeats += 1 } }

    func noteMemory(_ bytes: Int, of name: String) {
        let kind = String(name.prefix { $0 != "-" })
        state.withLock { $0.memory[kind] = max($0.memory[kind] ?? 0, bytes) }
    }

    /// Notes what must not be.
    func complain(_ complaint: String) {
        state.withLock { state in
            if state.complaints.count < 100 { state.complaints.append(complaint) }
        }
    }

    /// One line on how far it is.
    var line: String {
        state.withLock { state in
            let faults = state.faults.values.reduce(0, +)
            let answered = state.requests - state.pending
            return """
                chaos: \(minutes) of \(Self.minutes(plan.duration)) min, \(faults) faults, \
                \(state.requests) requests, \(answered) answered, \(state.pending) pending, \
                \(state.complaints.count) complaints
                """
        }
    }

    /// Shows the line until the task is cancelled.
    func keepShowing() async {
        let isTerminal = progress.map { isatty($0) == 1 } ?? false
        while !Task.isCancelled {
            say(isTerminal ? "\r\u{1B}[K\(line)" : "\(line)\n")
            try? await Task.sleep(for: isTerminal ? .milliseconds(500) : .seconds(10))
        }
        if isTerminal { say("\n") }
    }

    /// The closing report.
    var text: String {
        state.withLock { state in
            func list(_ counts: [String: Int]) -> String {
                counts.sorted { $0.key < $1.key }.map { "    \($0.key): \($0.value)" }
                    .joined(separator: "\n")
            }
            let memory = state.memory.mapValues { $0 >> 20 }
            let verdict =
                state.complaints.isEmpty
                ? "nothing wrong"
                : "WRONG\n" + state.complaints.map { "    \($0)" }.joined(separator: "\n")
            return """
                chaos report, seed \(plan.seed), \(minutes) minutes
                faults: \(state.faults.values.reduce(0, +))
                \(list(state.faults))
                requests: \(state.requests), asked again: \(state.repeats)
                outcomes:
                \(list(state.outcomes))
                longest unanswered: \(Self.seconds(state.longest)) s
                largest memory of a process, MiB:
                \(list(memory))
                verdict: \(verdict)
                """
        }
    }

    private var minutes: String { Self.minutes(ContinuousClock.now - start) }

    private static func minutes(_ duration: Duration) -> String {
        let tenths = duration.components.seconds / 6
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func seconds(_ duration: Duration) -> String {
        let tenths = Int(duration / .milliseconds(100))
        return "\(tenths / 10).\(tenths % 10)"
    }
}
