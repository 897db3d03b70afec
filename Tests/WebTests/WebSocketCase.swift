import Testing
import WebServer

/// One conversation with the echo server, as the Autobahn test suite has them: what the client sends,
/// and all that must come back up to the end of the connection.
///
/// Pongs may overtake texts, which a task echoes.
struct WebSocketCase: CustomTestStringConvertible, Sendable {
    /// How the bytes are cut into writes.
    enum Cut: Sendable {
        case whole, bytes
        case pieces(Int)
    }

    enum Answer: Equatable, Sendable, CustomStringConvertible {
        case text([UInt8])
        case pong([UInt8])
        /// A close frame; `nil` when it has no payload.
        case close(Int?)
        case other(UInt8)

        init(_ frame: RawFrame) {
            switch frame.opcode {
            case RawFrame.text: self = .text(frame.payload)
            case RawFrame.pong: self = .pong(frame.payload)
            case RawFrame.close: self = .close(frame.closeCode)
            default: self = .other(frame.opcode)
            }
        }

        var isClose: Bool { if case .close = self { true } else { false } }

        var isPong: Bool { if case .pong = self { true } else { false } }

        var description: String {
            switch self {
            case .text(let bytes): "text of \(bytes.count): \(bytes.prefix(20))"
            case .pong(let bytes): "pong \(bytes)"
            case .close(let code): "close \(code.map(String.init) ?? "without a code")"
            case .other(let opcode): "opcode \(opcode)"
            }
        }
    }

    let name: String
    private let before: [UInt8]
    private let bytes: [UInt8]
    private let answers: [Answer]
    private let cut: Cut
    var testDescription: String { name }

    /// - Parameters:
    ///   - before: one text message, whose echo is waited for before the frames are sent.
    ///   - answers: those to the frames. Where none of them is a close, the client closes with 1000
    ///     when it has got them all, and must get that back.
    init(
        _ name: String, after before: [RawFrame] = [], _ frames: [RawFrame], _ answers: [Answer],
        cut: Cut = .whole
    ) {
        self.init(
            name, after: before, bytes: frames.flatMap { $0.encoded() }, answers, cut: cut)
    }

    init(
        _ name: String, after before: [RawFrame] = [], bytes: [UInt8], _ answers: [Answer],
        cut: Cut = .whole
    ) {
        self.name = name
        self.before = before.flatMap { $0.encoded() }
        self.bytes = bytes
        self.answers = answers
        self.cut = cut
    }

    /// Talks, and compares what comes back.
    func check(port: Int) throws {
        let socket = try openSocket(port)
        if !before.isEmpty {
            socket.send(before)
            #expect(try socket.frame()?.opcode == RawFrame.text, "\(name)")
        }
        let step =
            switch cut {
            case .whole: max(1, bytes.count)
            case .bytes: 1
            case .pieces(let count): count
            }
        for start in stride(from: 0, to: bytes.count, by: step) {
            socket.send(Array(bytes[start..<min(start + step, bytes.count)]))
        }
        var expected = answers
        var received: [Answer] = []
        if !answers.contains(where: \.isClose) {
            while received.count < answers.count, let frame = try socket.frame() {
                received.append(Answer(frame))
            }
            socket.send(RawFrame.close(1000).encoded())
            expected.append(.close(1000))
        }
        while let frame = try socket.frame() {
            received.append(Answer(frame))
            // The server waits for the answer to its close.
            if frame.opcode == RawFrame.close { socket.send(RawFrame.close(1000).encoded()) }
        }
        #expect(received.last == expected.last, "\(name)")
        #expect(received.filter(\.isPong) == expected.filter(\.isPong), "\(name)")
        #expect(
            received.filter { !$0.isPong } == expected.filter { !$0.isPong }, "\(name)")
    }

    /// Runs cases one after the other against one server and compares.
    static func check(_ cases: [WebSocketCase], messageBytesMax: Int = 65_536) async throws {
        try await TestServer.run({
            $0.messageBytesMax = messageBytesMax
            $0.unsentBytesMax = max($0.unsentBytesMax, 2 * messageBytesMax)
        }) { server in
            try await server.onThread { port in
                for example in cases {
                    try example.check(port: port)
                }
                try waitUntil { server.metric("web_connections") == 0 }
            }
            #expect(server.metric("web_websockets") == 0)
        }
    }
}

extension RawFrame {
    static func text(_ bytes: [UInt8], isFinal: Bool = true) -> RawFrame {
        RawFrame(isFinal: isFinal, opcode: Self.text, payload: bytes)
    }

    static func more(_ bytes: [UInt8], isFinal: Bool = false) -> RawFrame {
        RawFrame(isFinal: isFinal, opcode: 0, payload: bytes)
    }

    static func ping(_ bytes: [UInt8] = []) -> RawFrame {
        RawFrame(opcode: Self.ping, payload: bytes)
    }

    static func pong(_ bytes: [UInt8] = []) -> RawFrame {
        RawFrame(opcode: Self.pong, payload: bytes)
    }

    /// A close frame with a code and perhaps a reason.
    static func close(_ code: Int, _ reason: [UInt8] = []) -> RawFrame {
        RawFrame(
            opcode: Self.close, payload: [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
    }

    /// A frame as it is sent, with reserved bits set: 4, 2 and 1 are RSV1, RSV2 and RSV3.
    func encoded(reserved: UInt8) -> [UInt8] {
        var bytes = encoded()
        bytes[0] |= reserved << 4
        return bytes
    }
}
