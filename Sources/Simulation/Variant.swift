/// A suite that is deliberately broken in one place, to show that the simulation notices.
///
/// All are broken outside the services, at their ports: a store, a log or a gateway that does not keep
/// what the rule demands.
package enum Variant: String, CaseIterable, Sendable {
    case answersElsewhere = "answers-elsewhere"
    case oneAsker = "one-asker"
    case noRepeats = "no-repeats"
    case poisonRetried = "poison-retried"
    case globalRequestIDs = "global-request-ids"
    case noEpochCheck = "no-epoch-check"
    case noConflictCheck = "no-conflict-check"
    case forgottenObligations = "forgotten-obligations"
    case answerBeforeAppend = "answer-before-append"
    case untrimmedPending = "untrimmed-pending"
    case tornSnapshot = "torn-snapshot"
    case relativeLower = "relative-lower"
    case noTombstone = "no-tombstone"
    case askDecidedAnew = "ask-decided-anew"
    case staleLedger = "stale-ledger"
    case lockRuleAlone = "lock-rule-alone"
    case guessUnchecked = "guess-unchecked"
    case batchFromOneRow = "batch-from-one-row"
    case sweeperLowers = "sweeper-lowers"
    case refreshFromTwoSides = "refresh-from-two-sides"
    case stockBelowHeld = "stock-below-held"
    case forgottenSources = "forgotten-sources"

    /// The rule of the design that is broken.
    package var rule: String {
        switch self {
        case .answersElsewhere: "L1"
        case .oneAsker: "L2"
        case .noRepeats: "L3"
        case .poisonRetried: "L4"
        case .globalRequestIDs: "C1"
        case .noEpochCheck: "C2"
        case .noConflictCheck: "C3"
        case .forgottenObligations: "C4"
        case .answerBeforeAppend: "C5"
        case .untrimmedPending: "C6"
        case .tornSnapshot: "snapshots"
        case .relativeLower, .noTombstone, .askDecidedAnew: "I1"
        case .staleLedger, .guessUnchecked: "I2"
        case .lockRuleAlone: "I3"
        case .batchFromOneRow: "I4"
        case .sweeperLowers, .refreshFromTwoSides: "I5"
        case .stockBelowHeld: "I6"
        case .forgottenSources: "merging"
        }
    }

    /// What is broken.
    package var summary: String {
        switch self {
        case .answersElsewhere:
            "one subscription to both topics: one instance gets the answers to all carts"
        case .oneAsker: "only the first gateway that asks is remembered"
        case .noRepeats: "gateways do not send unanswered requests again"
        case .poisonRetried: "a request that the store refuses for ever is tried for ever"
        case .globalRequestIDs: "the ledger finds holds by request ID alone, whosever cart it is"
        case .noEpochCheck: "the store takes what a deposed owner appends"
        case .noConflictCheck: "the store takes a second event of the same version"
        case .forgottenObligations: "the store does not keep obligations"
        case .answerBeforeAppend: "an append is acknowledged before it is durable"
        case .untrimmedPending: "a removal's trimming of pending adds is not kept"
        case .tornSnapshot: "a snapshot is kept although its events are not"
        case .relativeLower: "a lower that is delivered again lowers again"
        case .noTombstone: "a lower that comes before its ask leaves no row"
        case .askDecidedAnew: "refusals leave no row, so that a repeated ask is decided anew"
        case .staleLedger: "the ledger is read before the product's row is waited for"
        case .guessUnchecked: "what products were guessed to be is not compared with their rows"
        case .lockRuleAlone: "no row lock: what was read before is written back"
        case .batchFromOneRow:
            "holds of one product in one batch each count from the same row; the last one wins"
        case .sweeperLowers: "the sweeper lets holds go by itself and tells nobody"
        case .refreshFromTwoSides:
            "the sweeper gives a due hold's pieces back, and its cart may refresh it all the same"
        case .stockBelowHeld: "stock can be set below what is held"
        case .forgottenSources: "asks of a merge do not name the holds that they replace"
        }
    }
}
