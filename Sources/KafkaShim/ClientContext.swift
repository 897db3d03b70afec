import Synchronization
import Telemetry

/// What one client tells the world: its log lines, its metrics, whether it is connected.
final class ClientContext: Sendable {
    /// How long a repeated error of one code stays silent.
    private static let repetitionSilence: Duration = .seconds(60)

    let connection: ConnectionMonitor
    private let logger: Logger
    private let errors: Counter
    private let lastReports = Mutex<[Int32: ContinuousClock.Instant]>([:])

    init(clientID: String, logger: Logger, metrics: MetricsRegistry) {
        self.logger = logger
        errors = metrics.counter(
            "holdfast_kafka_errors_total", help: "Errors that the Kafka client reported.",
            labels: ["client": clientID])
        connection = ConnectionMonitor(
            gauge: metrics.gauge(
                "holdfast_kafka_connected", help: "1 while a broker is connected, else 0.",
                labels: ["client": clientID]),
            logger: logger)
    }

    /// Takes an error that no caller waits for.
    ///
    /// All are counted. Connection trouble is a matter of ``connection``, which logs changes only;
    /// any other code is logged at most once a minute, since the client retries by itself.
    func report(_ error: KafkaError, about subject: String = "") {
        errors.increment()
        if error.isConnectionTrouble {
            if error.name == "_ALL_BROKERS_DOWN" { connection.markDown(error.message) }
            logger.debug("connection trouble", ["error": error.description])
            return
        }
        let now = ContinuousClock.now
        let isNews = lastReports.withLock { reports in
            if let last = reports[error.code], now - last < Self.repetitionSilence { return false }
            reports[error.code] = now
            return true
        }
        if isNews {
            logger.warning(
                "Kafka client error", ["error": error.description, "subject": subject])
        }
    }

    /// Takes a failure that the caller is told as well.
    func count(_ error: KafkaError) { errors.increment() }

    /// What an operator has to act on.
    func reportFatal(_ error: KafkaError) {
        errors.increment()
        logger.error(
            "Kafka client failed for good; restart the process", ["error": error.description])
    }

    /// A step of the client's life that operators follow, such as a rebalance.
    func note(_ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String>) {
        logger.info(message(), fields)
    }

    /// What an operator should know, though the client copes.
    func warn(_ message: @autoclosure () -> String, _ fields: KeyValuePairs<String, String>) {
        logger.warning(message(), fields)
    }

    /// Takes a line of librdkafka's own log; levels are syslog's.
    func log(level: Int, facility: String, text: String) {
        switch (level, facility) {
        case (_, "FAIL"), (_, "ERROR"), (5..., _):
            // FAIL and ERROR repeat at each retry what arrives as an event as well.
            logger.debug(text, ["facility": facility])
        case (_, "CONFWARN"), (4, _):
            logger.info(text, ["facility": facility])
        default:
            logger.warning(text, ["facility": facility])
        }
    }
}
