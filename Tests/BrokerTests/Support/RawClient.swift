import Glibc
import Threading

@testable import EmbeddedBroker

/// The broker did not do what a client may expect.
struct ClientError: Error {
    let reason: String
}

/// A client that speaks the protocol byte by byte, on a thread of its own.
actor RawClient {
    private let executor = PinnedThreadExecutor(name: "raw-client")
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    private let descriptor: CInt
    private var correlationID: Int32 = 0

    init(port: Int) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw ClientError(reason: "connect: \(errno)") }
        // A deadline for a broker that never answers, not a measure of how fast it is.
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
        close(descriptor)
        executor.stop()
    }

    /// Sends bytes as they are.
    func send(raw bytes: [UInt8]) throws {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                Glibc.send(
                    descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done,
                    CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw ClientError(reason: "send: \(errno)") }
            done += count
        }
    }

    /// Sends a request; returns its correlation ID.
    @discardableResult
    func send(_ key: APIKey, _ version: Int16, _ body: [UInt8]) throws -> Int32 {
        correlationID += 1
        try send(raw: frame(key.rawValue, version, correlationID, body))
        return correlationID
    }

    /// The next frame, without its length.
    func receive() throws -> [UInt8] {
        let head = try receive(count: 4)
        let length = head.reduce(0) { $0 << 8 | Int($1) }
        return try receive(count: length)
    }

    /// Sends a request and gives what follows the correlation ID of its answer.
    func call(_ key: APIKey, _ version: Int16, _ body: [UInt8]) throws -> [UInt8] {
        let id = try send(key, version, body)
        let frame = try receive()
        var reader = WireReader(frame)
        guard try reader.int32() == id else { throw ClientError(reason: "another answer") }
        return Array(frame[4...])
    }

    /// Waits until the broker closes the connection.
    func waitForClose() throws {
        var byte: UInt8 = 0
        while true {
            let count = recv(descriptor, &byte, 1, 0)
            if count == 0 || (count < 0 && errno == ECONNRESET) { return }
            if count < 0 { throw ClientError(reason: "the connection stays open") }
        }
    }

    /// Closes without a word.
    func disconnect() { shutdown(descriptor, CInt(SHUT_RDWR)) }

    private func receive(count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let received = bytes.withUnsafeMutableBytes { bytes in
                recv(descriptor, bytes.baseAddress.map { $0 + done }, count - done, 0)
            }
            guard received > 0 else {
                throw ClientError(reason: received == 0 ? "closed" : "recv: \(errno)")
            }
            done += received
        }
        return bytes
    }
}

/// A whole request frame with a header of version 1.
func frame(_ key: Int16, _ version: Int16, _ correlationID: Int32, _ body: [UInt8]) -> [UInt8] {
    var writer = WireWriter()
    writer.int32(Int32(14 + body.count))
    writer.int16(key)
    writer.int16(version)
    writer.int32(correlationID)
    writer.string("test")
    writer.raw(body)
    return writer.bytes
}

/// The fields of a request's body.
func body(_ write: (inout WireWriter) -> Void) -> [UInt8] {
    var writer = WireWriter()
    write(&writer)
    return writer.bytes
}
