import Glibc
import Settings
import Simulation
import Synchronization
import Telemetry

/// `holdfast simulate`: lives of the suite in memory, checked.
enum SimulateCommand {
    /// Lives them on all processors; 1 if one of them shows a failure, or a variant shows none.
    static func run(_ settings: Settings, _ logger: Logger) async -> CInt {
        if !hashesAreFixed { return replaceProcess(logger) }
        let first = UInt64(settings[Configuration.firstSeed])
        let count = UInt64(settings[Configuration.seeds])
        let seeds = first..<(first + count)
        guard let name = settings[Configuration.variant] else {
            return await live(seeds, isTraced: settings[Configuration.trace])
        }
        let variants =
            name == "all" ? Variant.allCases : [Variant(rawValue: name)].compactMap(\.self)
        if variants.isEmpty {
            logger.error("There is no such variant; --help names them.", ["variant": name])
            return 2
        }
        var isAllFound = true
        for variant in variants {
            let isFound = await find(
                variant, seeds, isTraced: settings[Configuration.trace])
            isAllFound = isAllFound && isFound
        }
        return isAllFound ? 0 : 1
    }

    // MARK: Replay

    private static let fixedHashes = "SWIFT_DETERMINISTIC_HASHING"

    private static var hashesAreFixed: Bool { unsafe getenv(fixedHashes) != nil }

    /// Starts over with the order of dictionaries fixed, as it decides what a seed does.
    private static func replaceProcess(_ logger: Logger) -> CInt {
        unsafe setenv(fixedHashes, "1", 1)
        unsafe execv("/proc/self/exe", CommandLine.unsafeArgv)
        logger.error("The process cannot start itself anew.", ["errno": "\(errno)"])
        return 1
    }

    // MARK: Lives

    /// What came of many lives.
    private struct Sum {
        var lives = 0
        var steps = 0
        var faults: [String: Int] = [:]
        var outcomes: [String: Int] = [:]
        var failed: [Simulation.Result] = []

        mutating func add(_ result: Simulation.Result) {
            lives += 1
            steps += result.stepCount
            faults.merge(result.faults, uniquingKeysWith: +)
            outcomes.merge(result.outcomes, uniquingKeysWith: +)
            if !result.violations.isEmpty { failed.append(result) }
        }
    }

    /// What the processors share.
    private final class Work: Sendable {
        let next: Atomic<UInt64>
        let sum = Mutex(Sum())

        init(first: UInt64) { next = Atomic(first) }
    }

    /// How many failing seeds end a run.
    private static let failuresMax = 10

    private static func live(_ seeds: Range<UInt64>, isTraced: Bool) async -> CInt {
        let begin = ContinuousClock.now
        let progress = ProgressLine()
        let sum = await livesOnAllProcessors(
            seeds, variant: nil, isTraced: isTraced, failuresMax: failuresMax
        ) { sum in
            progress.show(
                """
                \(sum.lives)/\(seeds.count) seeds, \(rate(sum.lives, since: begin)) seeds/s, \
                \(sum.failed.count) failed
                """, isLast: false)
        }
        progress.show("\(sum.lives)/\(seeds.count) seeds", isLast: true)
        for result in sum.failed.sorted(by: { $0.seed < $1.seed }) {
            tell(result, isTraced ? result : Simulation.live(seed: result.seed, isTraced: true))
        }
        print(
            """
            seeds       \(sum.lives) from \(seeds.lowerBound), \
            \(rate(sum.lives, since: begin)) per second
            steps       \(sum.steps)
            faults      \(table(sum.faults))
            outcomes    \(table(sum.outcomes))
            failures    \(sum.failed.count)
            """)
        return sum.failed.isEmpty ? 0 : 1
    }

    private static func find(
        _ variant: Variant, _ seeds: Range<UInt64>, isTraced: Bool
    ) async -> Bool {
        let sum = await livesOnAllProcessors(
            seeds, variant: variant, isTraced: false, failuresMax: 1
        ) { _ in }
        let first = sum.failed.map(\.seed).min()
        let name = "\(variant.rawValue) (\(variant.rule)): \(variant.summary)"
        guard let first else {
            print("\(name)\n  not found in \(seeds.count) seeds")
            return false
        }
        let result = Simulation.live(seed: first, variant: variant, isTraced: isTraced)
        print(
            """
            \(name)
              found by seed \(first), number \(first - seeds.lowerBound + 1): \
            \(result.violations.first ?? "-")
            """)
        if isTraced { print(result.trace.joined(separator: "\n")) }
        return true
    }

    /// Takes the seeds in order, each by the next processor that is free.
    ///
    /// Once there are enough failures no further seed is begun, so that the first failure is found
    /// whatever the number of processors.
    private static func livesOnAllProcessors(
        _ seeds: Range<UInt64>, variant: Variant?, isTraced: Bool, failuresMax: Int,
        report: @escaping @Sendable (Sum) -> Void
    ) async -> Sum {
        let work = Work(first: seeds.lowerBound)
        let workers = max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
        await withDiscardingTaskGroup { group in
            for _ in 0..<workers {
                group.addTask {
                    while true {
                        let seed = work.next.add(1, ordering: .relaxed).oldValue
                        if seed >= seeds.upperBound { return }
                        if work.sum.withLock({ $0.failed.count }) >= failuresMax { return }
                        let result = Simulation.live(
                            seed: seed, variant: variant, isTraced: isTraced)
                        if isTraced {
                            print((["seed \(seed)"] + result.trace).joined(separator: "\n"))
                        }
                        work.sum.withLock { sum in
                            sum.add(result)
                            report(sum)
                        }
                    }
                }
            }
        }
        return work.sum.withLock { $0 }
    }

    // MARK: The report

    private static func tell(_ result: Simulation.Result, _ traced: Simulation.Result) {
        print(
            """
            seed \(result.seed) fails:
              \(result.violations.joined(separator: "\n  "))
            \(traced.trace.joined(separator: "\n"))
            replay: holdfast simulate --seeds 1 --first-seed \(result.seed)

            """)
    }

    private static func rate(_ count: Int, since begin: ContinuousClock.Instant) -> Int {
        Int(Double(count) / max(0.001, (ContinuousClock.now - begin) / .seconds(1)))
    }

    private static func table(_ counts: [String: Int]) -> String {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "\($0.value) \($0.key)" }.joined(separator: "\n            ")
    }
}
