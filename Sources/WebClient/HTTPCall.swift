import Threading
import WebWire

/// One request on its way: connects, sends, and parses the response.
final class HTTPCall: ClientConnectionUser, @unchecked Sendable {
    // `@unchecked`: after `run` has handed it to the loop, it is touched there alone.

    /// A response, or the connection that became something else with it.
    struct Outcome: Sendable {
        let response: HTTPClientResponse
        /// Set after `101 Switching Protocols`: the connection, and the bytes that followed.
        var upgraded: (connection: ClientConnection, leftOver: [UInt8])?
    }

    typealias Completion = (Result<Outcome, WebClientError>) -> Void

    private let context: WebClientContext
    private let authority: String
    private let address: SocketAddress
    private let request: [UInt8]
    private let method: String
    private let bodyBytesMax: Int

    private var completion: Completion?
    private var connection: ClientConnection?
    private var isReused = false
    private var hasHeard = false
    private var parser: HTTPParserHandle
    private var head: HTTPHead?
    private var body: [UInt8] = []
    private var timer: TimerID?
    private var isOver = false

    init(
        context: WebClientContext, authority: String, address: SocketAddress, request: [UInt8],
        method: String, bodyBytesMax: Int
    ) {
        self.context = context
        self.authority = authority
        self.address = address
        self.request = request
        self.method = method
        self.bodyBytesMax = bodyBytesMax
        parser = HTTPParserHandle(
            .response, limits: HTTPHeadLimits(targetBytes: 0, headerBytes: 65_536))
    }

    /// Any thread, once.
    func run(timeout: Duration) async throws(WebClientError) -> Outcome {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                context.loop.execute { [self] in
                    begin(timeout: timeout) { continuation.resume(returning: $0) }
                }
            }
        } onCancel: {
            context.loop.execute { [self] in finish(.failure(.cancelled)) }
        }
        return try result.get()
    }

    /// Sends the request; loop thread, once.
    ///
    /// - Parameter completion: called once, on the loop; also within this call.
    func begin(timeout: Duration, _ completion: @escaping Completion) {
        self.completion = completion
        guard !isOver else {
            finish(.failure(.cancelled))
            return
        }
        timer = context.loop.schedule(after: timeout) { [self] in finish(.failure(.timedOut)) }
        start()
    }

    private func start() {
        if method == "HEAD" { parser.expectNoBody() }
        if let kept = context.takeIdle(authority) {
            isReused = true
            connection = kept
            kept.user = self
            send(on: kept)
            return
        }
        isReused = false
        do throws(WebClientError) {
            let made = try ClientConnection(to: address, context: context)
            made.user = self
            connection = made
        } catch {
            finish(.failure(error))
        }
    }

    private func send(on connection: ClientConnection) {
        connection.write { $0.append(contentsOf: request) }
        connection.pump()
    }

    // MARK: - ClientConnectionUser

    var wantsInput: Bool { !isOver }

    func connected() {
        if let connection { send(on: connection) }
    }

    func received(_ bytes: Span<UInt8>) {
        hasHeard = true
        var start = 0
        do throws(HTTPParseFailure) {
            while start < bytes.count, !isOver {
                start += try parser.parse(bytes.extracting(start..<bytes.count))
                head = parser.takeHead() ?? head
                body += parser.takeBody()
                guard body.count <= bodyBytesMax else {
                    finish(.failure(.tooLarge))
                    return
                }
                guard parser.isComplete else { return }
                complete(leftOver: WebWire.bytes(of: bytes, from: start))
            }
        } catch {
            finish(.failure(.malformed("\(error)")))
        }
    }

    func ended(_ error: WebClientError) {
        if isReused, !hasHeard, !["POST", "PATCH"].contains(method) {
            start()
            return
        }
        // A response without a length ends with the connection.
        if head != nil, case .disconnected = error, (try? parser.endOfStream()) != nil,
            parser.isComplete
        {
            body += parser.takeBody()
            complete(leftOver: [])
            return
        }
        finish(.failure(error))
    }

    private func complete(leftOver: [UInt8]) {
        guard let head else { return }
        if head.status < 200, head.status != 101 {
            // An interim response, such as 100 Continue: the final one follows.
            self.head = nil
            body = []
            parser.reset()
            if method == "HEAD" { parser.expectNoBody() }
            return
        }
        let response = HTTPClientResponse(
            status: head.status, headers: head.fields.pairs, body: body)
        guard let connection else { return }
        if head.status == 101 {
            self.connection = nil
            finish(.success(Outcome(response: response, upgraded: (connection, leftOver))))
            return
        }
        if head.keepsAlive, leftOver.isEmpty, connection.isOpen {
            self.connection = nil
            context.keep(connection, authority)
        }
        finish(.success(Outcome(response: response)))
    }

    private func finish(_ result: Result<Outcome, WebClientError>) {
        isOver = true
        connection?.close()
        connection = nil
        if let timer { context.loop.cancel(timer) }
        timer = nil
        let waiting = completion
        completion = nil
        waiting?(result)
    }
}
