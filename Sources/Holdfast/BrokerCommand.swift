import EmbeddedBroker
import Settings
import Telemetry
import Threading

/// `holdfast broker`: serves the log.
enum BrokerCommand {
    static func run(_ settings: Settings, _ logger: Logger) async throws {
        let stopSignal = StopSignal(logger: logger)
        let metrics = MetricsRegistry()
        let configuration = try Configuration.brokerConfiguration(settings)
        let broker = Broker(configuration: configuration, logger: logger, metrics: metrics)
        let port = try await broker.start()
        logger.info("The log is served.", ["host": configuration.host, "port": "\(port)"])
        let health = try await HealthServer.start(
            host: settings[Configuration.healthHost],
            port: settings[Configuration.brokerHealthPort], probes: [],
            loop: EventLoop(name: "health"), logger: logger, metrics: metrics)
        await stopSignal.wait()
        await broker.shutdown()
        await health.stop()
        logger.info("Stopped.")
    }
}
