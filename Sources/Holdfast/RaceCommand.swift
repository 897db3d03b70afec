import LoadTest
import Settings
import Telemetry
import Threading
import WebClient

/// `holdfast race`: shoppers race for a last item.
enum RaceCommand {
    /// Holds the race and prints its result; 1 unless every round had one winner and all answers.
    static func run(_ settings: Settings, _ logger: Logger) async throws -> CInt {
        guard let adminToken = settings[Configuration.adminToken] else {
            logger.error(
                "The race seeds its own products, and needs --admin-token or ADMIN_TOKEN for it.")
            return 2
        }
        let configuration = Race.Configuration(
            rounds: settings[Configuration.raceRounds], users: settings[Configuration.raceUsers],
            gateways: settings[Configuration.raceGateways].map { $0.text.droppingLastSlash },
            adminToken: adminToken, deadline: settings[Configuration.raceDeadline])
        let loop = try EventLoop(name: "race")
        let progress = ProgressLine()
        let result = try await Race(configuration, client: WebClient(loop: loop)).run { result in
            progress.show(
                """
                round \(result.rounds)/\(configuration.rounds): one winner \(result.oneWinner), \
                none \(result.noWinner), several \(result.manyWinners), \
                unanswered \(result.unanswered)
                """, isLast: result.rounds == configuration.rounds)
        }
        print(report(result, configuration))
        return result.isFair ? 0 : 1
    }

    private static func report(_ result: RaceResult, _ configuration: Race.Configuration) -> String
    {
        func latency(_ share: Double) -> String {
            result.latency(atShare: share).map(milliseconds) ?? "-"
        }
        var text = """
            rounds            \(result.rounds), \(configuration.users) shoppers each, \
            \(configuration.gateways.count) gateway(s)
            one winner        \(result.oneWinner)
            no winner         \(result.noWinner)
            several winners   \(result.manyWinners)
            unanswered        \(result.unanswered)
            latency           p50 \(latency(0.5)), p90 \(latency(0.9)), p99 \(latency(0.99)), \
            max \(latency(1))
            """
        if let problem = result.lastProblem { text += "\nlast problem      \(problem)" }
        return text
    }

    private static func milliseconds(_ duration: Duration) -> String {
        let micros = Int(duration / .microseconds(1))
        let fraction = String(micros % 1_000)
        return
            "\(micros / 1_000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction) ms"
    }
}

extension String {
    fileprivate var droppingLastSlash: String {
        hasSuffix("/") ? String(dropLast()) : self
    }
}
