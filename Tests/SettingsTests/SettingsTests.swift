import Testing

@testable import Settings

private enum Level: String, CaseIterable { case debug, info }

private let port = Setting.integer(
    "port", environment: "GATEWAY_PORT", in: 0...65_535, default: 8080, help: "Where to listen.")
private let brokers = Setting.hostPorts("kafka-brokers", help: "Where the log is.")
private let deadline = Setting.duration(
    "deadline", in: .milliseconds(10)...(.seconds(3_600)), default: .seconds(5), help: "How long.")
private let buffer = Setting.byteCount(
    "buffer", in: 1...(1 << 30), default: 1 << 20, help: "How much.")
private let level = Setting<Level>.choice("log-level", default: .info, help: "How much to say.")
private let verbose = Setting.flag("verbose", help: "Say more.")
private let database = Setting.url(
    "database-url", schemes: ["postgres", "postgresql"], help: "Where the rows are.")
private let token = Setting.text("admin-token", help: "Who may seed.").secret.optional
private let gateways = Setting.urls(
    "gateway", environment: "GATEWAY_URLS", schemes: ["http"], help: "Whom to ask.")

private let needed = ["KAFKA_BROKERS": "localhost:9092", "DATABASE_URL": "postgres://h/d"]
private let specification: [any SettingDeclaration] = [
    port, brokers, deadline, buffer, level, verbose, database, token,
]

private func read(
    _ arguments: String..., environment: [String: String] = [:]
) throws(SettingsError) -> Settings {
    try Settings(
        specification: specification, arguments: arguments,
        environment: environment.merging(needed) { given, _ in given })
}

/// The lines of the error that reading ends in; empty if it succeeds.
private func problems(
    _ arguments: String..., environment: [String: String] = needed,
    specification: [any SettingDeclaration] = specification
) -> [String] {
    do {
        _ = try Settings(
            specification: specification, arguments: arguments, environment: environment)
        return []
    } catch {
        return error.problems.map(\.description)
    }
}

@Suite struct SettingsTests {
    @Test func `every kind has its default`() throws {
        let settings = try read()
        #expect(settings[port] == 8080)
        #expect(settings[deadline] == .seconds(5))
        #expect(settings[buffer] == 1_048_576)
        #expect(settings[level] == .info)
        #expect(!settings[verbose])
        #expect(settings[token] == nil)
        #expect(settings.origin(of: port) == .standard)
    }

    @Test func `a flag wins over a variable, a variable over the default`() throws {
        let environment = ["GATEWAY_PORT": "81", "DEADLINE": "250ms"]
        let settings = try read("--port", "82", environment: environment)
        #expect(settings[port] == 82)
        #expect(settings.origin(of: port) == .flag)
        #expect(settings[deadline] == .milliseconds(250))
        #expect(settings.origin(of: deadline) == .environment)
    }

    @Test func `a wrong variable that a flag overrides does no harm`() throws {
        #expect(try read("--port=82", environment: ["GATEWAY_PORT": "x"])[port] == 82)
    }

    @Test func `an empty variable counts as not set`() throws {
        #expect(try read(environment: ["GATEWAY_PORT": "", "ADMIN_TOKEN": ""])[port] == 8080)
    }

    @Test func `a value may contain an equals sign and may begin with a single dash`() throws {
        #expect(try read("--admin-token=a=b")[token] == "a=b")
        #expect(try read("--admin-token", "-x")[token] == "-x")
    }

    @Test func `a yes-or-no flag may stand alone`() throws {
        #expect(try read("--verbose", "--port", "1")[verbose])
        #expect(try !read("--verbose=off")[verbose])
        #expect(try read(environment: ["VERBOSE": "1"])[verbose])
    }

    @Test func `a list comes from commas, spaces, or a repeated flag`() throws {
        let expected = [HostPort(host: "a", port: 1), HostPort(host: "::1", port: 2)]
        #expect(try read("--kafka-brokers", "a:1,[::1]:2")[brokers] == expected)
        #expect(try read("--kafka-brokers", "a:1", "--kafka-brokers=[::1]:2")[brokers] == expected)
        let spaced = try Settings(
            specification: [gateways], arguments: [],
            environment: ["GATEWAY_URLS": "http://a:1 http://b:2"])
        #expect(spaced[gateways].map(\.text) == ["http://a:1", "http://b:2"])
    }

    @Test func `a list is of whatever its owner can read, and may be left out`() throws {
        let primes = Setting.list(
            "primes", placeholder: "PRIME", allowed: "2, 3, 5 or 7", help: "Which.",
            read: { Int($0).flatMap { [2, 3, 5, 7].contains($0) ? $0 : nil } },
            write: { String($0) })
        func read(_ text: String?) throws -> [Int]? {
            let arguments = text.map { ["--primes", $0] } ?? []
            return try Settings(
                specification: [primes.optional], arguments: arguments, environment: [:])[
                    primes.optional]
        }
        #expect(try read(nil) == nil)
        #expect(try read("2, 5,7") == [2, 5, 7])
        #expect(throws: SettingsError.self) { try read("2,4") }
        #expect(throws: SettingsError.self) { try read(",") }
        let lines = problems("--primes", "9", specification: [primes])
        #expect(lines.count == 1 && lines[0].contains("a list in which each is 2, 3, 5 or 7"))
        #expect(problems(specification: [primes]).count == 1, "without .optional it must be set")
    }

    @Test func `a value may be of a kind that only its owner knows`() throws {
        let side = Setting.parsed(
            "side", placeholder: "LEFT|RIGHT", allowed: "left or right", help: "Which.",
            read: { ["left": -1, "right": 1][$0] }, write: { $0 < 0 ? "left" : "right" })
        let settings = try Settings(
            specification: [side], arguments: ["--side", "right"], environment: [:])
        #expect(settings[side] == 1)
        let lines = problems("--side", "up", specification: [side])
        #expect(lines.count == 1 && lines[0].contains("left or right"))
    }

    @Test func `everything that is wrong is reported at once`() {
        let lines = problems(
            "--port", "99999", "--deadline=5", "stray", "--buffer",
            environment: ["DATABASE_URL": "mysql://h/d", "LOG_LEVEL": "loud"])
        #expect(
            lines == [
                "\"stray\": not expected, every setting is a --flag",
                "--buffer: needs a value, a size from 1B to 1GiB, such as 64KiB or 16MiB",
                "--port (or GATEWAY_PORT): \"99999\" is not a whole number from 0 to 65535",
                "--kafka-brokers (or KAFKA_BROKERS): must be set, to a list of host:port, such as "
                    + "127.0.0.1:9092,[::1]:9093",
                "--deadline (or DEADLINE): \"5\" is not a duration from 10ms to 1h, such as "
                    + "500ms, 30s or 15m",
                "LOG_LEVEL (or --log-level): \"loud\" is not one of debug, info",
                "DATABASE_URL (or --database-url): \"mysql://h/d\" is not a URL like "
                    + "postgres://host[:port][/path] or postgresql://host[:port][/path]",
            ])
    }

    @Test func `an unknown flag names the nearest, and takes its value with it`() {
        #expect(
            problems("--kafka-broker", "a:1") == [
                "--kafka-broker: there is no such setting; did you mean --kafka-brokers?"
            ])
        #expect(problems("--zzz=1") == ["--zzz: there is no such setting"])
    }

    @Test func `a flag that comes twice is refused`() {
        #expect(problems("--port", "1", "--port", "2") == ["--port: may be given only once"])
    }

    @Test func `a missing value does not swallow the next flag`() {
        #expect(
            problems("--kafka-brokers", "--verbose", environment: ["DATABASE_URL": "postgres://h"])
                .count == 1)
    }

    @Test func `secrets never show`() throws {
        let narrow = Setting.integer("pin", in: 0...9, help: "Secret.").secret
        let lines = problems("--pin", "hunter2", environment: [:], specification: [narrow])
        #expect(lines == ["--pin (or PIN): (hidden) is not a whole number from 0 to 9"])
        let summary = try read(
            "--admin-token", "hunter2", "--database-url", "postgres://u:hunter2@h/d"
        ).summary
        #expect(!"\(summary)".contains("hunter2"))
        #expect(summary.contains { $0.name == "database-url" && $0.text == "postgres://u:***@h/d" })
    }

    @Test func `control characters do not reach the terminal`() {
        #expect(problems("\u{1B}[2J\n").first?.contains("\u{1B}") == false)
    }

    @Test func `the help shows each setting with its variable, bounds and default`() {
        let command = CommandSpecification(
            name: "gateway", summary: "Answers.", settings: specification)
        let help = command.help(executable: "holdfast")
        for setting in specification {
            #expect(help.contains("--\(setting.name) \(setting.placeholder)"))
            #expect(help.contains(setting.environmentName))
            #expect(help.contains(setting.help))
        }
        #expect(help.contains("Allowed: a whole number from 0 to 65535. Default: 8080"))
        #expect(help.contains("Must be set."))
        #expect(help.contains("Default: none"))
        #expect(help.split(separator: "\n").allSatisfy { $0.count <= 100 })
    }
}
