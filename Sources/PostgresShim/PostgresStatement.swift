/// One SQL statement with its parameters, for a pipeline.
package struct PostgresStatement: Sendable {
    enum Effect: Sendable {
        case begin, commit, rollback, other
    }

    /// The text with `$1`, `$2` for parameters; it is prepared once per connection.
    package let sql: String
    /// The values of `$1`, `$2`.
    package let parameters: [PostgresParameter]
    let effect: Effect

    /// A statement.
    ///
    /// - Parameter sql: one statement; values belong into the parameters, because each new text
    ///   takes a place in the cache of prepared statements.
    package init(_ sql: String, _ parameters: [PostgresParameter] = []) {
        self.sql = sql
        self.parameters = parameters
        effect = Effect(sql)
    }

    /// Opens a transaction at the database's default isolation, READ COMMITTED.
    package static let begin = PostgresStatement("BEGIN")
    /// Ends a transaction; when it fails with ``PostgresError/isCommitUnknown``, look before repeating.
    package static let commit = PostgresStatement("COMMIT")
    /// Drops a transaction.
    package static let rollback = PostgresStatement("ROLLBACK")
}

extension PostgresStatement.Effect {
    /// What the first word says about the transaction.
    init(_ sql: String) {
        let text = sql.utf8.drop { $0 <= 0x20 }
        let word = text.prefix { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A }
        func isWord(_ expected: String) -> Bool {
            word.lazy.map { $0 | 0x20 }.elementsEqual(expected.utf8)
        }
        if isWord("begin") || isWord("start") {
            self = .begin
        } else if isWord("commit") || isWord("end") {
            self = .commit
        } else if isWord("rollback") || isWord("abort") {
            self = .rollback
        } else {
            self = .other
        }
    }
}
