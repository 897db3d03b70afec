/// Lives of the suite that one seed each decides, from the first request to the last check.
package enum Simulation {
    /// What came of one life.
    package struct Result: Sendable {
        package let seed: UInt64
        /// How many steps it took.
        package let stepCount: Int
        /// How often each fault struck.
        package let faults: [String: Int]
        /// How many requests ended in which way.
        package let outcomes: [String: Int]
        /// What did not hold; empty when all is well.
        package let violations: [String]
        /// What happened, line by line, if that was wanted.
        package let trace: [String]
    }

    /// Lives one life; the same seed lives the same in every process with the same order of hashes.
    ///
    /// Blocks its thread until the life is over.
    package static func live(
        seed: UInt64, variant: Variant? = nil, isTraced: Bool = false
    ) -> Result {
        let life = Life(seed: seed, variant: variant, isTraced: isTraced)
        life.live(steps: 40 + Int(seed % 61))
        defer { life.end() }
        return Result(
            seed: seed, stepCount: life.stepCount, faults: life.trace.faults,
            outcomes: life.history.outcomes, violations: life.violations, trace: life.trace.text)
    }
}
