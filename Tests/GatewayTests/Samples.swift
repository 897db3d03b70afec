import CartDomain
import Messages
import RestGateway
import Testing

/// Values for tests, made from literals that are known to be valid.
enum Sample {
    static func user(_ text: String) throws -> UserID { try #require(UserID(text)) }
    static func requestID(_ text: String) throws -> RequestID { try #require(RequestID(text)) }
    static func product(_ text: String) throws -> ProductCode { try #require(ProductCode(text)) }

    static func request(
        _ requestID: String, user: String = "u1", _ action: CartRequest.Action? = nil
    ) throws -> CartRequest {
        let user = try Self.user(user)
        return CartRequest(
            cartID: CartID(of: user), requestID: try Self.requestID(requestID), userID: user,
            action: try action ?? .add(product("P1"), quantity: 1))
    }

    static func cart(_ request: CartRequest, version: Int) -> CartView {
        CartView(cartID: request.cartID, version: version, lines: [], pending: [])
    }

    static func outcome(
        _ request: CartRequest, _ status: RequestStatus = .accepted,
        reason: RejectionReason? = nil, version: Int? = 1
    ) -> CartResponse.Content {
        .outcome(
            request.requestID, status, reason: reason, message: nil,
            cart: version.map { cart(request, version: $0) })
    }

    static func changed(_ user: String, version: Int) throws -> GatewayReply {
        let cartID = CartID(of: try Self.user(user))
        let view = CartView(cartID: cartID, version: version, lines: [], pending: [])
        return GatewayReply(
            cartID: cartID, requestID: nil, status: nil, cartVersion: version,
            value: CartResponse(cartID: cartID, content: .changed(view), replyPartition: 3)
                .encoded())
    }
}
