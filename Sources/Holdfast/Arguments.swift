import Glibc
import Settings

/// What a command line asks of this process.
enum Invocation {
    /// Run a command with these settings.
    case run(Command, Settings)
    /// Print the text on standard output and exit with 0.
    case tell(String)
    /// Print the text on standard error and exit with 2.
    case refuse(String)
}

/// The arguments of this process, read against what each command declares.
enum Arguments {
    /// The name under which the executable speaks of itself.
    static let executable = "holdfast"

    /// Reads this process's own arguments and environment.
    static func ofThisProcess() -> Invocation {
        interpret(Array(CommandLine.arguments.dropFirst())) { name in
            unsafe getenv(name).map { unsafe String(cString: $0) }
        }
    }

    /// Reads arguments, without the executable's name, and the environment they came with.
    static func interpret(
        _ arguments: [String], variable: (String) -> String?
    ) -> Invocation {
        guard let name = arguments.first else { return .refuse(usage) }
        let rest = Array(arguments.dropFirst())
        switch name {
        case "help", "--help", "-h":
            guard let topic = rest.first, let command = Command(rawValue: topic) else {
                return .tell(usage)
            }
            return .tell(command.specification.help(executable: executable))
        case "version", "--version":
            return .tell("\(executable) \(Configuration.version)\n")
        default:
            break
        }
        guard let command = Command(rawValue: name) else {
            let hint = nearest(to: name, among: Command.allCases.map(\.rawValue))
                .map { "; did you mean \($0)?" }
            return .refuse("\(executable): there is no command \(name)\(hint ?? "")\n\n\(usage)")
        }
        let specification = command.specification
        if rest.contains("--help") || rest.contains("-h") {
            return .tell(specification.help(executable: executable))
        }
        var environment: [String: String] = [:]
        for setting in specification.settings {
            environment[setting.environmentName] = variable(setting.environmentName)
        }
        do {
            let settings = try Settings(
                specification: specification.settings, arguments: rest, environment: environment)
            return .run(command, settings)
        } catch {
            let lines = error.problems.map { "  \($0)\n" }.joined()
            return .refuse(
                """
                \(executable) \(name) did not start, its settings are wrong:
                \(lines)See: \(executable) \(name) --help

                """)
        }
    }

    /// What the executable prints when it is not told what to do.
    static var usage: String {
        var text = "Usage: \(executable) <command> [--setting value ...]\n\nCommands:\n"
        for command in Command.allCases {
            let padding = String(repeating: " ", count: 14 - command.rawValue.count)
            text += "  \(command.rawValue)\(padding)\(command.specification.summary)\n"
        }
        text += "\nThe settings of each: \(executable) <command> --help\n"
        return text
    }
}
