import Adapters
import Glibc
import KafkaShim
import Messages
import Settings
import Telemetry

/// What the settings say of the log.
struct LogSettings {
    let layout: TopicLayout
    private let brokers: String
    private let replication: Int
    private let clientID: String

    /// - Parameter role: the service, under whose name brokers see its clients.
    init(_ settings: Settings, role: String) {
        layout = TopicLayout(
            cartPartitions: settings[Configuration.cartPartitions],
            inventoryPartitions: settings[Configuration.inventoryPartitions],
            replyPartitions: settings[Configuration.replyPartitions])
        brokers = settings[Configuration.kafkaBrokers].map(\.text).joined(separator: ",")
        replication = settings[Configuration.replicationFactor]
        clientID = "holdfast-\(role)"
    }

    /// The configuration of one client.
    func client(_ purpose: String) -> KafkaClientConfiguration {
        KafkaClientConfiguration(brokers: brokers, clientID: "\(clientID)-\(purpose)")
    }

    /// What sees to the topics.
    func topics(_ admin: KafkaAdmin, logger: Logger) -> KafkaTopics {
        KafkaTopics(
            admin, layout: layout, replication: replication, clock: SystemClock(),
            logger: logger)
    }

    /// A name by which people recognise this process: role, host and process ID.
    var processName: String {
        var host = [CChar](repeating: 0, count: 256)
        unsafe gethostname(&host, host.count - 1)
        let name = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        return "\(clientID)@\(name)/\(getpid())"
    }
}
