import PostgresShim

/// Locks in the database that writers agree on, one for each name and schema.
///
/// They last until the transaction ends.
enum AdvisoryLock {
    /// The first key, which says that the lock is Holdfast's; the second is a hash of its name.
    private static let key: Int32 = 0x484F_4C44

    /// Waits for the lock and takes it.
    static func take(_ name: StaticString) -> PostgresStatement {
        PostgresStatement(
            "SELECT pg_advisory_xact_lock($1, hashtext($2 || current_schema()))",
            [.int4(key), .text("\(name) ")])
    }

    /// Takes the lock if it is free; the one column of the one row tells.
    static func takeIfFree(_ name: StaticString) -> PostgresStatement {
        PostgresStatement(
            "SELECT pg_try_advisory_xact_lock($1, hashtext($2 || current_schema()))",
            [.int4(key), .text("\(name) ")])
    }
}
