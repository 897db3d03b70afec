/// How the gateway is.
enum HealthOperations {
    private static let group = "Health"

    static let test = OperationDescription(
        id: "test", group: group, summary: "Tells how each dependency is",
        answers: [
            .init(200, "All are up.", [.json(.dependencies)]),
            .init(503, "Some are down.", [.json(.dependencies)]),
        ])

    static let live = OperationDescription(
        id: "live", group: group, summary: "Tells that the process answers",
        answers: [.init(200, "It does.", [.json(.serviceState)])])

    static let ready = OperationDescription(
        id: "ready", group: group, summary: "Tells whether to send clients here",
        answers: [.init(200, "Clients are served.", [.json(.serviceState)])],
        problems: [.notReady, .shuttingDown])

    static let metrics = OperationDescription(
        id: "metrics", group: group, summary: "Tells the numbers of the process",
        answers: [
            .init(200, "Prometheus' text format.", [.init("text/plain", .string())])
        ])
}
