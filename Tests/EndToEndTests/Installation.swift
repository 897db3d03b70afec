import Glibc
import Synchronization
import Testing
import WebClient

/// A suite of real processes with a database, a broker and ports of its own.
actor Installation {
    /// What an installation consists of.
    struct Plan: Sendable {
        /// Names the directory of its logs.
        let name: String
        var gateways = 1
        var carts = 1
        var inventories = 1
        /// Flags of each gateway.
        var gatewayFlags: [String] = []
        /// Whether it has a Postgres and a Redis server of its own, which tests may stop and start.
        var ownsServers = false
        /// Settings of every process, by the names of their variables.
        var settings: [String: String] = [:]
    }

    /// The installation of the test that runs.
    @TaskLocal private static var running: Installation?

    /// The installation of the test that runs, which its suite's trait has started.
    static var current: Installation {
        get throws { try #require(running, "the suite has no installation") }
    }

    nonisolated let plan: Plan
    nonisolated let token = TestEnvironment.uniqueName()
    nonisolated let database: Database
    /// Where the broker keeps its data.
    nonisolated let dataDirectory: String
    nonisolated let logs: String
    /// Where servers of its own keep their data.
    nonisolated let serverDirectory: String
    private nonisolated let executable: String
    private nonisolated let redisURL: String
    private nonisolated let ports: [String: Int]
    private var processes: [String: ChildProcess] = [:]

    /// Starts what is planned, runs `body` with it, and stops it whatever happens.
    static func run(_ plan: Plan, _ body: () async throws -> Void) async throws {
        let installation = try Installation(plan)
        LogTails.add(installation.logs)
        defer { LogTails.remove(installation.logs) }
        let result: Result<Void, any Error>
        do {
            try await installation.startAll()
            result = .success(try await $running.withValue(installation) { try await body() })
        } catch {
            result = .failure(error)
        }
        await installation.stopAll()
        try result.get()
    }

    private init(_ plan: Plan) throws {
        self.plan = plan
        executable = try TestEnvironment.executable()
        var ports: [String: Int] = [:]
        let services =
            (1...plan.gateways + 1).map { "gateway-\($0)" }
            + (1...plan.carts + 1).map { "cart-\($0)" }
            + (1...plan.inventories + 1).map { "inventory-\($0)" }
        for name in ["postgres", "redis", "broker", "broker-health"] + services {
            var port = try TestEnvironment.freePort()
            while ports.values.contains(port) { port = try TestEnvironment.freePort() }
            ports[name] = port
        }
        self.ports = ports
        logs = "\(TestEnvironment.logs)/\(plan.name)"
        TextFile.removeDirectory(logs)
        TestEnvironment.makeDirectory(logs)
        let parent = TestEnvironment.variables["TMPDIR"] ?? "/tmp"
        dataDirectory = "\(parent)/holdfast-end-to-end-\(TestEnvironment.uniqueName())"
        TestEnvironment.makeDirectory(dataDirectory)
        serverDirectory = "/var/tmp/holdfast-end-to-end-\(TestEnvironment.uniqueName())"
        if plan.ownsServers {
            redisURL = "redis://127.0.0.1:\(ports["redis"] ?? 0)"
            database = Database(
                on: "postgres://holdfast@127.0.0.1:\(ports["postgres"] ?? 0)/postgres")
        } else {
            redisURL = try Self.redisURL()
            database = Database(on: try TestEnvironment.setting("DATABASE_URL"))
        }
    }

    /// The Redis server of the tests, with a database number of this installation's own as far as
    /// chance allows; product codes are unique in any case.
    private static func redisURL() throws -> String {
        let url = try TestEnvironment.setting("REDIS_URL")
        let base = url.split(separator: "/", omittingEmptySubsequences: false).prefix(3)
        return base.joined(separator: "/") + "/\(Int.random(in: 1...15))"
    }

    // MARK: - Addresses

    /// The base URL of a gateway, counted from 0.
    nonisolated func gateway(_ index: Int = 0) -> String { url("gateway-\(index + 1)") }

    nonisolated var gateways: [String] { (0..<plan.gateways).map { gateway($0) } }

    /// The base URL of a process's health and metrics: `cart-1`, `broker`.
    nonisolated func url(_ name: String) -> String {
        "http://127.0.0.1:\(port(name == "broker" ? "broker-health" : name))"
    }

    nonisolated func port(_ name: String) -> Int { ports[name] ?? 0 }

    /// Its processes, but for servers of its own.
    nonisolated var names: [String] {
        ["broker"] + (1...plan.inventories).map { "inventory-\($0)" }
            + (1...plan.carts).map { "cart-\($0)" } + (1...plan.gateways).map { "gateway-\($0)" }
    }

    /// The environment of this installation's processes.
    nonisolated var environment: [String: String] {
        var environment = TestEnvironment.inherited
        environment["DATABASE_URL"] = database.url
        environment["REDIS_URL"] = redisURL
        environment["KAFKA_BROKERS"] = "127.0.0.1:\(port("broker"))"
        environment["ADMIN_TOKEN"] = token
        return environment.merging(plan.settings) { $1 }
    }

    // MARK: - Processes

    private func startAll() async throws {
        if plan.ownsServers {
            try await makePostgresCluster()
            for name in ["postgres", "redis"] { try await restart(name) }
        }
        try await database.create()
        let migration = try await Holdfast.run(["migrate"], environment: environment)
        guard migration.end == .exited(0) else {
            throw Failure("the schema could not be made: \(migration.errors)")
        }
        for name in names { try await start(name) }
        for name in names { try await waitUntilReady(name) }
    }

    /// Starts a process; it need not be ready yet.
    ///
    /// - Parameter changes: what it finds changed in its environment.
    func start(_ name: String, _ changes: [String: String] = [:]) async throws {
        let kind = String(name.prefix { $0 != "-" })
        var command = [executable, kind]
        var user: String?
        switch kind {
        case "postgres":
            command = try postgresCommand()
            user = Self.postgresUser
        case "redis":
            command = redisCommand
        case "broker":
            command += [
                "--port", "\(port("broker"))", "--health-port", "\(port("broker-health"))",
                "--data-directory", dataDirectory,
            ]
        case "gateway":
            command += ["--port", "\(port(name))"] + plan.gatewayFlags
        default:
            command += ["--health-port", "\(port(name))"]
        }
        let log = "\(logs)/\(name).log"
        processes[name] = try await ChildProcess.start(
            name, command, environment: environment.merging(changes) { $1 }, output: log,
            errors: log, user: user)
    }

    /// Waits until a process says that it is ready.
    func waitUntilReady(_ name: String) async throws {
        try await eventually("\(name) is ready") {
            if let end = processes[name]?.end {
                throw Failure("\(name) ended with \(end) while it was starting")
            }
            return switch name {
            case "postgres": await database.isServed()
            case "redis": TestEnvironment.isOpen(port: port(name))
            default: try await health(name) == 200
            }
        }
    }

    /// The status of a process's readiness; 0 if nobody answers.
    func health(_ name: String) async throws -> Int {
        let client = try Client.shared.get()
        let url = url(name) + "/health/ready"
        do {
            return try await client.request("GET", url, timeout: .seconds(5)).status
        } catch {
            return 0
        }
    }

    /// The process of that name.
    func process(_ name: String) throws -> ChildProcess {
        try #require(processes[name], "\(name) was never started")
    }

    /// Kills a process as a crash would.
    func crash(_ name: String) async throws { try await process(name).killAndWait() }

    /// Starts a process again and waits until it is ready.
    func restart(_ name: String, _ changes: [String: String] = [:]) async throws {
        try await start(name, changes)
        try await waitUntilReady(name)
    }

    private func stopAll() async {
        for kind in ["gateway", "cart", "inventory", "broker", "redis", "postgres"] {
            let group = processes.values.filter { $0.name.hasPrefix(kind) && $0.end == nil }
            for process in group {
                // To Postgres, SIGTERM means: when all clients have left.
                process.signal(kind == "postgres" ? SIGINT : SIGTERM)
                process.signalFamily(SIGCONT)
            }
            for process in group {
                do {
                    _ = try await process.ended(within: .seconds(15))
                } catch {
                    Issue.record("\(process.name) did not stop when it was told to")
                    process.signal(SIGKILL)
                }
            }
        }
        TextFile.removeDirectory(dataDirectory)
        if plan.ownsServers {
            TextFile.removeDirectory(serverDirectory)
        } else {
            await database.drop()
        }
    }
}

/// Starts an installation for the tests of a suite, and stops it after them.
struct InstallationTrait: SuiteTrait, TestScoping {
    let plan: Installation.Plan

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await Installation.run(plan) { try await function() }
    }
}

extension Trait where Self == InstallationTrait {
    /// The tests of the suite share an installation.
    static func installation(
        _ name: String, gateways: Int = 1, carts: Int = 1, inventories: Int = 1,
        gatewayFlags: [String] = [], ownsServers: Bool = false, settings: [String: String] = [:]
    ) -> Self {
        InstallationTrait(
            plan: Installation.Plan(
                name: name, gateways: gateways, carts: carts, inventories: inventories,
                gatewayFlags: gatewayFlags, ownsServers: ownsServers, settings: settings))
    }
}

/// The ends of the logs of the installations that run, for the reader of a failure.
enum LogTails {
    static let heading = "The ends of the logs:"

    private static let directories = Mutex<[String]>([])

    static func add(_ directory: String) { directories.withLock { $0.append(directory) } }

    static func remove(_ directory: String) {
        directories.withLock { $0.removeAll { $0 == directory } }
    }

    /// The last lines of each log.
    static func text() -> String {
        let processes = [
            "postgres", "redis", "broker", "inventory-1", "inventory-2", "cart-1", "cart-2",
            "gateway-1", "gateway-2",
        ]
        var text = ""
        for directory in directories.withLock({ $0 }) {
            for process in processes {
                let path = "\(directory)/\(process).log"
                let tail = TextFile.tail(path, lines: 8)
                if !tail.isEmpty { text += "\n\(path)\n\(tail)" }
            }
        }
        return text.isEmpty ? "" : heading + text
    }
}
