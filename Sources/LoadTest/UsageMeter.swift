/// What a process used while it was measured.
package struct ProcessUsage: Sendable, Equatable {
    package let name: String
    /// `nil` for what is not one process.
    package let pid: Int?
    package var cpuSeconds: Double
    /// Memory of its own at the end.
    package var memoryBytes: Int
    /// By how much that is more than before the first websocket was opened.
    package var memoryGrowthBytes: Int

    package init(
        name: String, pid: Int?, cpuSeconds: Double, memoryBytes: Int, memoryGrowthBytes: Int
    ) {
        self.name = name
        self.pid = pid
        self.cpuSeconds = cpuSeconds
        self.memoryBytes = memoryBytes
        self.memoryGrowthBytes = memoryGrowthBytes
    }
}

/// Adds up what processes use from each beginning to the end that follows.
package struct UsageMeter: Sendable {
    /// The process that measures, among those that used something.
    package static let ownName = "load generator"
    static let restName = "rest of the machine"

    private let watched: [WatchedProcess]
    private var begun: UsageSample?
    private var sums: [Double]
    private var own = 0.0
    private var machine = 0.0
    private let first: UsageSample
    private var last: UsageSample?

    /// Takes the sample from which memory grows.
    package init(_ watched: [WatchedProcess]) {
        self.watched = watched
        first = .take(of: watched)
        sums = Array(repeating: 0, count: watched.count)
    }

    /// Begins to count.
    package mutating func begin() { begun = .take(of: watched) }

    /// Adds what was used since ``begin()``.
    package mutating func end() {
        guard let begun else { return }
        let now = UsageSample.take(of: watched)
        for index in watched.indices {
            sums[index] += max(
                now.processes[index].cpuSeconds - begun.processes[index].cpuSeconds, 0)
        }
        own += now.own - begun.own
        machine += now.machine - begun.machine
        self.begun = nil
        last = now
    }

    /// The watched processes, the generator, and what everything else on the machine has used.
    package var usage: [ProcessUsage] {
        guard let last else { return [] }
        var usage = watched.indices.map { index in
            let memory = last.processes[index].memoryBytes
            return ProcessUsage(
                name: watched[index].name, pid: watched[index].pid, cpuSeconds: sums[index],
                memoryBytes: memory,
                memoryGrowthBytes: memory - first.processes[index].memoryBytes)
        }
        usage.append(
            ProcessUsage(
                name: Self.ownName, pid: nil, cpuSeconds: own, memoryBytes: last.ownMemoryBytes,
                memoryGrowthBytes: last.ownMemoryBytes - first.ownMemoryBytes))
        // The clocks differ by some ticks.
        let rest = max(machine - own - sums.reduce(0, +), 0)
        usage.append(
            ProcessUsage(
                name: Self.restName, pid: nil, cpuSeconds: rest, memoryBytes: 0,
                memoryGrowthBytes: 0))
        return usage
    }
}
