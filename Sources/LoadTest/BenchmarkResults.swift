import Messages

/// What a benchmark of the suite beside `pgbench` left behind: the files of its measurements.
///
/// - `pgbench-NAME.ROUND.txt`: what `pgbench` printed;
/// - `load-NAME.json` or `load-NAME.ROUND.json`: a report of a load test, where the name of a step of
///   growth is `growth.DIMENSION.COUNT.max` or `.steady`;
/// - `micro.txt`, `machine.txt`: lines of figures, and of `Name: value`;
/// - `chain.ROUND.txt`: lines of a load's name and the figures of ``Chain``, between tabs;
/// - `storage.txt`, `moved.txt`: lines of `name number`.
package struct BenchmarkResults: Sendable {
    /// Why a file cannot be read.
    package struct Malformed: Error, CustomStringConvertible {
        package let file: String
        package var description: String { "\(file) is not what a measurement leaves" }
    }

    /// What `pgbench` measured in one round.
    package struct Yardstick: Sendable, Equatable {
        package var perSecond: Double
        package var meanMillis: Double
    }

    /// What the parts reach alone, without the suite's work.
    package struct Chain: Sendable, Equatable {
        package var perSecond: Double
        /// In milliseconds.
        package var p50: Double
        /// In milliseconds.
        package var p99: Double
        /// Microseconds of CPU for one add: of the process with the hops, the broker, Postgres.
        package var costs: [Double]
    }

    /// One scale of one dimension, loaded as fast as possible and at a steady rate.
    package struct GrowthStep: Sendable {
        package var count: Int
        package var max: BenchmarkLoad?
        package var steady: BenchmarkLoad?
    }

    /// By name, in the order of the rounds.
    package private(set) var yardsticks: [String: [Yardstick]] = [:]
    /// By name, in the order of the rounds.
    package private(set) var loads: [String: [BenchmarkLoad]] = [:]
    /// By the name of the load that they stand beside, in the order of the rounds.
    package private(set) var chains: [String: [Chain]] = [:]
    /// By dimension, from small to large.
    package private(set) var growth: [String: [GrowthStep]] = [:]
    /// Cells of each row: name, value, the baseline's value, ratio.
    package private(set) var micro: [[String]] = []
    package private(set) var machine: [(name: String, value: String)] = []
    package private(set) var storage: [String: Int] = [:]
    /// What Postgres and the log did for adds of uniform products, and how many adds that were.
    package private(set) var moved: [(name: String, count: Int)] = []

    /// - Parameter files: by name, with what they hold; others than these are left alone.
    package init(files: [String: [UInt8]]) throws {
        let rounds = files.map { (file: $0.key, parts: Self.parts($0.key), bytes: $0.value) }
            .sorted { ($0.parts.round, $0.file) < ($1.parts.round, $1.file) }
        for (file, parts, bytes) in rounds {
            if parts.name.hasPrefix("load-") {
                guard let load = BenchmarkLoad(json: bytes) else { throw Malformed(file: file) }
                note(load, String(parts.name.dropFirst(5)))
            } else if parts.name.hasPrefix("pgbench-") {
                guard let yardstick = Self.yardstick(text(bytes)) else {
                    throw Malformed(file: file)
                }
                yardsticks[String(parts.name.dropFirst(8)), default: []].append(yardstick)
            } else if parts.name == "chain" {
                for line in lines(bytes) {
                    guard let (load, chain) = Self.chain(line) else { throw Malformed(file: file) }
                    chains[load, default: []].append(chain)
                }
            }
        }
        for dimension in growth.keys { growth[dimension]?.sort { $0.count < $1.count } }
        micro = lines(files["micro.txt"]).map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
        guard micro.allSatisfy({ $0.count == 4 }) else { throw Malformed(file: "micro.txt") }
        for line in lines(files["machine.txt"]) {
            guard let colon = line.firstIndex(of: ":") else { throw Malformed(file: "machine.txt") }
            machine.append((String(line[..<colon]), String(line[colon...].dropFirst(2))))
        }
        storage = Dictionary(
            try Self.counts("storage.txt", files).map { ($0.name, $0.count) },
            uniquingKeysWith: { _, last in last })
        moved = try Self.counts("moved.txt", files)
    }

    private static func counts(
        _ file: String, _ files: [String: [UInt8]]
    ) throws -> [(name: String, count: Int)] {
        try lines(files[file]).map { line in
            let words = line.split(separator: " ")
            guard words.count == 2, let count = Int(words[1]) else { throw Malformed(file: file) }
            return (String(words[0]), count)
        }
    }

    private mutating func note(_ load: BenchmarkLoad, _ name: String) {
        let words = name.split(separator: ".")
        guard words.count == 4, words[0] == "growth", let count = Int(words[2]) else {
            loads[name, default: []].append(load)
            return
        }
        var steps = growth[String(words[1])] ?? []
        var step = GrowthStep(count: count)
        if let index = steps.firstIndex(where: { $0.count == count }) {
            step = steps.remove(at: index)
        }
        if words[3] == "max" { step.max = load } else { step.steady = load }
        growth[String(words[1])] = steps + [step]
    }

    /// A file's name without its kind and, where one follows, its round.
    private static func parts(_ file: String) -> (name: String, round: Int) {
        guard let dot = file.lastIndex(of: ".") else { return (file, 0) }
        let stem = file[..<dot]
        if let dot = stem.lastIndex(of: "."), let round = Int(stem[stem.index(after: dot)...]) {
            return (String(stem[..<dot]), round)
        }
        return (String(stem), 0)
    }

    private static func chain(_ line: Substring) -> (load: String, Chain)? {
        let words = line.split(separator: "\t")
        let numbers = words.dropFirst().compactMap { Double($0) }
        guard words.count == 7, numbers.count == 6 else { return nil }
        return (
            String(words[0]),
            Chain(
                perSecond: numbers[0], p50: numbers[1], p99: numbers[2],
                costs: Array(numbers[3...]))
        )
    }

    private static func yardstick(_ text: String) -> Yardstick? {
        func number(after title: String) -> Double? {
            for line in text.split(separator: "\n") where line.hasPrefix(title) {
                return Double(line.dropFirst(title.count).prefix { $0.isNumber || $0 == "." })
            }
            return nil
        }
        guard let perSecond = number(after: "tps = "),
            let millis = number(after: "latency average = ")
        else { return nil }
        return Yardstick(perSecond: perSecond, meanMillis: millis)
    }
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

private func lines(_ bytes: [UInt8]?) -> [Substring] {
    text(bytes ?? []).split(separator: "\n")
}
