import Testing
import WebClient

/// An answer over HTTP, with its body as JSON.
struct Answer: Sendable {
    let response: HTTPClientResponse

    var status: Int { response.status }
    var contentType: String { response.header("Content-Type") ?? "" }

    /// The body; null if it is no JSON.
    var json: JSON { (try? JSON(bytes: response.body)) ?? .null }
}

/// What shoppers and shopkeepers do with an installation over HTTP.
extension Installation {
    nonisolated func send(
        _ method: String, _ target: String, gateway index: Int = 0,
        headers: [(String, String)] = [], body: String = ""
    ) async throws -> Answer {
        Answer(
            response: try await Client.shared.get().request(
                method, gateway(index) + target, headers: headers, body: Array(body.utf8),
                timeout: .seconds(60)))
    }

    nonisolated func get(_ target: String, gateway index: Int = 0) async throws -> Answer {
        try await send("GET", target, gateway: index)
    }

    /// `POST /cart/items`.
    nonisolated func add(
        _ product: String, _ quantity: Int = 1, user: String, key: String? = nil,
        gateway index: Int = 0
    ) async throws -> Answer {
        try await post(
            #"{"userID":"\#(user)","productCode":"\#(product)","quantity":\#(quantity)}"#,
            key: key, gateway: index)
    }

    /// `POST /cart/items` with any body.
    nonisolated func post(
        _ body: String, type: String = "application/json", key: String? = nil,
        gateway index: Int = 0
    ) async throws -> Answer {
        try await send(
            "POST", "/cart/items", gateway: index,
            headers: [("Content-Type", type)] + (key.map { [("Idempotency-Key", $0)] } ?? []),
            body: body)
    }

    /// The user's cart.
    nonisolated func cart(of user: String, gateway index: Int = 0) async throws -> JSON {
        try await cart(at: "/cart?userID=\(user)", gateway: index)
    }

    /// The cart that a path shows.
    nonisolated func cart(at target: String, gateway index: Int = 0) async throws -> JSON {
        let deadline = ContinuousClock.now + Socket.patience
        while true {
            let answer = try await get(target, gateway: index)
            // A busy machine may need longer than the gateway's deadline.
            if answer.status == 202, ContinuousClock.now < deadline { continue }
            try #require(answer.status == 200, "\(answer.response.text)")
            return answer.json["cart"]
        }
    }

    /// `POST /migration/inventory`.
    nonisolated func load(
        _ body: String, type: String = "text/csv", token: String? = nil
    ) async throws -> Answer {
        try await send(
            "POST", "/migration/inventory",
            headers: [
                ("Authorization", "Bearer \(token ?? self.token)"), ("Content-Type", type),
            ], body: body)
    }

    /// Puts a new product of a unique code on the shelf.
    nonisolated func product(quantity: Int, name: String = "Thing") async throws -> String {
        let code = TestEnvironment.uniqueName()
        let answer = try await load("product_code,name,quantity\n\(code),\(name),\(quantity)\n")
        try #require(answer.status == 200, "\(answer.response.text)")
        return code
    }

    /// What the database has of a product, read after everything is settled.
    nonisolated func held(_ product: String) async throws -> Int {
        try await database.number(
            "SELECT held FROM inventory WHERE product_code = $1", product)
    }

    /// Opens a websocket; its first request is the query's.
    nonisolated func open(
        user: String, product: String = "", quantity: Int = 0, requestID: String? = nil,
        gateway index: Int = 0
    ) async throws -> Socket {
        let request = requestID.map { "&requestID=\($0)" } ?? ""
        return Socket(
            try await WebSocketClient.connect(
                """
                \(gateway(index))/cart/update-product?userID=\(user)&productCode=\(product)\
                &quantity=\(quantity)\(request)
                """, client: try Client.shared.get(), messageBytesMax: 1 << 20))
    }
}

/// A shopper's websocket.
final class Socket: Sendable {
    /// The patience of every wait.
    static let patience = Duration.seconds(60)

    private let socket: WebSocketClient

    init(_ socket: WebSocketClient) { self.socket = socket }

    deinit { socket.close() }

    var closeCode: UInt16? { socket.closeCode }

    func close() { socket.close() }

    func send(_ text: String) { socket.send(text) }

    func add(_ product: String, _ quantity: Int = 1, requestID: String) {
        send(
            """
            {"requestID":"\(requestID)","action":"add","productCode":"\(product)",\
            "quantity":\(quantity)}
            """)
    }

    func remove(_ product: String, _ quantity: Int, requestID: String) {
        send(
            """
            {"requestID":"\(requestID)","action":"remove","productCode":"\(product)",\
            "quantity":\(quantity)}
            """)
    }

    /// The next message; `nil` once the websocket is closed.
    func message(within limit: Duration = patience) async throws -> JSON? {
        guard let bytes = try await socket.receive(timeout: limit) else { return nil }
        return try JSON(bytes: bytes)
    }

    /// The next answer: an outcome or an error; changes are passed over.
    func answer() async throws -> JSON {
        while true {
            let message = try #require(try await message(), "the websocket was closed")
            if message["type"] != "changed" { return message }
        }
    }

    /// The next final outcome: that a request is pending is passed over.
    func outcome() async throws -> JSON {
        while true {
            let answer = try await answer()
            try #require(answer["type"] == "outcome", "\(answer)")
            if answer["status"] != "pending" { return answer }
        }
    }

    /// The next change.
    func change() async throws -> JSON {
        while true {
            let message = try #require(try await message(), "the websocket was closed")
            if message["type"] == "changed" { return message }
        }
    }

    /// The outcomes of that many requests, by request ID, each told once.
    func outcomes(_ count: Int) async throws -> [String: JSON] {
        var outcomes: [String: JSON] = [:]
        for _ in 0..<count {
            let outcome = try await outcome()
            let requestID = try #require(outcome["requestID"].text)
            #expect(outcomes[requestID] == nil, "\(requestID) is answered twice")
            outcomes[requestID] = outcome
        }
        return outcomes
    }
}
