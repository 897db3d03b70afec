import PostgresShim

/// A database of an installation's own.
struct Database: Sendable {
    /// Where the installation's processes find it.
    let url: String
    private let name: String
    private let serverURL: String

    /// Names a database that is yet to be created.
    ///
    /// - Parameter serverURL: another database on the same server.
    init(on serverURL: String) {
        self.serverURL = serverURL
        name = "e2e_" + TestEnvironment.uniqueName()
        let query = serverURL.drop { $0 != "?" }
        let address = serverURL.prefix { $0 != "?" }
        let base = address.split(separator: "/", omittingEmptySubsequences: false).prefix(3)
        url = base.joined(separator: "/") + "/\(name)\(query)"
    }

    /// Makes it, empty.
    func create() async throws {
        try await Self.query("CREATE DATABASE \(name)", on: serverURL)
    }

    /// Whether its server answers.
    func isServed() async -> Bool {
        (try? await Self.query("SELECT 1", on: serverURL)) != nil
    }

    /// Removes it, with whoever is still connected.
    func drop() async {
        _ = try? await Self.query("DROP DATABASE \(name) WITH (FORCE)", on: serverURL)
    }

    /// The rows of a query, each value as text.
    ///
    /// Each of its columns has to be of type text.
    @discardableResult
    func rows(_ sql: String, _ parameters: String...) async throws -> [[String]] {
        let result = try await Self.query(
            sql, parameters.map { PostgresParameter.text($0) }, on: url)
        return try (0..<result.rowCount).map { row in
            try (0..<result.columnCount).map { try result.textIfPresent(row, $0) ?? "null" }
        }
    }

    /// The number that a query yields, of type bigint.
    func number(_ sql: String, _ parameters: String...) async throws -> Int {
        let result = try await Self.query(
            sql, parameters.map { PostgresParameter.text($0) }, on: url)
        return Int(try result.int8(0, 0))
    }

    @discardableResult
    private static func query(
        _ sql: String, _ parameters: [PostgresParameter] = [], on url: String
    ) async throws -> PostgresResult {
        let connection = try await PostgresConnection.connect(
            PostgresConfiguration(url: url, applicationName: "end-to-end-tests"))
        do {
            let result = try await connection.execute(sql, parameters)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }
}
