import Testing

/// How long and by which seed chaos reigns; `make chaos` says both.
struct ChaosPlan: Sendable {
    /// How long faults are made.
    let duration: Duration
    /// What the faults and the shoppers' wishes follow from.
    let seed: UInt64
    /// How many shop at a time.
    let shoppers: Int

    static let current: ChaosPlan = {
        let minutes = TestEnvironment.variables["CHAOS_MINUTES"].flatMap { Double($0) }
        let seed = TestEnvironment.variables["CHAOS_SEED"].flatMap { UInt64($0) }
        return ChaosPlan(
            duration: minutes.map { .milliseconds(Int64($0 * 60_000)) } ?? .seconds(25),
            seed: seed ?? UInt64.random(in: 1...999_999_999), shoppers: minutes == nil ? 12 : 16)
    }()

    /// How many minutes one test may take, with time to settle, to compare and to stop.
    static let testMinutes =
        3
        + (TestEnvironment.variables["CHAOS_MINUTES"].flatMap { Double($0) }.map {
            Int($0) * 2 + 10
        } ?? 0)
}

/// Random numbers that a seed repeats: SplitMix64 (Steele, Lea, Flood 2014).
struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64, stream: UInt64 = 0) {
        state = seed &+ stream &* 0xD1B5_4A32_D192_ED03
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// One thing that goes wrong and is put right again.
struct ChaosFault: Sendable, CustomStringConvertible {
    /// What happens to the process.
    enum Kind: String, CaseIterable, Sendable {
        /// Killed without warning, and started again.
        case kill
        /// Told to stop, and started again.
        case stop
        /// Standing still, for less than a session with the log lasts.
        case pause
        /// Standing still for longer than that: others take over what it owned.
        case freeze
        /// One more instance for a while.
        case join
        /// Postgres: stopped in order, or at once, and started again.
        case fastRestart = "fast restart"
        case immediateRestart = "immediate restart"
        /// Postgres: one of its processes is killed, and it throws out all of them.
        case backendKill = "backend kill"
        /// Gone for a while.
        case outage
    }

    let kind: Kind
    let target: String
    /// How long the process is away or stands still.
    let lasting: Duration

    var description: String { "\(kind.rawValue) \(target)" }

    /// The next fault that a seed has in store.
    ///
    /// - Parameter outageMax: the longest time that a server is gone.
    static func next(
        using generator: inout SeededGenerator, outageMax: Int
    ) -> ChaosFault {
        func millis(_ range: ClosedRange<Int>) -> Duration {
            .milliseconds(Int.random(in: range, using: &generator))
        }
        switch Int.random(in: 0..<100, using: &generator) {
        case ..<60:
            let service = ["gateway", "cart", "cart", "inventory"].randomElement(using: &generator)
            let target = "\(service ?? "cart")-\(Int.random(in: 1...2, using: &generator))"
            switch Int.random(in: 0..<100, using: &generator) {
            case ..<35: return ChaosFault(kind: .kill, target: target, lasting: millis(0...2_000))
            case ..<55: return ChaosFault(kind: .stop, target: target, lasting: millis(0...2_000))
            case ..<75:
                return ChaosFault(kind: .pause, target: target, lasting: millis(200...4_000))
            case ..<90:
                return ChaosFault(kind: .freeze, target: target, lasting: millis(8_000...14_000))
            default:
                let joining = "\(target.dropLast())3"
                return ChaosFault(kind: .join, target: joining, lasting: millis(2_000...10_000))
            }
        case ..<80:
            let kinds: [Kind] = [.fastRestart, .immediateRestart, .backendKill, .pause, .outage]
            let kind = kinds.randomElement(using: &generator) ?? .pause
            let lasting =
                kind == .outage ? millis(1_000...outageMax) : millis(0...4_000)
            return ChaosFault(kind: kind, target: "postgres", lasting: lasting)
        case ..<92:
            let kinds: [Kind] = [.kill, .stop, .pause, .outage]
            let kind = kinds.randomElement(using: &generator) ?? .kill
            let lasting = kind == .outage ? millis(1_000...outageMax) : millis(0...3_000)
            return ChaosFault(kind: kind, target: "broker", lasting: lasting)
        default:
            let kind = [Kind.kill, .stop, .pause].randomElement(using: &generator) ?? .kill
            return ChaosFault(kind: kind, target: "redis", lasting: millis(0...5_000))
        }
    }
}
