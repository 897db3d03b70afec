import Glibc
import PostgresShim
import RedisLock
import Synchronization
import Telemetry
import Testing
import Threading

/// A variable that `make test` sets.
func setting(_ name: String) throws -> String {
    guard let value = getenv(name) else {
        throw MissingSetting(description: "\(name) is not set: run `make test`")
    }
    return String(cString: value)
}

struct MissingSetting: Error, CustomStringConvertible {
    let description: String
}

let quiet = Logger(component: "test", level: .error)

/// A schema of the test's own, dropped afterwards.
func withSchema<Result>(
    _ body: (PostgresConfiguration) async throws -> Result
) async throws -> Result {
    var configuration = PostgresConfiguration(
        url: try setting("DATABASE_URL"), applicationName: "storage-tests")
    let admin = try await PostgresConnection.connect(configuration)
    let name = "test_" + String(UInt64.random(in: 0 ... .max), radix: 36)
    _ = try await admin.execute("CREATE SCHEMA \(name)")
    configuration.settings["search_path"] = name
    do {
        let result = try await body(configuration)
        _ = try await admin.execute("DROP SCHEMA \(name) CASCADE")
        await admin.close()
        return result
    } catch {
        _ = try? await admin.execute("DROP SCHEMA \(name) CASCADE")
        await admin.close()
        throw error
    }
}

/// A connection to a schema of the test's own.
func withConnection<Result>(
    _ change: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresConnection) async throws -> Result
) async throws -> Result {
    try await withSchema { configuration in
        var configuration = configuration
        change(&configuration)
        let connection = try await PostgresConnection.connect(configuration)
        do {
            let result = try await body(connection)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }
}

/// What `body` throws.
func postgresError(
    _ body: () async throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
) async throws -> PostgresError {
    do {
        try await body()
    } catch let error as PostgresError {
        return error
    }
    return try #require(nil as PostgresError?, "no error", sourceLocation: sourceLocation)
}

/// Waits until a condition holds; fails after ten seconds.
func eventually(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "\(what)", sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// A prefix that no other test uses.
func redisConfiguration() throws -> RedisConfiguration {
    var configuration = try RedisConfiguration(url: try setting("REDIS_URL"))
    configuration.keyPrefix = "test-\(String(UInt64.random(in: 0 ... .max), radix: 36)):"
    return configuration
}

/// A TCP server on loopback that does with each connection what it is told, on threads of its own.
final class TestServer: Sendable {
    let port: UInt16
    private let descriptor: CInt
    private let accepted = Atomic<Int>(0)

    var connectionCount: Int { accepted.load(ordering: .acquiring) }

    /// - Parameter serve: gets the number of the connection, from 0, and its socket.
    init(_ serve: @escaping @Sendable (Int, CInt) -> Void) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, pointer, &length) == 0
            }
        }
        try #require(bound)
        descriptor = listener
        port = UInt16(bigEndian: address.sin_port)
        startThread(name: "test-server") { [self] in
            while true {
                let peer = accept(listener, nil, nil)
                guard peer >= 0 else { return }
                let number = accepted.add(1, ordering: .acquiringAndReleasing).oldValue
                startThread(name: "test-peer") {
                    serve(number, peer)
                    Glibc.close(peer)
                }
            }
        }
    }

    /// Accepts and stays silent.
    static func silent() throws -> TestServer {
        try TestServer { _, peer in
            var byte: UInt8 = 0
            while read(peer, &byte, 1) > 0 {}
        }
    }

    func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
        Glibc.close(descriptor)
    }
}
