import CartDomain
import Messages
import WebServer

/// Which cart a request is about, and how its client names it.
struct CartAddress: Sendable {
    let cartID: CartID
    let userID: UserID
    /// Where the cart is found.
    let path: String
    /// Where its requests are found: the path up to the request's ID, and what follows it.
    let requests: (before: String, after: String)
    /// The cookie that the answer has to set; `nil` for none.
    var cookie: (String, String)?

    /// The cart of a user, by the user's ID in the query.
    init(of userID: UserID) {
        cartID = CartID(of: userID)
        self.userID = userID
        let query = "?userID=" + PercentEncoding.encode(userID.text)
        path = "/cart" + query
        requests = ("/requests/", query)
    }

    /// A cart by its ID, which whoever knows it may use.
    init(_ cartID: CartID, userID: UserID = .guest) {
        self.cartID = cartID
        self.userID = userID
        path = "/cart/byid/\(cartID)"
        requests = (path + "/requests/", "")
    }

    /// The cart of a cookie.
    init(cookie cartID: CartID) {
        self.cartID = cartID
        userID = .guest
        path = "/cart/"
        requests = ("/cart/requests/", "")
    }

    /// Where a request is found.
    func path(of requestID: RequestID) -> String {
        requests.before + PercentEncoding.encode(requestID.text) + requests.after
    }
}

extension RestGateway {
    /// The cart that a route's path or the request's cookie means.
    ///
    /// - Parameter arguments: what stands in the path; the cart's ID is taken out of it.
    func address(
        _ request: HTTPRequest, _ scope: Route.Scope?, _ arguments: inout [String]
    ) throws(Problem) -> CartAddress {
        switch scope {
        case .byID:
            guard let cartID = CartID(arguments.removeFirst()) else {
                throw InputRules.invalid(.parameter("cartID"), "is not a UUID")
            }
            return CartAddress(cartID)
        case .cookie, nil:
            if let cartID = CartCookie.cart(in: request) { return CartAddress(cookie: cartID) }
            var generator = SystemRandomNumberGenerator()
            let cartID = CartID(bits: UInt128.random(in: 0...UInt128.max, using: &generator))
            var address = CartAddress(cookie: cartID)
            address.cookie = CartCookie.setting(cartID, isSecure: isSecure(request))
            return address
        }
    }

    /// Whether the client came by HTTPS, as a trusted proxy says: the gateway itself speaks none.
    func isSecure(_ request: HTTPRequest) -> Bool {
        guard let peer = ClientAddress(request.remoteAddress),
            configuration.trustedProxies.contains(peer)
        else { return false }
        return request.headers.all("X-Forwarded-Proto").last?.lowercased() == "https"
    }
}
