import CartDomain
import Messages
import Telemetry
import WebServer

/// The heart of a gateway: matches what clients ask with what the log answers.
///
/// All of it runs on one executor given from outside, the web server's event loop in production, so
/// that a message goes from socket to log and from log to socket without changing threads.
actor GatewayCore {
    /// What a REST call gets.
    enum CallAnswer: Sendable {
        /// The outcome, with the cart's version and the JSON that tells it.
        case outcome(RequestID, RequestStatus, version: Int?, text: [UInt8])
        /// None came up to the deadline.
        case unanswered(RequestID)
        case refused(Problem)
    }

    /// How far the gateway is in its life.
    enum Phase: Sendable {
        /// Nothing would be told at a deadline yet, and no outcome may be read.
        case starting
        case serving
        /// Whoever waits is still answered; what is new is refused.
        case draining
        case stopped
    }

    /// What is asked, before it has an ID for sure.
    struct Ask: Sendable {
        var userID: UserID
        var cartID: CartID
        var requestID: RequestID?
        var action: CartRequest.Action
        var ifVersion: Int?
        var trace: TraceContext?
    }

    nonisolated let executor: any SerialExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    let configuration: GatewayConfiguration
    let log: any RequestLog
    let clock: any ServiceClock
    let metrics: GatewayMetrics
    let limits: RateLimits
    let logger: Logger
    var randomness: any RandomNumberGenerator & Sendable
    var pending: PendingRequests
    var sockets: CartSockets
    var calls: [Int: CheckedContinuation<CallAnswer, Never>] = [:]
    private var askerCount = 0
    var phase = Phase.starting
    var logRefusesRepeats = false

    init(
        configuration: GatewayConfiguration, log: any RequestLog, clock: any ServiceClock,
        metrics: GatewayMetrics, limits: RateLimits, logger: Logger,
        executor: any SerialExecutor,
        randomness: any RandomNumberGenerator & Sendable
    ) {
        self.configuration = configuration
        self.log = log
        self.clock = clock
        self.metrics = metrics
        self.limits = limits
        self.logger = logger
        self.executor = executor
        self.randomness = randomness
        pending = PendingRequests(
            timing: PendingRequests.Timing(
                reaskAfter: configuration.reaskAfter,
                reaskIntervalMax: max(configuration.reaskIntervalMax, configuration.reaskAfter),
                pendingAfter: configuration.pendingAfter,
                giveUpAfter: max(configuration.giveUpAfter, configuration.pendingAfter)),
            waitersMax: configuration.waitingMax)
        sockets = CartSockets(renewal: configuration.watchRenewal)
    }

    // MARK: - Asking

    /// Asks for a REST call and waits for the outcome, or for the deadline.
    func call(_ ask: Ask) async -> CallAnswer {
        await withCheckedContinuation { continuation in
            let callID = nextAskerID()
            calls[callID] = continuation
            let request = makeRequest(ask)
            switch send(request, for: .call(callID)) {
            case .new, .joined:
                break
            case .conflict:
                metrics.count(.rejected)
                let text = OutcomeText.reused(request)
                answerCall(
                    callID, .outcome(request.requestID, .rejected, version: nil, text: text))
            case .refused(let problem):
                answerCall(callID, .refused(problem))
            }
        }
    }

    /// Serves a websocket from its first request to its end.
    ///
    /// - Parameter client: whom its messages count for; the first request is counted already.
    func serve(_ socket: WebSocket, first ask: Ask, client: ClientAddress) async {
        let socketID = open(socket, of: ask.userID, cartID: ask.cartID, client: client)
        defer { close(socketID) }
        submit(ask, from: socketID)
        while let message = await socket.receive() { receive(message, from: socketID) }
    }

    /// Serves a websocket that is told the changes of a cart, those it has missed first.
    ///
    /// - Parameter version: what the client has seen last; -1 if it has seen nothing.
    func serve(
        _ socket: WebSocket, watching cartID: CartID, of userID: UserID, since version: Int,
        client: ClientAddress
    ) async {
        let socketID = open(socket, of: userID, cartID: cartID, client: client)
        defer { close(socketID) }
        watch(from: socketID, since: version)
        while let message = await socket.receive() { receive(message, from: socketID) }
    }

    /// Notes an open websocket; returns its number.
    func open(
        _ socket: any ShopperSocket, of userID: UserID, cartID: CartID,
        client: ClientAddress = .unknown
    ) -> Int {
        let socketID = nextAskerID()
        sockets.open(socketID, of: userID, cartID: cartID, client: client, sink: socket)
        metrics.sockets.set(sockets.count)
        return socketID
    }

    /// Has a websocket told what its cart is, or how it changed since a version.
    func watch(from socketID: Int, since version: Int) {
        if let watch = sockets.watchFully(socketID, since: version, now: clock.now()) {
            append(asking: [], watching: [watch])
        }
    }

    /// Forgets a websocket.
    func close(_ socketID: Int) {
        sockets.close(socketID)
        metrics.sockets.set(sockets.count)
    }

    /// Takes a message of a websocket client.
    func receive(_ message: [UInt8], from socketID: Int) {
        guard let shopper = sockets.shopper(of: socketID) else { return }
        guard message.count <= configuration.jsonBytesMax else {
            let problem = Problem(
                .bodyTooLarge, "a message has more than \(configuration.jsonBytesMax) bytes")
            metrics.clientErrors.increment()
            sockets.tell(socketID, problem.message(for: nil))
            return
        }
        do {
            try limits.count(for: shopper.client, now: clock.now())
        } catch {
            metrics.clientErrors.increment()
            let requestID = (try? ClientMessage(message))?.requestID
            sockets.tell(socketID, error.message(for: requestID))
            return
        }
        do throws(ClientMessage.Refusal) {
            let message = try ClientMessage(message)
            var ask = Ask(
                userID: shopper.userID, cartID: shopper.cartID, requestID: message.requestID,
                action: message.action, ifVersion: message.ifVersion)
            if case .command(let command) = message.action,
                let other = command.base.redirected(from: shopper.cartID)
            {
                if ask.ifVersion != nil {
                    throw ClientMessage.Refusal(
                        requestID: message.requestID,
                        problem: InputRules.invalid(
                            .field("ifVersion"),
                            "is of this cart, but another one decides the request"))
                }
                ask.cartID = other.cartID
                ask.userID = other.userID
                ask.action = .command(other.command)
            }
            submit(ask, from: socketID)
        } catch {
            metrics.clientErrors.increment()
            sockets.tell(socketID, error.problem.message(for: error.requestID))
        }
    }

    /// Asks for a websocket.
    func submit(_ ask: Ask, from socketID: Int) {
        let request = makeRequest(ask)
        guard sockets.waiting(of: socketID) < configuration.waitingPerSocketMax else {
            let problem = Problem(
                .tooManyRequests,
                "\(configuration.waitingPerSocketMax) requests of this websocket wait already")
            metrics.clientErrors.increment()
            answerSocket(socketID, problem.message(for: request.requestID), version: nil)
            return
        }
        switch send(request, for: .socket(socketID)) {
        case .new, .joined:
            sockets.beginWaiting(socketID)
        case .conflict:
            metrics.count(.rejected)
            answerSocket(socketID, OutcomeText.reused(request), version: nil)
        case .refused(let problem):
            metrics.clientErrors.increment()
            answerSocket(socketID, problem.message(for: request.requestID), version: nil)
        }
    }

    private enum Sending {
        case new, joined, conflict
        case refused(Problem)
    }

    private func send(_ request: CartRequest, for asker: PendingRequests.Asker) -> Sending {
        if let problem = refusal { return .refused(problem) }
        defer { metrics.waiting.set(pending.waiterCount) }
        switch pending.admit(request, by: asker, now: clock.now()) {
        case .joined: return .joined
        case .conflict: return .conflict
        case .full:
            return .refused(
                Problem(.overloaded, "\(configuration.waitingMax) requests wait already"))
        case .new:
            do {
                try log.append([request])
                return .new
            } catch {
                pending.withdraw(request)
                return .refused(Problem(error))
            }
        }
    }

    /// Why no request is taken; `nil` while they are.
    var refusal: Problem? {
        switch phase {
        case .serving: nil
        case .starting: Problem(.notReady, "this gateway has not reached the log yet")
        case .draining, .stopped: Problem(.shuttingDown, "this gateway shuts down; ask another")
        }
    }

    func makeRequest(_ ask: Ask) -> CartRequest {
        // Neither ID may be zero.
        let traceID =
            UInt128(randomness.next()) << 64 | UInt128(max(randomness.next(), 1))
        let trace = TraceContext(
            traceID: ask.trace?.traceID ?? traceID, parentID: max(randomness.next(), 1),
            flags: ask.trace?.flags ?? 1)
        return CartRequest(
            cartID: ask.cartID, requestID: ask.requestID ?? RequestID.random(using: &randomness),
            userID: ask.userID, action: ask.action, ifVersion: ask.ifVersion,
            replyPartition: configuration.replyPartition,
            traceparent: trace.traceparent)
    }

    private func nextAskerID() -> Int {
        askerCount += 1
        return askerCount
    }
}
