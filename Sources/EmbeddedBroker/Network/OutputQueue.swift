/// A part of an answer: bytes in memory, or a part of a file that is sent from there.
enum OutputChunk {
    case bytes([UInt8])
    case file(DiskFile, position: Int, count: Int)
}

/// What one connection still has to send, in order.
struct OutputQueue {
    /// What came of sending.
    enum Outcome {
        case drained, blocked, closed
    }

    /// Small answers are joined up to this size, so that one `send` takes many.
    private static let joinedBytesMax = 64 * 1_024

    private var chunks: [OutputChunk] = []
    private var first = 0
    /// How much of the first chunk has gone.
    private var sent = 0
    /// Bytes that wait to be sent.
    private(set) var pendingBytes = 0
    /// Bytes that were sent.
    private(set) var sentBytes = 0

    var isEmpty: Bool { first == chunks.count }

    mutating func append(_ chunk: OutputChunk) {
        switch chunk {
        case .bytes(let bytes):
            guard !bytes.isEmpty else { return }
            pendingBytes += bytes.count
            if first < chunks.count, case .bytes(var last) = chunks[chunks.count - 1],
                last.count + bytes.count <= Self.joinedBytesMax
            {
                chunks[chunks.count - 1] = .bytes([])  // So that `last` is not shared.
                last.append(contentsOf: bytes)
                chunks[chunks.count - 1] = .bytes(last)
                return
            }
        case .file(_, _, let count):
            pendingBytes += count
        }
        chunks.append(chunk)
    }

    /// Sends as much as the socket takes.
    mutating func flush(to socket: Socket) -> Outcome {
        while first < chunks.count {
            let total: Int
            let result: SocketResult
            switch chunks[first] {
            case .bytes(let bytes):
                total = bytes.count
                result = socket.send(
                    bytes, from: sent, isMoreComing: first + 1 < chunks.count)
            case .file(let file, let position, let count):
                total = count
                result = socket.send(file, at: position + sent, count: count - sent)
            }
            switch result {
            case .bytes(let count):
                sent += count
                pendingBytes -= count
                sentBytes += count
            case .wouldBlock: return .blocked
            case .closed: return .closed
            }
            if sent == total {
                chunks[first] = .bytes([])
                first += 1
                sent = 0
            }
        }
        chunks.removeAll(keepingCapacity: chunks.capacity <= 64)
        first = 0
        return .drained
    }
}
