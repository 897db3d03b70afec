package import CartDomain
import Messages
import WebServer

/// The carts of users, by the user's ID.
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

    /// `GET /cart?userID=`: the cart as it stands.
    func showUsersCart(_ request: HTTPRequest) async throws(Problem) -> HTTPResponse {
        let parameters = try QueryParameters(request.query, allowing: ["userID"])
        return try await show(try address(parameters), request)
    }

    /// `POST /cart/items`: adds to the cart of the user that the body names.
    func addUsersItem(_ request: HTTPRequest) async throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        let values = try CommandInput.values(
            try await jsonBody(of: request), of: [Self.userField] + AddItem.fields, requires: [],
            envelope: [])
        guard case .text(let text)? = values["userID"] else {
            throw Problem(FieldProblem("userID", .missing))
        }
        let userID = try InputRules.userID(text, at: .field("userID"))
        let command: AddItem
        do { command = try AddItem(values) } catch { throw Problem(error) }
        return try await call(
            request, CartAddress(of: userID), .command(command),
            requestID: try idempotencyKey(of: request),
            ifVersion: try Preconditions.ifMatch(request))
    }

    /// `DELETE /cart/items/{productCode}`: takes out of the cart.
    func removeUsersItem(
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
            request, try address(parameters), .remove(productCode, quantity: quantity),
            requestID: try idempotencyKey(of: request),
            ifVersion: try Preconditions.ifMatch(request))
    }

    /// `GET /requests/{requestID}?userID=`: what became of a request.
    func lookUpUsersRequest(
        _ request: HTTPRequest, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        let parameters = try QueryParameters(request.query, allowing: ["userID"])
        return try await lookUp(arguments[0], try address(parameters), request)
    }

    /// The field that names the user in a body.
    package static let userField = CommandField("userID", .userID, "Whose cart is meant.")

    private func address(_ parameters: QueryParameters) throws(Problem) -> CartAddress {
        CartAddress(
            of: try InputRules.userID(
                try parameters.required("userID"), at: .parameter("userID")))
    }
}
