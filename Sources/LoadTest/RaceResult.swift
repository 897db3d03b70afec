/// How the rounds of a race ended.
package struct RaceResult: Sendable {
    /// Rounds with exactly one winner, with none, and with more than one.
    package private(set) var oneWinner = 0
    package private(set) var noWinner = 0
    package private(set) var manyWinners = 0
    /// Shoppers who got no outcome, or one that no race allows.
    package internal(set) var unanswered = 0
    /// From asking to the outcome, of everyone who was answered; sorted once the race is over.
    package internal(set) var latencies: [Duration] = []
    /// The latest reason for which somebody counts as unanswered.
    package internal(set) var lastProblem: String?

    package init() {}

    /// Rounds so far.
    package var rounds: Int { oneWinner + noWinner + manyWinners }

    /// Whether each round had one winner, and everyone an answer.
    package var isFair: Bool { noWinner == 0 && manyWinners == 0 && unanswered == 0 }

    mutating func count(winners: Int) {
        switch winners {
        case 0: noWinner += 1
        case 1: oneWinner += 1
        default: manyWinners += 1
        }
    }

    /// The latency that a share of the answers did not exceed; `nil` without answers.
    ///
    /// - Parameter share: from 0 to 1; nearest rank.
    package func latency(atShare share: Double) -> Duration? {
        guard !latencies.isEmpty else { return nil }
        let rank = Int((share * Double(latencies.count)).rounded(.up))
        return latencies[min(max(rank, 1), latencies.count) - 1]
    }
}
