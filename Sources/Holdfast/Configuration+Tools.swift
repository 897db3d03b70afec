import Settings

extension Configuration {
    // MARK: Broker

    static let brokerHost = Setting.text(
        "host", environment: "BROKER_HOST", default: "127.0.0.1", placeholder: "HOST",
        help: "The address to listen on, and the one that clients are told.")

    static let brokerPort = Setting.integer(
        "port", environment: "BROKER_PORT", in: 0...65_535, default: 29_092,
        help: "The port for Kafka's protocol; 0 takes a free one and logs it.")

    static let brokerDataDirectory = Setting.text(
        "data-directory", environment: "BROKER_DATA_DIRECTORY", default: ".run/broker",
        placeholder: "PATH", help: "Where the log lies; made if it is missing.")

    static let brokerHealthPort = healthPort("BROKER_HEALTH_PORT", default: 18_081)

    static let segmentMax = Setting.byteCount(
        "segment-max", in: (1 << 20)...(2 << 30), default: 64 << 20,
        help: "A segment file that has grown beyond this is closed and a new one begun.")

    static let broker = CommandSpecification(
        name: "broker",
        summary: "Serves the log from this machine's disk, in Kafka's protocol.",
        settings: [
            brokerHost, brokerPort, brokerDataDirectory, healthHost, brokerHealthPort, segmentMax,
            stopDeadline, logLevel,
        ])

    // MARK: Race

    static let raceRounds = Setting.integer(
        "rounds", environment: "RACE_ROUNDS", in: 1...1_000_000, default: 200,
        help: "How many times to race, each for the last item of a fresh product.")

    static let raceUsers = Setting.integer(
        "users", environment: "RACE_USERS", in: 2...10_000, default: 2,
        help: "How many shoppers want it at once.")

    static let raceGateways = Setting.urls(
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
        settings: [raceRounds, raceUsers, raceGateways, adminToken, raceDeadline, logLevel])
}
