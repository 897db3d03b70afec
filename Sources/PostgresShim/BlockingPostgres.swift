/// One connection to Postgres that its caller's thread waits on.
///
/// For benchmarks, which tell with it what Postgres and libpq cost without any change of threads.
/// Stays on the thread that made it.
package final class BlockingPostgres {
    private let configuration: PostgresConfiguration
    private var handle: PostgresHandle

    /// Connects within the configuration's connect timeout.
    package init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        self.configuration = configuration
        handle = try PostgresHandle.connecting(configuration)
    }

    /// Sends all statements in one flight with one sync, and returns one result for each; see
    /// ``PostgresConnection/pipeline(_:)``.
    package func pipeline(
        _ statements: [PostgresStatement]
    ) throws(PostgresError) -> [PostgresResult] {
        try handle.run(statements, before: .now + configuration.callTimeout)
    }
}
