import Glibc
import LoadTest
import Settings
import Telemetry
import Threading
import WebClient

/// `holdfast load`: puts the suite under load, checks the truth, and reports.
enum LoadCommand {
    /// - Returns: 1 if the database differs from what clients were told, or somebody was not answered;
    ///   2 if what it needs is not set.
    static func run(_ settings: Settings, _ logger: Logger) async throws -> CInt {
        guard let adminToken = settings[Configuration.adminToken] else {
            logger.error(
                """
                The load test seeds its own products, and needs --admin-token or ADMIN_TOKEN for it.
                """)
            return 2
        }
        let database = settings[Configuration.loadDatabase]
        guard database != nil || !settings[Configuration.loadTruth] else {
            logger.error(
                """
                To check the truth --database-url or DATABASE_URL is needed; --truth=false does \
                without.
                """)
            return 2
        }
        let configuration = configuration(settings, adminToken: adminToken)
        if configuration.scenario == .lastItem, configuration.rivals > configuration.socketsMax {
            logger.error("All rivals of a race need a websocket at once: raise --sockets.")
            return 2
        }
        let watched = settings[Configuration.loadPIDs] ?? suiteProcesses()
        let loop = try EventLoop(name: "load")
        let progress = ProgressLine()
        let run = LoadRun(
            configuration, watching: watched, client: WebClient(loop: loop), loop: loop)
        guard
            let result = try await untilStopped(
                StopSignal(logger: logger),
                { try await run.run { now in progress.show(line(now), isLast: false) } })
        else { return 1 }

        var truth: TruthCheck.Findings?
        if settings[Configuration.loadTruth], let database {
            progress.show("checking the truth", isLast: false)
            truth = try await check(
                result.truthCheck, PostgresTruth(url: database.text),
                settle: settings[Configuration.loadSettle])
        }
        progress.show("done", isLast: true)
        let report = LoadReport(result, truth: truth)
        print(report.text)
        if let path = settings[Configuration.loadJSON] { try write(report.json, to: path) }
        if let path = settings[Configuration.loadHTML] {
            try write(Array(report.html.utf8), to: path)
        }
        let unanswered = result.phases.reduce(0) { $0 + $1.outcomes[.unanswered] }
        return report.isTrue && unanswered == 0 ? 0 : 1
    }

    /// What was seen up to the end, or until the process was told to stop.
    private static func untilStopped(
        _ stopSignal: StopSignal, _ run: @escaping @Sendable () async throws -> LoadRun.Result
    ) async throws -> LoadRun.Result? {
        try await withThrowingTaskGroup(of: LoadRun.Result?.self) { group in
            group.addTask { try await run() }
            group.addTask {
                await stopSignal.wait()
                return nil
            }
            let first = try await group.next()
            group.cancelAll()
            if let result = first ?? nil { return result }
            return try await group.next() ?? nil
        }
    }

    private static func configuration(
        _ settings: Settings, adminToken: String
    ) -> LoadConfiguration {
        let scenario = settings[Configuration.loadScenario]
        let standard = scenario.standard
        let rate: Double? =
            switch settings[Configuration.loadRate] {
            case .perSecond(let rate)?: rate
            case .max?: nil
            case nil: standard.rate
            }
        let products = settings[Configuration.loadProducts] ?? standard.products
        return LoadConfiguration(
            scenario: scenario, rate: rate,
            inFlightMax: settings[Configuration.loadInFlight] ?? (rate == nil ? 512 : 10_000),
            gateways: settings[Configuration.gatewayURLs].map { $0.text.droppingLastSlash },
            adminToken: adminToken, warmUp: settings[Configuration.loadWarmUp],
            duration: settings[Configuration.loadDuration]
                ?? standard.minutes.map { .seconds($0 * 60) } ?? .seconds(10),
            users: settings[Configuration.loadUsers] ?? standard.users,
            socketsMax: settings[Configuration.loadSockets], products: products,
            stock: settings[Configuration.loadStock] ?? standard.stock,
            addsPerUser: settings[Configuration.loadAddsPerUser],
            deadline: settings[Configuration.loadDeadline])
    }

    /// Looks until nothing is found, or until what is found has had its time.
    private static func check(
        _ check: TruthCheck, _ source: PostgresTruth, settle: Duration
    ) async throws -> TruthCheck.Findings {
        let deadline = ContinuousClock.now + settle
        while true {
            let findings = try await check.look(at: source)
            let isLasting = findings.lies.keys.allSatisfy { $0.isFinal }
            if isLasting || ContinuousClock.now >= deadline { return findings }
            try await Task.sleep(for: .milliseconds(250))
        }
    }

    /// The processes that `make start` has started from the current directory.
    private static func suiteProcesses() -> [WatchedProcess] {
        ProcFile.names(in: ".run/pids").filter { $0.hasSuffix(".pid") }.sorted().compactMap {
            file in
            let text = ProcFile.read(".run/pids/\(file)")
            guard let pid = Int(text.prefix { $0.isNumber }) else { return nil }
            return WatchedProcess(name: String(file.dropLast(4)), pid: pid)
        }
    }

    private static func line(_ now: LoadProgress) -> String {
        var text = "\(now.phase) \(numberText(now.seconds, places: 0)) s"
        if let interval = now.interval, interval.rate > 0 {
            text += """
                : \(groupedText(Int(interval.rate)))/s, p50 \(millisText(interval.p50)) ms, \
                p99 \(millisText(interval.p99)) ms
                """
        }
        text += ", \(now.inFlight) in flight, \(now.openSockets) sockets"
        for (outcome, count) in now.outcomes.present {
            text += ", \(groupedText(count)) \(outcome.name)"
        }
        return text
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError(path: path, code: errno) }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(
                    descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
            }
            guard count > 0 else { throw FileError(path: path, code: errno) }
            written += count
        }
    }

    private struct FileError: Error, CustomStringConvertible {
        let path: String
        let code: CInt
        var description: String {
            "\(path) cannot be written: \(unsafe String(cString: strerror(code)))"
        }
    }
}
