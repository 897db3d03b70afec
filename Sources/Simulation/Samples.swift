import CartDomain
import Messages

/// Identifiers of which it is known that they are valid.
func id(_ text: String) -> RequestID {
    guard let requestID = RequestID(text) else { preconditionFailure("not an ID: \(text)") }
    return requestID
}

func product(_ text: String) -> ProductCode {
    guard let code = ProductCode(text) else { preconditionFailure("not a code: \(text)") }
    return code
}

func user(_ text: String) -> UserID {
    guard let userID = UserID(text) else { preconditionFailure("not a user: \(text)") }
    return userID
}

let pickupPoint: PickupPoint = {
    guard let country = Country("HR") else { preconditionFailure("HR is a country") }
    return PickupPoint(
        id: "7", name: "Kiosk", address: "Main Square 1", city: "Zagreb", zip: "10000",
        country: country)
}()

extension CartRequest {
    /// A request of a user to the user's own cart.
    static func of(
        _ userID: UserID, _ requestID: String, _ action: Action, replyPartition: Int? = 0
    ) -> CartRequest {
        CartRequest(
            cartID: CartID(of: userID), requestID: id(requestID), userID: userID, action: action,
            replyPartition: replyPartition)
    }
}

/// The partition of a user's cart.
func partition(of userID: UserID) -> Int {
    Partitioner.partition(of: CartID(of: userID), count: World.partitionCount)
}
