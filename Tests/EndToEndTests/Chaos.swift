import Glibc
import Testing

/// Makes faults, one or two at a time, by a seed.
actor Chaos {
    private let installation: Installation
    private let report: ChaosReport
    private var generator: SeededGenerator
    private let outageMaxMillis: Int
    private var troubled: Set<String> = []
    /// What also the shortest round has.
    private var opening = [
        ChaosFault(kind: .freeze, target: "cart-2", lasting: .seconds(8)),
        ChaosFault(kind: .immediateRestart, target: "postgres", lasting: .seconds(1)),
        ChaosFault(kind: .kill, target: "broker", lasting: .milliseconds(500)),
    ]

    init(_ installation: Installation, _ report: ChaosReport, plan: ChaosPlan) {
        self.installation = installation
        self.report = report
        generator = SeededGenerator(seed: plan.seed)
        outageMaxMillis = plan.duration > .seconds(90) ? 20_000 : 5_000
    }

    /// Makes faults until the time is over and each was put right.
    func reign(until end: ContinuousClock.Instant) async throws {
        while ContinuousClock.now < end {
            let first = nextFault()
            let second = Int.random(in: 0..<4, using: &generator) == 0 ? nextFault() : nil
            let gap = Duration.milliseconds(Int.random(in: 300...2_500, using: &generator))
            try await expectAlive()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for fault in [first, second].compactMap({ $0 })
                where troubled.insert(fault.target).inserted {
                    report.note(fault)
                    group.addTask { try await self.make(fault) }
                }
                try await group.waitForAll()
            }
            troubled = []
            try await Task.sleep(for: gap)
        }
    }

    private func nextFault() -> ChaosFault {
        opening.popLast() ?? ChaosFault.next(using: &generator, outageMax: outageMaxMillis)
    }

    /// A process that nobody has told to end goes on, whatever is away.
    private func expectAlive() async throws {
        for name in installation.names + ["postgres", "redis"] {
            guard let end = try await installation.process(name).end else { continue }
            let pid = try await installation.process(name).pid
            report.complain("\(name) (pid \(pid)), told by nobody here, ended: \(end)")
            try await installation.start(name)
        }
    }

    private func make(_ fault: ChaosFault) async throws {
        if fault.kind == .join {
            try await installation.start(fault.target)
            try await Task.sleep(for: fault.lasting)
            try await stop(installation.process(fault.target), by: SIGTERM)
            return
        }
        let process = try await installation.process(fault.target)
        switch fault.kind {
        case .pause, .freeze:
            process.signalFamily(SIGSTOP)
            try await Task.sleep(for: fault.lasting)
            process.signalFamily(SIGCONT)
            return
        case .backendKill:
            guard let victim = process.children.randomElement(using: &generator) else { return }
            kill(victim, SIGKILL)
            return
        case .kill:
            try await process.killAndWait()
        case .fastRestart, .stop, .outage:
            try await stop(process, by: fault.target == "postgres" ? SIGINT : SIGTERM)
        case .immediateRestart:
            try await stop(process, by: SIGQUIT)
        case .join:
            return
        }
        try await Task.sleep(for: fault.lasting)
        try await installation.start(fault.target)
    }

    /// Stops a process that has to end in order.
    private func stop(_ process: ChildProcess, by signal: Int32) async throws {
        process.signal(signal)
        do {
            let end = try await process.ended(within: .seconds(20))
            if end != .exited(0), signal != SIGQUIT {
                report.complain("\(process.name) was told to stop and ended with \(end)")
            }
        } catch {
            report.complain("\(error), though it was told to")
            try await process.killAndWait()
        }
    }
}
