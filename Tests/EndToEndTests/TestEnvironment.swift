import Glibc
import Telemetry
import Testing
import Threading
import WebClient

/// What `make test` tells the tests.
enum TestEnvironment {
    /// A variable that `make test` sets.
    static func setting(_ name: String) throws -> String {
        guard let value = variables[name], !value.isEmpty else {
            throw Failure("\(name) is not set: run `make test`")
        }
        return value
    }

    /// The executable of the suite.
    static func executable() throws -> String {
        let path = try setting("HOLDFAST_EXECUTABLE")
        guard access(path, X_OK) == 0 else {
            throw Failure("HOLDFAST_EXECUTABLE is \(path), which cannot be run: run `make test`")
        }
        return path
    }

    /// The environment of this process.
    static let variables: [String: String] = {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return variables
    }()

    /// What children get: what this process has, but for what would lead them elsewhere.
    static let inherited: [String: String] = {
        let own: Set<String> = [
            "ADMIN_TOKEN", "DATABASE_URL", "KAFKA_BROKERS", "REDIS_URL", "LOG_LEVEL",
            "GATEWAY_URL", "GATEWAY_URLS", "CART_URLS", "INVENTORY_URLS", "CART_PARTITIONS",
            "INVENTORY_PARTITIONS", "REPLY_PARTITIONS", "BROKER_PORT", "GATEWAY_PORT",
        ]
        return variables.filter { !own.contains($0.key) }
    }()

    /// The directory for the children's logs; they stay for whoever has to look into a failure.
    static let logs: String = {
        let checkout = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "/\(checkout)/.run/test/logs/end-to-end"
        makeDirectory(path)
        return path
    }()

    /// A letter and digits that nothing else is called.
    static func uniqueName() -> String {
        "t" + String(UInt64.random(in: 0...(1 << 40)), radix: 36)
    }

    /// Makes a directory and those above it.
    static func makeDirectory(_ path: String) {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/\(part)"
            mkdir(made, 0o755)
        }
    }

    /// A port that nobody listens on, below those that the kernel gives to outgoing connections.
    static func freePort() throws -> Int {
        for _ in 0..<200 {
            let port = Int.random(in: 20_000..<30_000)
            if try Listener.isFree(port) { return port }
        }
        throw Failure("no free port was found")
    }
}

extension TestEnvironment {
    /// Whether somebody listens on a port of this machine.
    static func isOpen(port: Int) -> Bool {
        let descriptor = socket(
            AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

/// What the tests speak to the suite with.
enum Client {
    private static let loop = Result { try EventLoop(name: "test-client") }

    /// One client for all tests: loops have to outlive what names them.
    static let shared = Result { WebClient(loop: try loop.get()) }
}

/// Waits until a condition holds; fails at the deadline.
func eventually(
    _ what: String, within limit: Duration = .seconds(30),
    isolation: isolated (any Actor)? = #isolation,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        try #require(
            ContinuousClock.now < deadline, "not within \(limit): \(what)",
            sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// A listening socket that takes a port away.
final class Listener: Sendable {
    let port: Int
    private let descriptor: Int32

    /// - Parameter port: 0 for any free one.
    init(port: Int = 0) throws {
        let descriptor = socket(
            AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard isBound else {
            close(descriptor)
            throw Failure("port \(port) is taken")
        }
        self.descriptor = descriptor
        self.port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }

    static func isFree(_ port: Int) throws -> Bool { (try? Listener(port: port)) != nil }
}
