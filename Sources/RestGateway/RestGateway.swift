import Messages
package import Telemetry
package import WebServer

/// The suite's door: turns what clients ask over HTTP and websockets into messages on the log, and
/// what the log answers into answers.
///
/// Wire it so: give ``handler`` to the web server; once the gateway's reply partition is assigned,
/// pass its messages to ``receive(_:)`` and keep ``run()`` running; at the end call ``drain()``, stop
/// the web server, and cancel ``run()``.
package final class RestGateway: Sendable {
    let configuration: GatewayConfiguration
    let ports: GatewayPorts
    let core: GatewayCore
    let health: HealthBoard
    let loads: LoadLimit
    let limits: RateLimits
    let crossOrigin: CrossOriginPolicy
    let metrics: GatewayMetrics
    let logger: Logger
    let router = Router()
    let documents = DescriptionDocuments.shared

    /// Makes a gateway that does nothing yet.
    ///
    /// - Parameters:
    ///   - executor: where the gateway's core runs: the web server's event loop, so that messages
    ///     need not change threads. It must outlive the gateway.
    ///   - randomness: request IDs, trace IDs and jitter come from it.
    package init(
        configuration: GatewayConfiguration, ports: GatewayPorts, metrics: MetricsRegistry,
        logger: Logger, executor: any SerialExecutor,
        randomness: any RandomNumberGenerator & Sendable = FastRandomness()
    ) {
        self.configuration = configuration
        self.ports = ports
        self.metrics = GatewayMetrics(metrics)
        self.logger = logger
        limits = RateLimits(configuration, metrics: self.metrics)
        crossOrigin = CrossOriginPolicy(allowed: configuration.allowedOrigins)
        core = GatewayCore(
            configuration: configuration, log: ports.log, clock: ports.clock,
            metrics: self.metrics, limits: limits, logger: logger, executor: executor,
            randomness: randomness)
        health = HealthBoard(
            probes: ports.probes, clock: ports.clock, cachedFor: configuration.probesCachedFor)
        loads = LoadLimit(configuration.loadsMax)
    }

    /// What the web server calls.
    package var handler: any RequestHandler { GatewayHandler(gateway: self) }

    /// Serves: repeats unanswered requests, tells deadlines and renews watches, until the task is
    /// cancelled.
    ///
    /// Before, and after, requests are refused with 503. Call it when the end of the reply partition
    /// is known (rule L2): the outcome of an earlier request could be missed.
    ///
    /// - Throws: `CancellationError`, after everyone who waited was answered.
    package func run() async throws { try await core.run() }

    /// Takes messages of the gateway's reply partition, in their order.
    package func receive(_ replies: [GatewayReply]) async { await core.receive(replies) }

    /// Refuses new requests, and returns when everyone who waits was told an outcome or that it is
    /// pending; needs ``run()``.
    ///
    /// It takes at most ``GatewayConfiguration/pendingAfter``.
    package func drain() async {
        logger.info("the gateway drains")
        await core.drain()
    }
}
