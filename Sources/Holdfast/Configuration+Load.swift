import LoadTest
import Settings

extension Configuration {
    // MARK: Load

    static let loadScenario = Setting<Scenario>.choice(
        "scenario", environment: "LOAD_SCENARIO", default: .uniform,
        help: """
            What shoppers do. uniform: adds of one piece, evenly over products that do not run out. \
            hot: the same with one product. flash-sale: waves of users who each want one of a few \
            pieces. last-item: for each product's only piece several users race. mixed: adds, \
            removes, checks and REST, products run out. soak: the same for long, with shoppers \
            that come and go.
            """)

    static let loadRate = Setting.rate(
        "rate", environment: "LOAD_RATE",
        help: """
            Requests per second, in an open loop: what is late counts from when it was due. max is \
            as many as are answered. By default max, but 500 for mixed and 200 for soak.
            """
    ).optional

    static let loadInFlight = Setting.integer(
        "in-flight", environment: "LOAD_IN_FLIGHT", in: 1...65_536,
        help: """
            How many requests may be unanswered; further ones wait, which counts as latency. By \
            default 512 at rate max, else 10000.
            """
    ).optional

    static let loadWarmUp = Setting.duration(
        "warm-up", environment: "LOAD_WARM_UP", in: .zero...(.seconds(3_600)),
        default: .seconds(2),
        help: "What is asked in this time is told apart from what is measured; not for waves.")

    static let loadDuration = Setting.duration(
        "duration", environment: "LOAD_DURATION", in: .milliseconds(100)...(.seconds(604_800)),
        help: "How long it is measured, waves excepted. By default 10s, but 30m for soak."
    ).optional

    static let loadUsers = Setting.integer(
        "users", environment: "LOAD_USERS", in: 1...10_000_000,
        help: """
            Shoppers, each with a websocket and a cart; for flash-sale and last-item all who come, \
            wave after wave. By default 2000; mixed 1000, soak 500, flash-sale 100000, last-item \
            1000.
            """
    ).optional

    static let loadSockets = Setting.integer(
        "sockets", environment: "LOAD_SOCKETS", in: 1...18_000, default: 8_000,
        help: """
            How many websockets are open at once, at most. Each costs this process and its gateway \
            a file descriptor, and this machine a port for a minute.
            """)

    static let loadProducts = Setting.integer(
        "products", environment: "LOAD_PRODUCTS", in: 1...1_000_000,
        help: """
            How many products are seeded. By default 1000; hot and flash-sale 1, the others 200. \
            For last-item that is the number of races.
            """
    ).optional

    static let loadStock = Setting.integer(
        "stock", environment: "LOAD_STOCK", in: 1...1_000_000_000_000,
        help: """
            Pieces of each product. By default more than can be sold; flash-sale 1000, last-item 1, \
            mixed 1000, soak 20000.
            """
    ).optional

    static let loadAddsPerUser = Setting.integer(
        "adds-per-user", environment: "LOAD_ADDS_PER_USER", in: 1...500, default: 200,
        help: "After so many adds a shopper leaves and a new one connects; not for waves.")

    static let loadDeadline = Setting.duration(
        "deadline", environment: "LOAD_DEADLINE", in: .milliseconds(100)...(.seconds(3_600)),
        default: .seconds(30),
        help:
            "How long after the last request answers are awaited; what is missing then is missing.")

    static let loadSettle = Setting.duration(
        "settle", environment: "LOAD_SETTLE", in: .zero...(.seconds(3_600)),
        default: .seconds(30),
        help: """
            What the database has otherwise than clients were told counts if it is still so after \
            this time: pieces that were removed come back after the answer.
            """)

    static let loadTruth = Setting.flag(
        "truth", environment: "LOAD_TRUTH", default: true,
        help: "Compare what clients were told with the database, which --database-url names.")

    static let loadDatabase = databaseURL.optional

    static let loadJSON = Setting.text(
        "json", environment: "LOAD_JSON", placeholder: "FILE",
        help: "Writes the report as JSON."
    ).optional

    static let loadHTML = Setting.text(
        "html", environment: "LOAD_HTML", placeholder: "FILE",
        help: "Writes the report as one page with plots, which needs nothing else."
    ).optional

    static let loadPIDs = Setting.processes(
        "pids", environment: "LOAD_PIDS",
        help: """
            The processes whose CPU is told, each with its children. By default those of \
            .run/pids under the current directory.
            """
    ).optional

    static let load = CommandSpecification(
        name: "load",
        summary: "Puts the suite under load, and tells latencies, throughput, CPU and the truth.",
        settings: [
            loadScenario, loadRate, loadInFlight, gatewayURLs, adminToken, loadDatabase,
            loadWarmUp, loadDuration, loadUsers, loadSockets, loadProducts, loadStock,
            loadAddsPerUser, loadDeadline, loadSettle, loadTruth, loadJSON, loadHTML, loadPIDs,
            toolLogLevel,
        ])
}

/// How fast requests are sent.
enum Rate: Sendable {
    case perSecond(Double)
    /// As fast as they are answered.
    case max
}

extension Setting where Value == Rate {
    fileprivate static func rate(_ name: String, environment: String, help: String) -> Setting {
        .parsed(
            name, environment: environment, placeholder: "N|max",
            allowed: "a number per second from 0.01 to 1000000, or max", help: help,
            read: { text in
                if text == "max" { return .max }
                guard let rate = Double(text), rate >= 0.01, rate <= 1_000_000 else { return nil }
                return .perSecond(rate)
            },
            write: { rate in
                switch rate {
                case .perSecond(let rate): "\(rate)"
                case .max: "max"
                }
            })
    }
}

extension Setting where Value == [WatchedProcess] {
    fileprivate static func processes(
        _ name: String, environment: String, help: String
    ) -> Setting {
        .list(
            name, environment: environment, placeholder: "NAME=PID",
            allowed: "a name and a process ID, such as gateway=4711", help: help,
            read: { WatchedProcess($0) }, write: { "\($0.name)=\($0.pid)" })
    }
}
