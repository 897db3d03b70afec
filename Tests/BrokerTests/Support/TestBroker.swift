import Telemetry

@testable import EmbeddedBroker

/// A broker of this process, in a directory of its own.
struct TestBroker {
    let directory: TemporaryDirectory
    let broker: Broker
    let port: Int

    static func start(
        in directory: TemporaryDirectory = TemporaryDirectory(),
        _ change: (inout BrokerConfiguration) -> Void = { _ in }
    ) async throws -> TestBroker {
        var configuration = BrokerConfiguration(dataDirectory: directory.path + "/data")
        configuration.partitionsDefault = 2
        configuration.autoCreateTopics = true
        change(&configuration)
        let broker = Broker(
            configuration: configuration, logger: Logger(component: "test", level: .error),
            metrics: MetricsRegistry())
        let port = try await broker.start()
        return TestBroker(directory: directory, broker: broker, port: port)
    }

    func client() throws -> RawClient { try RawClient(port: port) }

    /// A broker on a copy of the files as they are now: what the sudden end of the process leaves.
    func restartedAfterKill(
        _ change: (inout BrokerConfiguration) -> Void = { _ in }
    ) async throws -> TestBroker {
        let copy = TemporaryDirectory()
        copyTree(directory.path + "/data", to: copy.path + "/data")
        await broker.shutdown()
        return try await TestBroker.start(in: copy, change)
    }

    func shutdown() async { await broker.shutdown() }
}

/// Starts a broker, runs `body`, stops the broker.
func withBroker(
    _ change: (inout BrokerConfiguration) -> Void = { _ in },
    _ body: (TestBroker) async throws -> Void
) async throws {
    let broker = try await TestBroker.start(change)
    do {
        try await body(broker)
        await broker.shutdown()
    } catch {
        await broker.shutdown()
        throw error
    }
}
