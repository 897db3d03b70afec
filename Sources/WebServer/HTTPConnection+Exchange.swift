import Telemetry
import Threading
import WebWire

/// The request that a connection answers.
struct HTTPExchange {
    /// Distinguishes it from those before it: an answer that comes too late finds another number.
    let serial: UInt64
    let framing: HTTPRequestFraming
    /// Whether `100 Continue` has yet to be sent.
    var owesContinue: Bool
    /// What to answer instead of the handler's answer, for the body turned out to be broken.
    var refusal: HTTPRefusal?
}

extension HTTPConnection {
    /// Takes bytes of a head or a body.
    func consumeHTTP(_ bytes: Span<UInt8>) {
        let wasBegun = parser.hasBegun
        do throws(HTTPParseFailure) {
            let consumed = try parser.parse(bytes)
            let head = parser.takeHead()
            if consumed < bytes.count { keep(bytes, from: consumed) }
            if let head {
                begin(head)
            } else if !wasBegun {
                inputDeadline = EventLoop.now + configuration.headerDeadline
            }
            takeBody()
        } catch {
            // A head that came along may tell more precisely what is wrong.
            let specific = parser.takeHead().flatMap { refusal(of: $0) }
            broken(specific ?? refusal(of: error))
        }
    }

    private func takeBody() {
        guard case .body(let stream) = phase else { return }
        let chunk = parser.takeBody()
        bodyBytesInWindow += chunk.count
        if !chunk.isEmpty { exchange?.owesContinue = false }
        stream.append(chunk)
        if parser.isComplete {
            stream.finish()
            phase = .answering
            inputDeadline = nil
        }
    }

    private func broken(_ refusal: HTTPRefusal) {
        guard case .body(let stream) = phase else {
            refuse(refusal)
            return
        }
        // The handler runs; it is told, and whatever it says then gives way to the refusal.
        exchange?.refusal = refusal
        phase = .answering
        inputDeadline = nil
        stream.fail(refusal.status == 408 ? .tooSlow : .malformed(refusal.detail))
    }

    private func begin(_ head: HTTPHead) {
        let framing: HTTPRequestFraming
        do {
            framing = try validate(head)
        } catch {
            refuse(error, omitsBody: head.method == "HEAD")
            return
        }
        let serial = (exchange?.serial ?? 0) + 1
        exchange = HTTPExchange(
            serial: serial, framing: framing, owesContinue: framing.expectsContinue)
        inputDeadline = nil
        var body = HTTPBody(bytes: [])
        if framing.hasBody {
            let stream = HTTPBodyStream(declaredLength: head.contentLength) { [self] in
                server.loop.execute { [self] in bodyWanted(serial) }
            }
            body = HTTPBody(stream: stream, limitDefault: configuration.bodyBytesMax)
            phase = .body(stream)
            if !framing.expectsContinue { startBodyWindow() }
        } else {
            phase = .answering
        }
        let request = HTTPRequest(
            method: head.method, target: head.target, headers: HTTPHeaders(fields: head.fields),
            remoteAddress: remoteAddress, body: body,
            isWebSocketUpgrade: framing.webSocketKey != nil)
        server.metrics.requests.increment()
        Task(executorPreference: server.loop) { [self] in
            let answer = await server.handler.handle(request)
            answered(answer, serial)
        }
    }

    // MARK: - Body

    private func bodyWanted(_ serial: UInt64) {
        guard case .body = phase, exchange?.serial == serial else { return }
        if exchange?.owesContinue == true {
            exchange?.owesContinue = false
            write { $0.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8) }
            flush()
            startBodyWindow()
        }
        pump()
    }

    private func startBodyWindow() {
        bodyBytesInWindow = 0
        wasPausedInWindow = false
        inputDeadline = EventLoop.now + configuration.rateWindow
    }

    /// Judges the rate of an upload; not where it was held up by us.
    func bodyWindowEnded(_ stream: HTTPBodyStream, now: Duration) {
        let isTooSlow = bodyBytesInWindow < bytesDue(configuration.bodyBytesPerSecondMin)
        if isTooSlow, !wasPausedInWindow, !isPaused {
            server.metrics.cut.increment()
            broken(HTTPRefusal(status: 408, detail: "the body comes too slowly"))
        } else {
            startBodyWindow()
        }
    }

    /// Ends a connection whose next request does not come, or does not end.
    func headExpired() {
        guard parser.hasBegun else {
            if output.isEmpty { close() } else { linger() }
            return
        }
        server.metrics.cut.increment()
        refuse(HTTPRefusal(status: 408, detail: "the request's head did not come in time"))
    }

    // MARK: - Answer

    private func answered(_ answer: HTTPAnswer, _ serial: UInt64) {
        if case .closed = phase { return }
        guard let exchange, exchange.serial == serial else { return }
        if let refusal = exchange.refusal {
            refuse(refusal, omitsBody: exchange.framing.isHead)
            return
        }
        switch answer {
        case .response(let response):
            respond(response, exchange.framing)
        case .webSocket(let headers, let consumer):
            guard let key = exchange.framing.webSocketKey else {
                let refusal = server.handler.refusal(
                    status: 426, detail: "this resource is a websocket: ask for an upgrade")
                respond(adding(("Upgrade", "websocket"), to: refusal), exchange.framing)
                return
            }
            upgrade(key: key, headers, consumer)
        }
    }

    private func respond(_ response: HTTPResponse, _ framing: HTTPRequestFraming) {
        var isBodyUnread = false
        if case .body = phase { isBodyUnread = true }
        // The rest of an unread body would have to be read to get at the next request.
        let closes = !framing.keepsAlive || isBodyUnread || server.isShuttingDown
        send(response, framing, closes: closes)
        if closes {
            linger()
            return
        }
        phase = .head
        parser.reset()
        inputDeadline = EventLoop.now + configuration.keepAliveIdle
        flush()
        pump()
    }

    /// Answers what is not a request, or one that is not to be served, and ends the connection.
    private func refuse(_ refusal: HTTPRefusal, omitsBody: Bool = false) {
        server.metrics.refusals.increment()
        let (status, detail) = (refusal.status, refusal.detail)
        server.logger.debug(
            "a request is refused",
            ["status": "\(status)", "detail": detail, "peer": remoteAddress])
        var response = server.handler.refusal(status: status, detail: detail)
        if let header = refusal.header { response = adding(header, to: response) }
        let context = HTTPResponseEncoder.Context(
            date: server.date, closes: true, isVersion10: false, omitsBody: omitsBody)
        write { HTTPResponseEncoder.append(response, context, to: &$0) }
        linger()
    }

    /// Answers 503 before a request has come, and ends the connection.
    func turnAway() {
        refuse(HTTPRefusal(status: 503, detail: "too many connections are open; try again"))
    }

    private func send(_ response: HTTPResponse, _ framing: HTTPRequestFraming, closes: Bool) {
        let context = HTTPResponseEncoder.Context(
            date: server.date, closes: closes, isVersion10: framing.isVersion10,
            omitsBody: framing.isHead)
        write { HTTPResponseEncoder.append(response, context, to: &$0) }
    }

    private func adding(_ header: (String, String), to response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.headers.append(header)
        return response
    }

    // MARK: - Shutdown

    /// Ends the connection as soon as nothing is in flight.
    func beginShutdown() {
        // A request may have arrived that this batch of events has not brought yet.
        if case .head = phase { readNow() }
        switch phase {
        case .head where isIdle:
            if output.isEmpty { close() } else { linger() }
        case .webSocket(let session):
            session.webSocket.close(code: 1001, reason: "the server shuts down")
        case .head, .body, .answering, .lingering, .closed: break
        }
    }
}
