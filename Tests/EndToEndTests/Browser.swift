import Synchronization
import Testing
import WebClient

/// A shopper's browser: it keeps the cookie of its cart, and sends it to every gateway.
final class Browser: Sendable {
    private let shop: Installation
    private let cookie = Mutex<String?>(nil)

    init(_ shop: Installation) { self.shop = shop }

    /// The cart that its cookie names.
    var cartID: String { cookie.withLock { $0 } ?? "" }

    @discardableResult
    func send(
        _ method: String, _ target: String, _ body: String = "", key: String? = nil,
        headers: [(String, String)] = [], gateway index: Int = 0
    ) async throws -> Answer {
        var all = headers
        if let cookie = cookie.withLock({ $0 }) { all.append(("Cookie", "cartid=\(cookie)")) }
        if !body.isEmpty { all.append(("Content-Type", "application/json")) }
        if let key { all.append(("Idempotency-Key", key)) }
        let answer = try await shop.send(
            method, target, gateway: index, headers: all, body: body)
        if let header = answer.response.header("Set-Cookie") {
            let value = header.prefix { $0 != ";" }.dropFirst("cartid=".count)
            cookie.withLock { $0 = value.isEmpty ? nil : String(value) }
        }
        return answer
    }

    /// `POST /cart/`.
    @discardableResult
    func add(
        _ product: String, _ quantity: Int = 1, gateway index: Int = 0
    ) async throws -> Answer {
        try await send(
            "POST", "/cart/", #"{"sku":"\#(product)","quantity":\#(quantity),"country":"DK"}"#,
            gateway: index)
    }

    /// Opens a tab that is told every change of the cart.
    func tab(gateway index: Int = 0, version: Int? = nil) async throws -> Socket {
        Socket(
            try await WebSocketClient.connect(
                shop.gateway(index) + "/cart/session" + (version.map { "?version=\($0)" } ?? ""),
                headers: [("Cookie", "cartid=\(cartID)")], client: try Client.shared.get(),
                messageBytesMax: 1 << 20))
    }
}

extension JSON {
    /// The lines of a cart: what of each there is.
    var quantities: [String: Int] {
        var quantities: [String: Int] = [:]
        for line in self["lines"].elements {
            quantities[line["id"].text ?? "", default: 0] += line["quantity"].number ?? 0
        }
        return quantities
    }
}
