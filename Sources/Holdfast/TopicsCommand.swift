import KafkaShim
import Settings
import Telemetry

/// `holdfast topics`: what is in the log, and how far its readers are.
enum TopicsCommand {
    static func run(_ settings: Settings, _ logger: Logger) async throws {
        let configuration = KafkaClientConfiguration(
            brokers: settings[Configuration.kafkaBrokers].map(\.text).joined(separator: ","),
            clientID: "holdfast-topics")
        let admin = try KafkaAdmin(
            configuration: configuration, logger: logger, metrics: MetricsRegistry())
        let listing = try await LogListing(
            admin, within: settings[Configuration.topicsTimeout])
        print(settings[Configuration.topicsJSON] ? listing.json : listing.tables)
    }
}
