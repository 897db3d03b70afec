import Messages
import Telemetry
import WebServer

extension RestGateway {
    /// `GET /cart/update-product`: opens a websocket with its first request.
    func updateProduct(_ request: HTTPRequest) async throws(Problem) -> HTTPAnswer {
        guard request.isWebSocketUpgrade else {
            throw Problem(
                .upgradeRequired,
                """
                open a websocket here (RFC 6455) to get the outcome as a message and to go on \
                asking; without websockets use GET /cart, POST /cart/items and DELETE \
                /cart/items/{productCode}
                """)
        }
        try crossOrigin.checkUpgrade(request)
        let query = try UpdateProductQuery(request.query)
        if let problem = await core.refusal { throw problem }
        let ask = GatewayCore.Ask(
            userID: query.userID, cartID: CartID(of: query.userID), requestID: query.requestID,
            action: query.action, trace: trace(of: request))
        let client = limits.client(of: request)
        return .webSocket { [core] socket in
            await core.serve(socket, first: ask, client: client)
        }
    }

    /// `GET /cart`: the cart as it stands.
    func showCart(_ request: HTTPRequest) async throws(Problem) -> HTTPResponse {
        let parameters = try QueryParameters(request.query, allowing: ["userID"])
        return try await call(request, try userID(parameters), .check)
    }

    /// `POST /cart/items`: adds to the cart.
    func addItem(_ request: HTTPRequest) async throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        let contentTypes = request.headers.all("Content-Type")
        guard contentTypes.count == 1, MediaType(contentTypes[0])?.name == "application/json"
        else {
            throw Problem(.unsupportedMediaType, "the body's Content-Type must be application/json")
        }
        let bytes: [UInt8]
        do {
            bytes = try await request.body.collect(upTo: configuration.jsonBytesMax)
        } catch {
            throw Problem(error, bytesMax: configuration.jsonBytesMax)
        }
        let item = try ItemBody(bytes)
        return try await call(
            request, item.userID, .add(item.productCode, quantity: item.quantity),
            requestID: try idempotencyKey(of: request))
    }

    /// `DELETE /cart/items/{productCode}`: takes out of the cart.
    func removeItem(
        _ request: HTTPRequest, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        let parameters = try QueryParameters(request.query, allowing: ["userID", "quantity"])
        let productCode = try InputRules.productCode(
            arguments[0], at: .parameter("productCode"))
        var quantity: Int?
        if let text = parameters["quantity"] {
            let subject = Problem.Subject.parameter("quantity")
            quantity = try InputRules.quantity(
                try InputRules.integer(text, at: subject), at: subject)
        }
        return try await call(
            request, try userID(parameters), .remove(productCode, quantity: quantity),
            requestID: try idempotencyKey(of: request))
    }

    /// `GET /requests/{requestID}`: what became of a request.
    func lookUpRequest(
        _ request: HTTPRequest, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        let parameters = try QueryParameters(request.query, allowing: ["userID"])
        let requestID = try InputRules.requestID(arguments[0], at: .parameter("requestID"))
        return try await call(
            request, try userID(parameters), .lookup, requestID: requestID)
    }

    /// `GET /stock/{productCode}`: what the inventory has of a product.
    func showStock(
        _ request: HTTPRequest, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        let productCode = try InputRules.productCode(
            arguments[0], at: .parameter("productCode"))
        let stock: Stock?
        do {
            stock = try await ports.stock.stock(of: productCode)
        } catch {
            logger.warning("the stock could not be read", ["error": "\(error)"])
            throw Problem(.inventoryUnavailable, "the stock cannot be read at the moment")
        }
        guard let stock else {
            throw Problem(.unknownProduct, "there is no product \(productCode)")
        }
        var json = JSONWriter()
        json.object { json in
            json.field("productCode", stock.code.text)
            json.field("name", stock.name)
            json.field("quantity", stock.quantity)
            json.field("held", stock.held)
            json.field("available", stock.available)
        }
        return HTTPResponse(status: 200, json: json.bytes)
    }

    private func userID(_ parameters: QueryParameters) throws(Problem) -> UserID {
        try InputRules.userID(try parameters.required("userID"), at: .parameter("userID"))
    }

    private func trace(of request: HTTPRequest) -> TraceContext? {
        request.headers.first("traceparent").flatMap { TraceContext(traceparent: $0) }
    }

    private func call(
        _ request: HTTPRequest, _ userID: UserID, _ action: CartRequest.Action,
        requestID: RequestID? = nil
    ) async throws(Problem) -> HTTPResponse {
        let ask = GatewayCore.Ask(
            userID: userID, cartID: CartID(of: userID),
            requestID: requestID, action: action, trace: trace(of: request))
        let answer = await core.call(ask)
        return try RestAnswer(action: action, userID: userID).response(answer)
    }

    private func idempotencyKey(of request: HTTPRequest) throws(Problem) -> RequestID? {
        let keys = request.headers.all("Idempotency-Key")
        guard let key = keys.first else { return nil }
        let subject = Problem.Subject.header("Idempotency-Key")
        if keys.count > 1 { throw InputRules.invalid(subject, "is given twice") }
        return try InputRules.requestID(key, at: subject)
    }
}
