import Synchronization

/// Why a body did not arrive whole.
package enum HTTPBodyError: Error, Hashable, Sendable {
    /// It is longer than the handler takes; answer with 413.
    case tooLarge(limit: Int)
    /// The client went away; the answer will reach nobody.
    case disconnected
    /// It came too slowly; the server answers with 408, whatever the handler says.
    case tooSlow
    /// Its framing is broken; the server answers with 400, whatever the handler says.
    case malformed(String)
}

/// The body of a request, read as it arrives.
///
/// One task reads it, once. While chunks wait unread beyond
/// ``WebServerConfiguration/bodyBufferBytes``, the socket is not read, and the client has to wait.
package struct HTTPBody: Sendable {
    private enum Source: Sendable {
        case stream(HTTPBodyStream)
        case ended
    }

    private let source: Source
    private let limitDefault: Int

    init(stream: HTTPBodyStream, limitDefault: Int) {
        source = .stream(stream)
        self.limitDefault = limitDefault
    }

    /// A body that is all there, for tests of handlers; and the empty one.
    package init(bytes: [UInt8]) {
        limitDefault = Int.max
        if bytes.isEmpty {
            source = .ended
        } else {
            let stream = HTTPBodyStream(declaredLength: bytes.count) {}
            stream.append(bytes)
            stream.finish()
            source = .stream(stream)
        }
    }

    /// The length that the client announced; `nil` when it sends chunks.
    package var declaredLength: Int? {
        switch source {
        case .stream(let stream): stream.declaredLength
        case .ended: 0
        }
    }

    /// The next bytes, as many as came together; `nil` at the end.
    package func next() async throws(HTTPBodyError) -> [UInt8]? {
        switch source {
        case .stream(let stream): try await stream.next()
        case .ended: nil
        }
    }

    /// The whole body.
    ///
    /// - Parameter limit: bytes; ``WebServerConfiguration/bodyBytesMax`` unless told. A body that
    ///   announces more is refused before it is asked for (`Expect: 100-continue`).
    package func collect(upTo limit: Int? = nil) async throws(HTTPBodyError) -> [UInt8] {
        let limit = limit ?? limitDefault
        if let declaredLength, declaredLength > limit { throw .tooLarge(limit: limit) }
        guard var all = try await next() else { return [] }
        while all.count <= limit {
            guard let more = try await next() else { return all }
            all += more
        }
        throw .tooLarge(limit: limit)
    }
}

/// The queue between a connection, which appends, and a handler, which takes.
final class HTTPBodyStream: Sendable {
    private struct State {
        var chunks: [[UInt8]] = []
        var buffered = 0
        var end: Result<Void, HTTPBodyError>?
        var waiting: CheckedContinuation<Result<[UInt8]?, HTTPBodyError>, Never>?
    }

    let declaredLength: Int?
    private let state = Mutex(State())
    private let onDemand: @Sendable () -> Void

    /// - Parameter onDemand: called, on any thread, when the handler wants bytes that have not
    ///   arrived yet.
    init(declaredLength: Int?, onDemand: @escaping @Sendable () -> Void) {
        self.declaredLength = declaredLength
        self.onDemand = onDemand
    }

    /// How many bytes wait for the handler.
    var buffered: Int { state.withLock { $0.buffered } }

    /// Whether the handler waits for bytes right now.
    var isAwaited: Bool { state.withLock { $0.waiting != nil } }

    func append(_ chunk: [UInt8]) {
        guard !chunk.isEmpty else { return }
        let waiting = state.withLock { state in
            guard let waiting = state.waiting.take() else {
                state.chunks.append(chunk)
                state.buffered += chunk.count
                return nil as CheckedContinuation<Result<[UInt8]?, HTTPBodyError>, Never>?
            }
            return waiting
        }
        waiting?.resume(returning: .success(chunk))
    }

    func finish() { end(.success(())) }

    /// Ends the body with an error, which the handler gets after the chunks that came before it.
    func fail(_ error: HTTPBodyError) { end(.failure(error)) }

    private func end(_ end: Result<Void, HTTPBodyError>) {
        let waiting = state.withLock { state in
            if state.end == nil { state.end = end }
            return state.waiting.take()
        }
        waiting?.resume(returning: end.map { nil })
    }

    func next() async throws(HTTPBodyError) -> [UInt8]? {
        if let ready = take() { return try ready.get() }
        let result = await withCheckedContinuation { continuation in
            let ready = state.withLock { state in
                let ready = Self.take(from: &state)
                if ready == nil {
                    precondition(state.waiting == nil, "a body has one reader")
                    state.waiting = continuation
                }
                return ready
            }
            if let ready {
                continuation.resume(returning: ready)
            } else {
                onDemand()
            }
        }
        return try result.get()
    }

    private func take() -> Result<[UInt8]?, HTTPBodyError>? {
        state.withLock { Self.take(from: &$0) }
    }

    private static func take(from state: inout State) -> Result<[UInt8]?, HTTPBodyError>? {
        guard !state.chunks.isEmpty else { return state.end?.map { nil } }
        // All that waits as one chunk: fewer hops, and no queue to shift.
        var taken: [UInt8] = []
        if state.chunks.count == 1 {
            swap(&taken, &state.chunks[0])
        } else {
            taken.reserveCapacity(state.buffered)
            for chunk in state.chunks { taken += chunk }
        }
        state.chunks.removeAll(keepingCapacity: true)
        state.buffered = 0
        return .success(taken)
    }
}
