import CartDomain
import Messages
import Telemetry
import WebServer

/// The carts of browsers, by their cookies, and any cart by its ID.
extension RestGateway {
    /// `GET /cart/`: the cart as it stands.
    func showCart(
        _ request: HTTPRequest, _ route: Route, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        var arguments = arguments
        let address = try address(request, route.scope, &arguments)
        _ = try QueryParameters(request.query, allowing: [])
        return try await show(address, request)
    }

    /// `DELETE /cart/`: has the browser forget its cart.
    func dropCart(_ request: HTTPRequest) throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        return HTTPResponse(
            status: 204, headers: [CartCookie.dropping(isSecure: isSecure(request))])
    }

    /// Sends a command to a cart.
    func changeCart(
        _ request: HTTPRequest, _ route: Route, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        guard let sent = route.command else {
            preconditionFailure("a route that changes carts has a command")
        }
        if request.method == "GET" { try crossOrigin.checkNavigation(request) }
        var arguments = arguments
        var address = try address(request, route.scope, &arguments)
        _ = try QueryParameters(request.query, allowing: [])
        let input = CommandInput(sent.registered)
        let known = try input.values(inPath: arguments, of: sent.route)
        let command = try input.command(
            sent.takesBody ? try await jsonBody(of: request) : [], known: known,
            requires: sent.route.requires)
        let ifVersion = try Preconditions.ifMatch(request)
        let requestID = try idempotencyKey(of: request)
        guard let other = command.redirected(from: address.cartID) else {
            return try await call(
                request, address, .command(command), requestID: requestID, ifVersion: ifVersion)
        }
        if ifVersion != nil {
            throw InputRules.invalid(
                .header("If-Match"), "is of this cart, but another one decides the request")
        }
        var target = CartAddress(other.cartID, userID: other.userID)
        target.cookie = address.cookie
        address = target
        var response = try await call(
            request, address, .command(other.command), requestID: requestID)
        if route.scope == .cookie, [200, 202].contains(response.status) {
            // From here on the browser's cart is the one that everything goes to.
            response.headers.removeAll { $0.0 == "Set-Cookie" }
            response.headers.append(
                CartCookie.setting(other.cartID, isSecure: isSecure(request)))
        }
        return response
    }

    /// `GET /cart/requests/{requestID}`: what became of a request.
    func lookUpRequest(
        _ request: HTTPRequest, _ route: Route, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        var arguments = arguments
        let address = try address(request, route.scope, &arguments)
        _ = try QueryParameters(request.query, allowing: [])
        return try await lookUp(arguments[0], address, request)
    }

    /// `GET /cart/session`: opens a websocket that tells every change of the cart.
    func openSession(
        _ request: HTTPRequest, _ route: Route, _ arguments: [String]
    ) async throws(Problem) -> HTTPAnswer {
        guard request.isWebSocketUpgrade else {
            throw Problem(
                .upgradeRequired,
                "open a websocket here (RFC 6455) to be told every change of the cart")
        }
        try crossOrigin.checkUpgrade(request)
        var arguments = arguments
        let address = try address(request, route.scope, &arguments)
        let parameters = try QueryParameters(request.query, allowing: ["version"])
        var version = -1
        if let text = parameters["version"] {
            version = try InputRules.integer(text, at: .parameter("version"))
            guard version >= 0 else {
                throw InputRules.invalid(.parameter("version"), "is below 0")
            }
        }
        if let problem = await core.refusal { throw problem }
        let client = limits.client(of: request)
        let (cartID, userID, seen) = (address.cartID, address.userID, version)
        return .webSocket(headers: address.cookie.map { [$0] } ?? []) { [core] socket in
            await core.serve(
                socket, watching: cartID, of: userID, since: seen, client: client)
        }
    }

    func show(
        _ address: CartAddress, _ request: HTTPRequest
    ) async throws(Problem) -> HTTPResponse {
        var response = try await call(request, address, .check)
        if let tag = response.headers.first(where: { $0.0 == "ETag" })?.1,
            let version = WholeNumber.read(String(tag.dropFirst().dropLast())),
            response.status == 200, Preconditions.isKnown(version, to: request)
        {
            response.status = 304
            response.body = []
        }
        return response
    }

    func lookUp(
        _ text: String, _ address: CartAddress, _ request: HTTPRequest
    ) async throws(Problem) -> HTTPResponse {
        let requestID = try InputRules.requestID(text, at: .parameter("requestID"))
        return try await call(request, address, .lookup, requestID: requestID)
    }

    /// The fields of a request's JSON body.
    func jsonBody(of request: HTTPRequest) async throws(Problem) -> [JSONValue.Field] {
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
        do {
            return try JSONValue.fields(of: bytes)
        } catch {
            throw Problem(error)
        }
    }

    func call(
        _ request: HTTPRequest, _ address: CartAddress, _ action: CartRequest.Action,
        requestID: RequestID? = nil, ifVersion: Int? = nil
    ) async throws(Problem) -> HTTPResponse {
        let ask = GatewayCore.Ask(
            userID: address.userID, cartID: address.cartID, requestID: requestID, action: action,
            ifVersion: ifVersion, trace: trace(of: request))
        let answer = await core.call(ask)
        var response = try RestAnswer(action: action, address: address).response(answer)
        if let cookie = address.cookie { response.headers.append(cookie) }
        return response
    }

    func trace(of request: HTTPRequest) -> TraceContext? {
        request.headers.first("traceparent").flatMap { TraceContext(traceparent: $0) }
    }

    func idempotencyKey(of request: HTTPRequest) throws(Problem) -> RequestID? {
        let keys = request.headers.all("Idempotency-Key")
        guard let key = keys.first else { return nil }
        let subject = Problem.Subject.header("Idempotency-Key")
        if keys.count > 1 { throw InputRules.invalid(subject, "is given twice") }
        return try InputRules.requestID(key, at: subject)
    }
}

extension CartCommand {
    /// The command as the cart gets it that decides it, where that is not the one it was sent to.
    func redirected(
        from cart: CartID
    ) -> (cartID: CartID, userID: UserID, command: any CartCommand)? {
        readdressed(from: cart).map { ($0.cartID, $0.userID, $0.command) }
    }
}
