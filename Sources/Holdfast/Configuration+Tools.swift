import Settings

extension Configuration {
    // MARK: Race

    static let raceRounds = Setting.integer(
        "rounds", environment: "RACE_ROUNDS", in: 1...1_000_000, default: 200,
        help: "How many times to race, each for the last item of a fresh product.")

    static let raceUsers = Setting.integer(
        "users", environment: "RACE_USERS", in: 2...10_000, default: 2,
        help: "How many shoppers want it at once.")

    static let gatewayURLs = Setting.urls(
        "gateway", environment: "GATEWAY_URLS", schemes: ["http"],
        default: ServiceURL("http://127.0.0.1:8080", schemes: ["http"]).map { [$0] },
        help: "The gateways, which the shoppers take in turn.")

    static let raceDeadline = Setting.duration(
        "deadline", environment: "RACE_DEADLINE", in: .milliseconds(100)...(.seconds(600)),
        default: .seconds(30),
        help: "A shopper without an outcome after this time counts as unanswered.")

    static let race = CommandSpecification(
        name: "race",
        summary: "Lets shoppers race for a last item, many times, and counts the winners.",
        settings: [raceRounds, raceUsers, gatewayURLs, adminToken, raceDeadline, logLevel])
}

extension Configuration {
    // MARK: Audit

    static let auditRepair = Setting.flag(
        "repair", environment: "AUDIT_REPAIR",
        help: "Mend what is found, by messages to the carts and the inventory, which have to run.")

    static let auditJSON = Setting.flag(
        "json", environment: "AUDIT_JSON", help: "Print JSON instead of tables.")

    static let auditSecondLook = Setting.duration(
        "second-look", environment: "AUDIT_SECOND_LOOK", in: .zero...(.seconds(600)),
        default: .seconds(2),
        help: "After this time a difference is looked at again; it counts if it is still there.")

    static let auditRepairDeadline = Setting.duration(
        "repair-deadline", environment: "AUDIT_REPAIR_DEADLINE",
        in: .seconds(1)...(.seconds(3_600)), default: .seconds(60),
        help: "How long --repair waits for the differences to go.")

    static let audit = CommandSpecification(
        name: "audit",
        summary: "Finds differences between holds, stock and carts, and can mend them.",
        settings: [
            databaseURL, kafkaBrokers, auditRepair, auditJSON, auditSecondLook,
            auditRepairDeadline, toolLogLevel,
        ])
}
