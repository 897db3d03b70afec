import Synchronization
import Telemetry

/// Knows whether a client has a broker, and says so once per change.
final class ConnectionMonitor: Sendable {
    private enum State {
        case unknown, up, down
    }

    private let state = Mutex(State.unknown)
    /// Spares the hot path the lock: messages flow only while a broker is connected.
    private let isUp = Atomic<Bool>(false)
    private let gauge: Gauge
    private let logger: Logger

    init(gauge: Gauge, logger: Logger) {
        self.gauge = gauge
        self.logger = logger
        gauge.set(0)
    }

    /// Takes evidence that a broker answers.
    func markUp() {
        if isUp.load(ordering: .relaxed) { return }
        let changed = state.withLock { state in
            if state == .up { return false }
            state = .up
            isUp.store(true, ordering: .relaxed)
            gauge.set(1)
            return true
        }
        if changed { logger.info("connected to Kafka") }
    }

    /// Takes evidence that no broker is connected.
    func markDown(_ reason: String) {
        let changed = state.withLock { state in
            if state == .down { return false }
            state = .down
            isUp.store(false, ordering: .relaxed)
            gauge.set(0)
            return true
        }
        if changed { logger.warning("Kafka is away, reconnecting", ["reason": reason]) }
    }

    /// Takes the once-a-second statistics; before the first connection, absence is no news.
    func observe(brokerIsUp: Bool) {
        if brokerIsUp {
            markUp()
        } else if isUp.load(ordering: .relaxed) {
            markDown("no broker is connected")
        }
    }
}
