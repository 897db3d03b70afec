import Settings
import Simulation

extension Configuration {
    // MARK: Simulate

    static let seeds = Setting.integer(
        "seeds", environment: "SEEDS", in: 1...1_000_000_000, default: 1_000,
        help: "How many lives to live, each from a seed of its own.")

    static let firstSeed = Setting.integer(
        "first-seed", environment: "FIRST_SEED", in: 0...Int.max, default: 1,
        help: "The first seed; the others follow it.")

    static let variant = Setting.text(
        "variant", environment: "VARIANT", placeholder: "NAME",
        help: """
            Breaks the suite in one place and looks for the first seed that shows it: \
            \(Variant.allCases.map(\.rawValue).joined(separator: ", ")), or all.
            """
    ).optional

    static let trace = Setting.flag(
        "trace", environment: "TRACE", default: false,
        help: "Prints what happens in every life, which is much.")

    static let simulate = CommandSpecification(
        name: "simulate",
        summary: "Lives random lives of the suite in memory, with every fault, and checks them.",
        settings: [seeds, firstSeed, variant, trace, logLevel])
}
