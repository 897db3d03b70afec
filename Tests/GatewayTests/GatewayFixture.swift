import CartDomain
import Messages
import Telemetry
import Testing
import Threading
import WebServer

@testable import RestGateway

/// A gateway on fakes, driven by hand.
struct GatewayFixture {
    let clock = ManualClock()
    let log = FakeLog()
    let inventory = FakeInventory()
    let metrics = MetricsRegistry()
    let gateway: RestGateway
    var core: GatewayCore { gateway.core }

    /// One for all tests: an executor has to outlive the actors that name it.
    static let executor = PinnedThreadExecutor(name: "gateway-tests")

    init(
        adminToken: String? = "secret", stock: FakeStock = FakeStock(),
        history: FakeHistory = FakeHistory(),
        probes: [any DependencyProbe] = [],
        _ configure: (inout GatewayConfiguration) -> Void = { _ in }
    ) async {
        var configuration = GatewayConfiguration(replyPartition: 3, adminToken: adminToken)
        configure(&configuration)
        gateway = RestGateway(
            configuration: configuration,
            ports: GatewayPorts(
                log: log, stock: stock, history: history, inventory: inventory, probes: probes,
                clock: clock),
            metrics: metrics, logger: Logger(component: "gateway", level: .error),
            executor: Self.executor, randomness: SeededGenerator(state: 7))
        await gateway.core.begin()
    }

    /// Moves the clock and does what is due then.
    func advance(by duration: Duration) async {
        clock.advance(by: duration)
        await core.advance()
    }

    /// Sends an HTTP request that gets a response.
    func send(
        _ method: String, _ target: String, headers: [(String, String)] = [], body: String = ""
    ) async throws -> HTTPResponse {
        let answer = await gateway.handler.handle(
            HTTPRequest(
                method: method, target: target, headers: HTTPHeaders(headers),
                body: HTTPBody(bytes: Array(body.utf8))))
        guard case .response(let response) = answer else { throw Unexpected.upgrade }
        return response
    }

    /// Sends `POST /cart/items` as a good client does.
    func addItem(
        _ body: String, headers: [(String, String)] = []
    ) async throws -> HTTPResponse {
        try await send(
            "POST", "/cart/items", headers: [("Content-Type", "application/json")] + headers,
            body: body)
    }

    /// Opens a fake websocket that has asked nothing yet.
    func open(_ user: String) async throws -> (FakeSocket, Int) {
        let socket = FakeSocket()
        let userID = try #require(UserID(user))
        return (socket, await core.open(socket, of: userID, cartID: CartID(of: userID)))
    }

    /// Makes the log answer each ask at once, with the outcome that the closure gives.
    func answerAll(
        _ outcome: @escaping @Sendable (CartRequest) -> CartResponse.Content
    ) {
        log.onAppend { [core] requests in
            let replies = requests.compactMap { request -> GatewayReply? in
                if case .watch = request.action { return nil }
                return Self.reply(request, outcome(request))
            }
            Task { await core.receive(replies) }
        }
    }

    static func reply(_ request: CartRequest, _ content: CartResponse.Content) -> GatewayReply {
        let response = CartResponse(
            cartID: request.cartID, content: content, replyPartition: request.replyPartition ?? 0)
        return GatewayReply(
            cartID: request.cartID, requestID: response.requestID, status: response.status,
            cartVersion: response.cartVersion, value: response.encoded())
    }
}

enum Unexpected: Error {
    case upgrade
}
