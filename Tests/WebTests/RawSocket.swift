import Glibc

/// A blocking client socket that sends exactly the bytes it is told to; every wait has a deadline.
final class RawSocket: @unchecked Sendable {
    private let descriptor: CInt
    private var received: [UInt8] = []
    private(set) var ended = false

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    init(port: Int, receiveBufferBytes: CInt? = nil) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        if var bytes = receiveBufferBytes {
            setsockopt(
                descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<CInt>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(description: "connect: \(errno)") }
        // Each write is to be seen by itself.
        var isOn: CInt = 1
        setsockopt(
            descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<CInt>.size))
        // Longer than any test may take; what is asserted is what comes, not when.
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(
                descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    deinit { close(descriptor) }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent,
                    CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    /// Sends what the socket takes without waiting; returns how much that was.
    func sendWithoutWaiting(_ bytes: [UInt8]) -> Int {
        let count = bytes.withUnsafeBytes {
            Glibc.send(
                descriptor, $0.baseAddress, bytes.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
        }
        return max(0, count)
    }

    func shutdownWriting() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// Reads until `isEnough` of what has come, or the end of the stream.
    private func fill(until isEnough: ([UInt8]) -> Bool) throws {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !isEnough(received) {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 || count < 0 && errno == ECONNRESET {
                ended = true
                return
            }
            guard count > 0 else { throw Failure(description: "nothing came: errno \(errno)") }
            received += buffer[..<count]
        }
    }

    /// Exactly so many bytes; fewer at the end of the stream.
    func read(_ count: Int) throws -> [UInt8] {
        try fill { $0.count >= count }
        let taken = Array(received.prefix(count))
        received.removeFirst(taken.count)
        return taken
    }

    /// Everything to the end of the stream.
    func readToEnd() throws -> String {
        try fill { _ in false }
        defer { received = [] }
        return String(decoding: received, as: UTF8.self)
    }

    /// One response with a `Content-Length`; `nil` at the end of the stream.
    func response(hasBody: Bool = true) throws -> RawResponse? {
        let separator = Array("\r\n\r\n".utf8)
        var headEnd: Int?
        try fill { bytes in
            headEnd = bytes.indices.first { bytes[$0...].starts(with: separator) }
            return headEnd != nil
        }
        guard let headEnd else { return nil }
        let lines = String(decoding: received[..<headEnd], as: UTF8.self)
            .split(separator: "\r\n").map(String.init)
        received.removeFirst(headEnd + 4)
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
            headers[parts[0].lowercased()] = parts[1].trimmingSpaces
        }
        let length = hasBody ? Int(headers["content-length"] ?? "0") ?? 0 : 0
        let status = Int(lines[0].split(separator: " ")[1]) ?? 0
        return RawResponse(
            status: status, headers: headers,
            body: String(decoding: try read(length), as: UTF8.self))
    }

    /// One unmasked frame; `nil` at the end of the stream.
    func frame() throws -> RawFrame? {
        let head = try read(2)
        guard head.count == 2 else { return nil }
        var length = Int(head[1] & 0x7F)
        if length > 125 {
            length = try read(length == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) }
        }
        return RawFrame(
            isFinal: head[0] & 0x80 != 0, opcode: head[0] & 0x0F, payload: try read(length))
    }
}

struct RawResponse {
    let status: Int
    let headers: [String: String]
    let body: String
}

struct RawFrame {
    var isFinal = true
    var opcode: UInt8
    var payload: [UInt8]

    static let text: UInt8 = 1
    static let binary: UInt8 = 2
    static let close: UInt8 = 8
    static let ping: UInt8 = 9
    static let pong: UInt8 = 10

    /// The code of a close frame.
    var closeCode: Int? {
        opcode == Self.close && payload.count >= 2
            ? Int(payload[0]) << 8 | Int(payload[1]) : nil
    }

    /// As a client sends it, or wrongly without a mask.
    func encoded(isMasked: Bool = true) -> [UInt8] {
        var bytes = [(isFinal ? 0x80 : 0) | opcode]
        let flag: UInt8 = isMasked ? 0x80 : 0
        switch payload.count {
        case ...125: bytes.append(flag | UInt8(payload.count))
        case ...65_535:
            bytes += [flag | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            bytes.append(flag | 127)
            bytes += (0..<8).reversed().map { UInt8(payload.count >> ($0 * 8) & 0xFF) }
        }
        guard isMasked else { return bytes + payload }
        let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }

    static func text(_ text: String) -> RawFrame {
        RawFrame(opcode: Self.text, payload: Array(text.utf8))
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

/// Lets other threads run, in a loop that has a bound of its own.
func giveWay() { usleep(2_000) }

/// Blocks the thread until a condition holds; throws when it does not within 20 s.
func waitUntil(_ condition: () -> Bool) throws {
    for _ in 0..<10_000 {
        if condition() { return }
        giveWay()
    }
    throw RawSocket.Failure(description: "the condition did not come true")
}
