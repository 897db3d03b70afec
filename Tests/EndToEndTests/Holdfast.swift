import Glibc

/// Runs a command of the executable to its end.
enum Holdfast {
    /// What a command did.
    struct Run: Sendable {
        let end: ChildProcess.End
        let output: String
        let errors: String
    }

    /// Runs it, with this process's environment unless told otherwise.
    static func run(
        _ arguments: [String], environment: [String: String] = TestEnvironment.inherited,
        within limit: Duration = .seconds(60)
    ) async throws -> Run {
        let base = "\(TestEnvironment.logs)/command-\(TestEnvironment.uniqueName())"
        let (output, errors) = ("\(base).out", "\(base).err")
        defer {
            unlink(output)
            unlink(errors)
        }
        let process = try await ChildProcess.start(
            "holdfast \(arguments.first ?? "")", [TestEnvironment.executable()] + arguments,
            environment: environment, output: output, errors: errors)
        do {
            let end = try await process.ended(within: limit)
            return Run(
                end: end, output: TextFile.read(output), errors: TextFile.read(errors))
        } catch {
            process.signal(SIGKILL)
            throw Failure("\(error); it said: \(TextFile.read(errors))")
        }
    }
}
