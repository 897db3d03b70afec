import LoadTest
import Settings
import Telemetry
import Threading
import WebClient

/// `holdfast race`: the load test's races for last items, one after the other, and who won them.
enum RaceCommand {
    /// Holds the races and prints how they ended; 1 unless each had one winner and all answers.
    static func run(_ settings: Settings, _ logger: Logger) async throws -> CInt {
        guard let adminToken = settings[Configuration.adminToken] else {
            logger.error(
                "The race seeds its own products, and needs --admin-token or ADMIN_TOKEN for it.")
            return 2
        }
        let (rounds, users) = (
            settings[Configuration.raceRounds], settings[Configuration.raceUsers]
        )
        // As many sockets as one race needs: the next one begins when all are answered.
        let configuration = LoadConfiguration(
            scenario: .lastItem, rate: nil, inFlightMax: users,
            gateways: settings[Configuration.gatewayURLs].map { $0.text.droppingLastSlash },
            adminToken: adminToken, warmUp: .zero, duration: .zero, users: rounds * users,
            socketsMax: users, products: rounds, stock: 1, addsPerUser: .max,
            deadline: settings[Configuration.raceDeadline])
        let loop = try EventLoop(name: "race")
        let progress = ProgressLine()
        let result = try await LoadRun(configuration, client: WebClient(loop: loop), loop: loop)
            .run { now in
                progress.show(
                    "\(now.phase): won \(now.outcomes[.accepted]), lost \(now.outcomes[.outOfStock])",
                    isLast: false)
            }
        progress.show("\(rounds) races are over", isLast: true)
        let race = RaceResult(result.tally, products: rounds)
        print(report(race, result, configuration))
        return race.isFair ? 0 : 1
    }

    private static func report(
        _ race: RaceResult, _ result: LoadRun.Result, _ configuration: LoadConfiguration
    ) -> String {
        let latencies = result.total.latencies
        func latency(_ share: Double) -> String {
            "\(millisText(latencies.percentile(share) / 1_000)) ms"
        }
        var text = """
            rounds            \(configuration.products), \(configuration.socketsMax) shoppers \
            each, \(configuration.gateways.count) gateway(s)
            one winner        \(race.oneWinner)
            no winner         \(race.noWinner)
            several winners   \(race.manyWinners)
            unanswered        \(race.unanswered)
            latency           p50 \(latency(0.5)), p90 \(latency(0.9)), p99 \(latency(0.99)), \
            max \(latency(1))
            """
        if let problem = race.firstProblem { text += "\nfirst problem     \(problem)" }
        return text
    }
}

extension String {
    var droppingLastSlash: String { hasSuffix("/") ? String(dropLast()) : self }
}
