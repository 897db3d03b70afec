/// How races for last items ended, one for each product.
package struct RaceResult: Sendable {
    /// Races with exactly one winner, with none, and with more than one.
    package private(set) var oneWinner = 0
    package private(set) var noWinner = 0
    package private(set) var manyWinners = 0
    /// Shoppers who got no outcome, or one that no race allows.
    package private(set) var unanswered = 0
    /// The first reason for which somebody counts as unanswered.
    package private(set) var firstProblem: String?

    package init(_ tally: Tally, products: Int) {
        var winners = [Int](repeating: 0, count: products)
        for number in 0..<tally.count {
            let record = tally[number]
            switch record.outcome {
            case .accepted: winners[Int(record.product)] += 1
            case .outOfStock: break
            case let outcome:
                unanswered += 1
                if firstProblem == nil {
                    firstProblem = "race \(record.product + 1): \(outcome.name)"
                }
            }
        }
        for count in winners {
            switch count {
            case 0: noWinner += 1
            case 1: oneWinner += 1
            default: manyWinners += 1
            }
        }
    }

    /// Whether each race had one winner, and everyone an answer.
    package var isFair: Bool { noWinner == 0 && manyWinners == 0 && unanswered == 0 }
}
