import CartDomain
import Messages

/// The few outcomes that a gateway tells by itself, and what it reads of others.
enum OutcomeText {
    /// At the deadline: the outcome is not known yet.
    static func pending(_ requestID: RequestID) -> [UInt8] {
        text(
            requestID, .pending, nil,
            "not settled yet; the outcome can be asked for by the request ID")
    }

    /// Another request is under way with this request's ID.
    static func reused(_ request: CartRequest) -> [UInt8] {
        text(
            request.requestID, .rejected, .requestIDReused,
            "another request is under way with this ID")
    }

    /// The reason that an outcome's text gives.
    static func reason(in text: [UInt8]) -> RejectionReason? {
        guard case .outcome(_, _, let reason, _, _, _) = try? CartResponse.decodeContent(text)
        else { return nil }
        return reason
    }

    private static func text(
        _ requestID: RequestID, _ status: RequestStatus, _ reason: RejectionReason?,
        _ message: String
    ) -> [UInt8] {
        // Cart and partition stand in key and headers of a message on the log, not in the text.
        CartResponse(
            cartID: CartID(bits: 0),
            content: .outcome(requestID, status, reason: reason, message: message, cart: nil),
            replyPartition: 0
        ).encoded()
    }
}
