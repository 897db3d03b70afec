import Messages

/// Knows how the gateway's dependencies are, without asking them for every request.
actor HealthBoard {
    /// What one dependency said.
    struct Finding: Sendable, Equatable {
        let name: String
        let isRequired: Bool
        let state: DependencyState

        var isUp: Bool { state == .up }
    }

    private let probes: [any DependencyProbe]
    private let clock: any ServiceClock
    private let cachedFor: Duration
    private var findings: [Finding] = []
    private var validUntil: Timestamp?
    private var isAsking = false
    private var waiting: [CheckedContinuation<[Finding], Never>] = []

    init(probes: [any DependencyProbe], clock: any ServiceClock, cachedFor: Duration) {
        self.probes = probes
        self.clock = clock
        self.cachedFor = cachedFor
    }

    /// The state of each dependency, asked now or a moment ago; callers share the asking.
    func current() async -> [Finding] {
        if let validUntil, clock.now() < validUntil { return findings }
        if isAsking { return await withCheckedContinuation { waiting.append($0) } }
        isAsking = true
        findings = await ask()
        validUntil = clock.now() + cachedFor
        isAsking = false
        let answered = waiting
        waiting = []
        for continuation in answered { continuation.resume(returning: findings) }
        return findings
    }

    private func ask() async -> [Finding] {
        await withTaskGroup(of: (Int, Finding).self) { group in
            for (index, probe) in probes.enumerated() {
                group.addTask {
                    let state = await probe.state()
                    return (
                        index,
                        Finding(name: probe.name, isRequired: probe.isRequired, state: state)
                    )
                }
            }
            var found: [(Int, Finding)] = []
            for await finding in group { found.append(finding) }
            return found.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}
