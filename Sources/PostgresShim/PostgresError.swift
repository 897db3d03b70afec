/// Why Postgres did not do what it was asked.
///
/// Source: the SQLSTATE codes of PostgreSQL 15, appendix A.
package struct PostgresError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Who found fault.
    package enum Kind: Hashable, Sendable {
        /// The server refused; the connection lives on, its transaction rolled back.
        case server
        /// The connection could not be made, was lost, or stayed silent past its deadline.
        case connection
        /// A result does not have the shape that the caller expects.
        case decoding
        /// The connection was closed, or is in a state that forbids the call.
        case usage
    }

    /// Who found fault.
    package var kind: Kind
    /// The five characters of SQLSTATE; `08006` for a connection lost without the server's word.
    package var sqlState: String
    /// The server's or libpq's primary message.
    package var message: String
    /// The server's detail, which may hold values of the row.
    package var detail: String?
    /// The constraint that was violated.
    package var constraint: String?
    /// Which statement of a pipeline failed, counted from 0.
    package var statementIndex: Int?
    /// Whether the transaction may have been committed all the same.
    ///
    /// The connection was lost after a COMMIT was sent and before its answer came.
    package var isCommitUnknown = false

    package init(
        kind: Kind, sqlState: String, message: String, detail: String? = nil,
        constraint: String? = nil, statementIndex: Int? = nil
    ) {
        self.kind = kind
        self.sqlState = sqlState
        self.message = message
        self.detail = detail
        self.constraint = constraint
        self.statementIndex = statementIndex
    }

    /// Whether the same call may succeed later: lost connections, deadlocks, time-outs, a server
    /// that starts, stops or is full.
    ///
    /// Where ``isCommitUnknown`` is set as well, look at the data before repeating.
    package var isRetriable: Bool {
        if kind == .connection { return true }
        guard kind == .server else { return false }
        switch sqlState {
        case "40001", "40P01", "55P03", "57014", "25006": return true
        default:
            return ["08", "53"].contains { sqlState.hasPrefix($0) } || sqlState.hasPrefix("57P0")
        }
    }

    /// Whether the statement's very input is at fault, now and for ever: a value that cannot be, a
    /// constraint that forbids it, more than the server can take; or a row that cannot be read.
    ///
    /// Anything else the server says may be mended from outside: a missing table by a migration, a
    /// missing right by a grant.
    package var isInputRefused: Bool {
        kind == .decoding
            || kind == .server && ["22", "23", "54"].contains { sqlState.hasPrefix($0) }
    }

    /// Whether a row with the same key was there already.
    package var isUniqueViolation: Bool { sqlState == "23505" }

    /// Whether the connection that threw this is of no further use.
    package var isConnectionLost: Bool { kind == .connection }

    package var description: String {
        var text = "\(message) (SQLSTATE \(sqlState)"
        if let constraint { text += ", constraint \(constraint)" }
        if let statementIndex { text += ", statement \(statementIndex)" }
        if isCommitUnknown { text += ", commit unknown" }
        return text + ")"
    }

    static func lost(_ message: String) -> PostgresError {
        PostgresError(kind: .connection, sqlState: "08006", message: message)
    }
}
