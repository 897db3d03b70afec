import Synchronization
package import Telemetry
import Threading

/// A Kafka-protocol log on one machine's disk.
///
/// Clients of Kafka work against it unmodified. What it acknowledged survives the end of its process at
/// any moment. One broker, one replica, no transactions, no compaction.
package final class Broker: Sendable {
    private enum State {
        case idle
        case running(EventLoop, BrokerCore)
        case stopped
    }

    private let configuration: BrokerConfiguration
    private let logger: Logger
    private let metrics: MetricsRegistry
    private let state = Mutex(State.idle)

    /// A broker that has not started.
    package init(configuration: BrokerConfiguration, logger: Logger, metrics: MetricsRegistry) {
        self.configuration = configuration
        self.logger = logger
        self.metrics = metrics
    }

    /// Opens the data directory, listens, and serves until ``shutdown()``.
    ///
    /// After an unclean stop the end of each partition's log is read and checked first.
    ///
    /// - Returns: the port.
    /// - Throws: ``BrokerConfigurationError`` for settings that make no sense; ``StorageError`` where
    ///   the directory is in use or unreadable, or the port is taken.
    package func start() async throws -> Int {
        try configuration.validate()
        FileSystem.raiseOpenFilesLimit()
        let loop = try EventLoop(name: "broker")
        let started = Promise<Int>()
        loop.execute { [self] in
            do {
                let core = try BrokerCore(
                    configuration: configuration, loop: loop, logger: logger, metrics: metrics)
                do {
                    let port = try core.start()
                    state.withLock { $0 = .running(loop, core) }
                    started.succeed(port)
                } catch {
                    core.closeStorage {
                        loop.stop()
                        started.fail(error)
                    }
                }
            } catch {
                loop.stop()
                started.fail(error)
            }
        }
        return try await started.value()
    }

    /// Closes all connections, forces everything to the device and marks the stop as an orderly one.
    ///
    /// Idempotent.
    package func shutdown() async {
        let running = state.withLock { state -> (EventLoop, BrokerCore)? in
            guard case .running(let loop, let core) = state else { return nil }
            state = .stopped
            return (loop, core)
        }
        guard let (loop, core) = running else { return }
        let closed = Promise<Void>()
        loop.execute {
            core.stopServing()
            core.closeStorage { closed.succeed(()) }
        }
        _ = try? await closed.value()
        loop.stop()
        logger.info("broker stopped")
    }
}
