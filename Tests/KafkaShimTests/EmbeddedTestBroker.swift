import EmbeddedBroker
import Foundation
import Synchronization
import Telemetry

/// A broker inside the test process, on a directory of its own.
final class EmbeddedTestBroker: Sendable {
    /// The one that all tests share which do not stop it.
    static let shared = Task { try await EmbeddedTestBroker() }

    private let configuration: BrokerConfiguration
    private let running: Mutex<Broker?>

    /// Where it listens, also after a restart.
    var brokers: String { "127.0.0.1:\(configuration.port)" }

    init() async throws {
        let directory = try TemporaryDirectory.make()
        var configuration = BrokerConfiguration(dataDirectory: directory)
        let broker = Self.make(configuration)
        configuration.port = try await broker.start()
        self.configuration = configuration
        running = Mutex(broker)
    }

    /// Takes the broker away; connections to it are refused.
    func stop() async {
        let broker = running.withLock { broker in
            defer { broker = nil }
            return broker
        }
        await broker?.shutdown()
    }

    /// Brings it back, on the same port with the same log.
    func start() async throws {
        let broker = Self.make(configuration)
        _ = try await broker.start()
        running.withLock { $0 = broker }
    }

    private static func make(_ configuration: BrokerConfiguration) -> Broker {
        Broker(
            configuration: configuration, logger: Logger(component: "broker", level: .error),
            metrics: MetricsRegistry())
    }
}

/// Directories that are removed when the process ends; the shared broker runs until then.
private enum TemporaryDirectory {
    struct Failure: Error {
        let errno: CInt
    }

    private static let paths = Mutex<[String]>([])

    static func make() throws -> String {
        var template = Array("/tmp/holdfast-kafka-tests-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(errno: errno) }
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        let isFirst = paths.withLock { paths in
            paths.append(path)
            return paths.count == 1
        }
        if isFirst { atexit { TemporaryDirectory.removeAll() } }
        return path
    }

    private static func removeAll() {
        for path in paths.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) }
    }
}
