import CartDomain
import Messages
import RestGateway
import Synchronization

/// A log with a cart service behind it that answers at once, in order, and keeps watches.
final class FakeCarts: RequestLog {
    private struct Cart {
        var version = 0
        var pieces = 0
        var outcomes: [RequestID: GatewayReply] = [:]
        var isWatched = false
    }

    private let carts = Mutex<[CartID: Cart]>([:])
    private let replies: AsyncStream<[GatewayReply]>
    private let output: AsyncStream<[GatewayReply]>.Continuation
    /// Products whose requests are not answered.
    private let silentProduct = "SILENT"

    init() { (replies, output) = AsyncStream.makeStream() }

    func append(_ requests: [CartRequest]) throws(RequestLogError) {
        let answers = carts.withLock { carts in
            requests.flatMap { answer($0, by: &carts[$0.cartID, default: Cart()]) }
        }
        output.yield(answers)
    }

    /// Passes the answers on until the stream is finished.
    func run(to gateway: RestGateway) async {
        for await batch in replies { await gateway.receive(batch) }
    }

    func finish() { output.finish() }

    private func answer(_ request: CartRequest, by cart: inout Cart) -> [GatewayReply] {
        switch request.action {
        case .watch(let since):
            cart.isWatched = true
            return since != cart.version ? [change(request, cart)] : []
        case .lookup:
            return [
                cart.outcomes[request.requestID]
                    ?? GatewayFixture.reply(
                        request, Sample.outcome(request, .unknown, version: nil))
            ]
        case .check:
            return [outcome(request, .accepted, nil, cart)]
        case .command(let command):
            return carryOut(command.base, request, &cart)
        case .handOver, .handed:
            return []
        }
    }

    private func carryOut(
        _ command: any CartCommand, _ request: CartRequest, _ cart: inout Cart
    ) -> [GatewayReply] {
        if let add = command as? AddItem, add.line.productCode.text == silentProduct { return [] }
        if let known = cart.outcomes[request.requestID] { return [known] }
        if let wanted = request.ifVersion, wanted != cart.version {
            return [outcome(request, .rejected, .versionMismatch, cart)]
        }
        switch command {
        case let add as AddItem:
            cart.pieces += add.quantity
        case let removal as RemoveProduct:
            let quantity = removal.quantity
            if cart.pieces < quantity ?? 1 {
                return [outcome(request, .rejected, .notInCart, cart)]
            }
            cart.pieces -= quantity ?? cart.pieces
        default: break
        }
        cart.version += 1
        let reply = outcome(request, .accepted, nil, cart)
        cart.outcomes[request.requestID] = reply
        return [reply] + (cart.isWatched ? [change(request, cart)] : [])
    }

    private func outcome(
        _ request: CartRequest, _ status: RequestStatus, _ reason: RejectionReason?, _ cart: Cart
    ) -> GatewayReply {
        GatewayFixture.reply(
            request, Sample.outcome(request, status, reason: reason, version: cart.version))
    }

    private func change(_ request: CartRequest, _ cart: Cart) -> GatewayReply {
        GatewayFixture.reply(request, .changed(Sample.cart(request, version: cart.version)))
    }
}
