/// What a load test found, ready to be written in any form.
package struct LoadReport: Sendable {
    /// The share of the requests whose latency tables tell, with its name.
    package static let shares: [(name: String, share: Double)] = [
        ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1),
    ]

    /// Latencies of one part of the requests, in milliseconds.
    package struct Row: Sendable, Equatable {
        package var name: String
        package var isMeasured: Bool
        package var seconds: Double
        package var requests: Int
        /// Answers per second while it lasted.
        package var rate: Double
        package var mean: Double
        /// In the order of ``LoadReport/shares``.
        package var latencies: [Double]
        package var outcomes: [Named]
    }

    /// A number with its name.
    package struct Named: Sendable, Equatable {
        package var name: String
        package var value: Int

        package init(name: String, value: Int) {
            self.name = name
            self.value = value
        }
    }

    /// What a process cost.
    package struct Cost: Sendable, Equatable {
        package var name: String
        package var pid: Int?
        package var cpuSeconds: Double
        /// Processors in use, on average.
        package var cores: Double
        package var microsPerRequest: Double
        /// As ``ProcessUsage`` tells it.
        package var memoryBytes: Int
        package var memoryGrowthBytes: Int
    }

    package var scenario: String
    /// What it was told, by name.
    package var settings: [(name: String, value: String)]
    /// The measured phases as one.
    package var total: Row
    package var phases: [Row]
    /// Each way to ask; empty where there is but one.
    package var operations: [Row]
    /// Points of the percentile curve: share, and milliseconds.
    package var curve: [(share: Double, millis: Double)]
    package var intervals: [Interval]
    /// Where measured phases begin and end, in seconds from the start.
    package var measured: [(from: Double, to: Double)]
    package var costs: [Cost]
    /// From the intended instant to sending: the generator's own lateness, and the wait for a place in
    /// flight; `nil` where nothing was intended.
    package var lateness: Row?
    package var connectionsLost: Int
    package var handshakesFailed: Int
    package var pendingAnswers: Int
    package var malformedAnswers: Int
    /// `nil` if nobody looked.
    package var truth: TruthCheck.Findings?

    /// Whether the truth was looked at and found.
    package var isTrue: Bool { truth?.isTrue ?? true }
}

extension LoadReport {
    package init(_ result: LoadRun.Result, truth: TruthCheck.Findings?) {
        let configuration = result.configuration
        let total = result.total
        func seconds(_ instant: UInt64) -> Double {
            instant > result.start ? Double(instant - result.start) / 1_000_000_000 : 0
        }
        scenario = configuration.scenario.rawValue
        settings = configuration.told
        self.total = Row("all measured", total)
        phases = result.phases.map { Row($0.name, $0) }
        operations = Operation.allCases.compactMap { operation in
            total.operations[operation].map {
                Row(operation.name, $0, seconds: total.seconds)
            }
        }
        curve = Self.curve(of: total.latencies)
        let end = result.phases.map(\.end).max().map(seconds) ?? 0
        intervals = result.intervals.filter { $0.at < end }
        measured = result.phases.filter(\.isMeasured).map { (seconds($0.start), seconds($0.end)) }
        let requests = max(total.answeredInTime, 1)
        costs = result.usage.map { usage in
            Cost(
                name: usage.name, pid: usage.pid, cpuSeconds: usage.cpuSeconds,
                cores: total.seconds > 0 ? usage.cpuSeconds / total.seconds : 0,
                microsPerRequest: usage.cpuSeconds * 1_000_000 / Double(requests),
                memoryBytes: usage.memoryBytes, memoryGrowthBytes: usage.memoryGrowthBytes)
        }
        lateness =
            result.lateness.count == 0
            ? nil : Row("lateness", result.lateness, seconds: total.seconds)
        connectionsLost = result.connectionsLost
        handshakesFailed = result.handshakesFailed
        pendingAnswers = result.pendingAnswers
        malformedAnswers = result.malformedAnswers
        self.truth = truth
    }

    /// Points that are evenly apart on an axis where each nine takes the same room.
    private static func curve(of latencies: LatencyHistogram) -> [(share: Double, millis: Double)] {
        guard latencies.count > 0 else { return [] }
        var points: [(share: Double, millis: Double)] = []
        var left = 1.0
        while left * Double(latencies.count) >= 1, points.count < 60 {
            points.append((1 - left, latencies.percentile(1 - left) / 1_000))
            // The tenth root of a tenth.
            left *= 0.794_328_234_724_281_5
        }
        let last = 1 - 1 / Double(latencies.count + 1)
        points.append((last, Double(latencies.max) / 1_000))
        return points
    }
}

extension LoadReport.Row {
    fileprivate init(_ name: String, _ phase: PhaseRecord) {
        self.init(name, phase.latencies, seconds: phase.seconds)
        isMeasured = phase.isMeasured
        rate = phase.rate
        outcomes = phase.outcomes.present.map {
            LoadReport.Named(name: $0.outcome.name, value: $0.count)
        }
    }

    fileprivate init(_ name: String, _ latencies: LatencyHistogram, seconds: Double) {
        self.name = name
        isMeasured = true
        self.seconds = seconds
        requests = latencies.count
        rate = seconds > 0 ? Double(latencies.count) / seconds : 0
        mean = latencies.mean / 1_000
        self.latencies = LoadReport.shares.map { latencies.percentile($0.share) / 1_000 }
        outcomes = []
    }
}

extension LoadConfiguration {
    /// What a report tells of the settings.
    fileprivate var told: [(name: String, value: String)] {
        var told = [
            ("rate", rate.map { "\(numberText($0, places: 0))/s" } ?? "max"),
            ("in flight at most", groupedText(inFlightMax)),
            ("gateways", "\(gateways.count)"),
            ("users", groupedText(users)),
            ("products", "\(groupedText(products)) with \(groupedText(stock)) each"),
        ]
        if scenario.isInWaves {
            told.append(("sockets at most", groupedText(socketsMax)))
            if scenario == .lastItem { told.append(("rivals", "\(rivals)")) }
        } else {
            told.append(("warm-up", "\(numberText(warmUp / .seconds(1), places: 1)) s"))
            told.append(("duration", "\(numberText(duration / .seconds(1), places: 1)) s"))
        }
        return told
    }
}
