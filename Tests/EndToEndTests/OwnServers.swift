import FoundationEssentials
import Glibc
import Testing

/// Postgres and Redis as processes of an installation.
extension Installation {
    /// As whom Postgres runs where the tests are root's: it refuses to be root.
    static let postgresUser = "postgres"

    private nonisolated var postgresData: String { "\(serverDirectory)/postgres" }

    /// The newest Postgres that Debian installed.
    private nonisolated func postgresBinary(_ name: String) throws -> String {
        let base = "/usr/lib/postgresql"
        let versions = try FileManager.default.contentsOfDirectory(atPath: base)
        let newest = try #require(
            versions.compactMap { Int($0) }.max(), "there is no Postgres in \(base)")
        return "\(base)/\(newest)/bin/\(name)"
    }

    /// Makes an empty cluster that trusts whoever is on this machine.
    func makePostgresCluster() async throws {
        TestEnvironment.makeDirectory(serverDirectory)
        TestEnvironment.makeDirectory("\(serverDirectory)/redis")
        if geteuid() == 0 {
            let user = try #require(getpwnam(Self.postgresUser), "there is no user postgres")
            chown(serverDirectory, user.pointee.pw_uid, user.pointee.pw_gid)
        }
        let log = "\(logs)/postgres.log"
        let maker = try await ChildProcess.start(
            "initdb",
            [
                try postgresBinary("initdb"), "--pgdata", postgresData, "--username=holdfast",
                "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
            ], environment: environment, output: log, errors: log, user: Self.postgresUser)
        let end = try await maker.ended(within: .seconds(60))
        try #require(end == .exited(0), "initdb: \(TextFile.tail(log, lines: 5))")
    }

    nonisolated func postgresCommand() throws -> [String] {
        // What a power cut would take may be lost, so it need not wait for the disk.
        let settings = [
            "listen_addresses=127.0.0.1", "port=\(port("postgres"))", "fsync=off",
            "unix_socket_directories=", "max_connections=200", "timezone=UTC",
        ]
        return [try postgresBinary("postgres"), "-D", postgresData]
            + settings.flatMap { ["-c", $0] }
    }

    nonisolated var redisCommand: [String] {
        [
            "/usr/bin/redis-server", "--bind", "127.0.0.1", "--port", "\(port("redis"))",
            "--dir", "\(serverDirectory)/redis", "--appendonly", "yes", "--save", "",
        ]
    }
}

extension ChildProcess {
    /// Sends a signal to the process and to those that it has started: itself first, so that it starts
    /// no further ones meanwhile.
    func signalFamily(_ number: Int32) {
        signal(number)
        for child in children { kill(child, number) }
    }

    /// The processes that it has started and that run.
    var children: [pid_t] {
        let list = TextFile.read("/proc/\(pid)/task/\(pid)/children")
        return list.split(separator: " ").compactMap { pid_t($0) }
    }

    /// Its memory in use, in bytes; 0 once it has ended.
    var residentBytes: Int {
        let fields = TextFile.read("/proc/\(pid)/statm").split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}
