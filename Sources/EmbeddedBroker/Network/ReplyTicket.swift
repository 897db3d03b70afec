/// The right to answer one request, once.
///
/// Loop thread only. Answers leave a connection in the order of its requests, whatever the order in
/// which they are given.
struct ReplyTicket {
    /// The client that asked.
    let connection: Connection
    /// The request's version, which the answer has to have.
    let version: Int16
    /// The name that the client gave itself.
    let clientID: String
    private let correlationID: Int32
    private let sequence: Int

    init(connection: Connection, header: RequestHeader, sequence: Int) {
        self.connection = connection
        version = header.version
        clientID = header.clientID
        correlationID = header.correlationID
        self.sequence = sequence
    }

    /// Answers with what `write` writes.
    func reply(_ write: (inout ResponseWriter) -> Void) {
        guard connection.isOpen else { return }
        var response = ResponseWriter(correlationID: correlationID)
        write(&response)
        connection.complete(sequence, response.finished())
    }

    /// Marks the request as one that gets no answer.
    func replyNothing() { connection.complete(sequence, []) }
}

/// Writes an answer: fields, and between them parts of files that are sent from there.
struct ResponseWriter {
    /// Where the fields go.
    var wire: WireWriter
    private var finishedChunks: [OutputChunk] = []
    private var finishedBytes = 0

    init(correlationID: Int32) {
        wire = WireWriter(capacity: 128)
        wire.int32(0)
        wire.int32(correlationID)
    }

    /// Bytes of a part of a file, which are read when they are sent.
    mutating func file(_ slice: LogSlice) {
        finishedBytes += wire.bytes.count + slice.count
        finishedChunks.append(.bytes(wire.bytes))
        finishedChunks.append(
            .file(slice.file, position: slice.position, count: slice.count))
        wire = WireWriter(capacity: 128)
    }

    /// The whole frame, its length filled in.
    consuming func finished() -> [OutputChunk] {
        let length = Int32(finishedBytes + wire.bytes.count - 4)
        guard !finishedChunks.isEmpty else {
            wire.patchInt32(length, at: 0)
            return [.bytes(wire.bytes)]
        }
        var chunks = finishedChunks
        if case .bytes(let head) = chunks[0] {
            var head = head
            unsafe withUnsafeBytes(of: length.bigEndian) { bytes in
                for index in 0..<4 { head[index] = unsafe bytes[index] }
            }
            chunks[0] = .bytes(head)
        }
        chunks.append(.bytes(wire.bytes))
        return chunks
    }
}
