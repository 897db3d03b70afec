/// Where a Postgres server is and how long it may take.
///
/// The address may hold a password, so neither description shows it.
package struct PostgresConfiguration: Sendable, CustomStringConvertible,
    CustomDebugStringConvertible
{
    /// A `postgres://user:password@host:port/database?parameter=value` address, or libpq's
    /// `key=value` form.
    package var url: String
    /// How long connecting may take in all, name resolution excepted.
    package var connectTimeout: Duration = .seconds(5)
    /// How long one call may take before the connection is given up as dead.
    ///
    /// It should exceed ``statementTimeout``, so that a slow statement is cancelled by the server
    /// and only a silent server costs the connection.
    package var callTimeout: Duration = .seconds(30)
    /// The server's `statement_timeout`; zero for none.
    package var statementTimeout: Duration = .seconds(15)
    /// The server's `idle_in_transaction_session_timeout`; zero for none.
    ///
    /// It frees the row locks of a process that was stopped in the middle of a transaction.
    package var idleInTransactionTimeout: Duration = .seconds(30)
    /// Further settings of the session, such as `search_path`.
    package var settings: [String: String] = [:]
    /// What `pg_stat_activity` shows.
    package var applicationName: String

    /// A configuration with the default limits.
    package init(url: String, applicationName: String = "holdfast") {
        self.url = url
        self.applicationName = applicationName
    }

    package var description: String { "PostgresConfiguration(\(applicationName))" }

    package var debugDescription: String { description }
}

extension Duration {
    /// Whole milliseconds, rounded down, between 0 and what a C `int` holds.
    var millisecondsForC: Int32 {
        let parts = components
        let millis = parts.seconds.multipliedReportingOverflow(by: 1000)
        if millis.overflow { return parts.seconds < 0 ? 0 : Int32.max }
        let sum = millis.partialValue.addingReportingOverflow(
            parts.attoseconds / 1_000_000_000_000_000)
        return Int32(clamping: max(0, sum.overflow ? Int64.max : sum.partialValue))
    }
}
