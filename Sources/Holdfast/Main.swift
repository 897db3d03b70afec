import EmbeddedBroker
import Glibc
import Telemetry

@main
struct Main {
    static func main() async throws {
        var configuration = BrokerConfiguration(dataDirectory: CommandLine.arguments[1])
        configuration.port = Int(CommandLine.arguments[2]) ?? 0
        if CommandLine.arguments.count > 3 {
            configuration.fsync = .init(rawValue: CommandLine.arguments[3]) ?? .interval
        }
        let registry = MetricsRegistry()
        let broker = Broker(configuration: configuration, logger: Logger(component: "broker"), metrics: registry)
        let port = try await broker.start()
        print(port)
        while getppid() >= 0 { 
            try await Task.sleep(for: .milliseconds(200))
            if unsafe access(CommandLine.arguments[1] + "/stop", F_OK) == 0 { break }
        }
        await broker.shutdown()
        unsafe unlink(CommandLine.arguments[1] + "/stop")
        print(registry.render())
    }
}
