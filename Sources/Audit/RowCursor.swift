package import PostgresShim

/// Rows of a query that come page by page, so that any number of them fits into memory.
///
/// It lives in the connection's open transaction, and ends with it.
package struct RowCursor {
    private static let pageRows = 2_000

    private let connection: PostgresConnection
    private let fetch: String
    private var page: PostgresResult
    private var row = 0

    /// - Parameter name: a name of its own among the connection's cursors.
    package init(
        _ name: String, of query: String, _ parameters: [PostgresParameter],
        on connection: PostgresConnection
    ) async throws(PostgresError) {
        self.connection = connection
        fetch = "FETCH \(Self.pageRows) FROM \(name)"
        _ = try await connection.execute(
            "DECLARE \(name) NO SCROLL CURSOR FOR \(query)", parameters)
        page = try await connection.execute(fetch)
    }

    /// The current row, with its page; `nil` after the last one.
    package var current: (page: PostgresResult, row: Int)? {
        row < page.rowCount ? (page, row) : nil
    }

    /// Goes on to the next row.
    package mutating func advance() async throws(PostgresError) {
        row += 1
        if row == page.rowCount, row == Self.pageRows {
            page = try await connection.execute(fetch)
            row = 0
        }
    }
}
