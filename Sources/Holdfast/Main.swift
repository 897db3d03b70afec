import Glibc
import Settings
import Telemetry

/// The one executable of the suite; each service and tool is a command of it.
@main
struct Main {
    static func main() async {
        // Writing to a connection that went away is an error to handle, not a reason to die.
        signal(SIGPIPE, SIG_IGN)
        switch Arguments.ofThisProcess() {
        case .tell(let text):
            write(text, to: STDOUT_FILENO)
        case .refuse(let text):
            write(text, to: STDERR_FILENO)
            exit(2)
        case .run(let command, let settings):
            exit(await run(command, settings))
        }
    }

    /// Runs a command to its end; the exit code.
    private static func run(_ command: Command, _ settings: Settings) async -> CInt {
        let logger = Logger(component: command.rawValue, level: settings[Configuration.logLevel])
        do {
            switch command {
            case .gateway: try await GatewayCommand.run(settings, logger)
            case .cart: try await CartCommand.run(settings, logger)
            case .inventory: try await InventoryCommand.run(settings, logger)
            case .migrate: try await MigrateCommand.run(settings, logger)
            case .broker: try await BrokerCommand.run(settings, logger)
            case .race: return try await RaceCommand.run(settings, logger)
            case .load: return try await LoadCommand.run(settings, logger)
            case .simulate: return await SimulateCommand.run(settings, logger)
            case .topics: try await TopicsCommand.run(settings, logger)
            case .audit: return try await AuditCommand.run(settings, logger)
            case .benchBroker: try await BenchBrokerCommand.run(settings, logger)
            case .benchReport: return try BenchReportCommand.run(settings, logger)
            }
            return 0
        } catch {
            logger.error("The process ends because of an error.", ["error": "\(error)"])
            return 1
        }
    }

    private static func write(_ text: String, to descriptor: CInt) {
        var text = text
        text.withUTF8 { bytes in
            _ = unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        }
    }
}
