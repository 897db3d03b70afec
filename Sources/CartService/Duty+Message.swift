import CartDomain
import Messages

extension Duty {
    /// What is said to the inventory or to another cart; `nil`: nothing any more.
    func message(of cartID: CartID, traceparent: String?) -> Obligation.Message? {
        let productCode: ProductCode
        let action: InventoryRequest.Action
        switch kind {
        case .ask(let code, let quantity, let until, let source):
            productCode = code
            action = .ask(quantity: quantity, until: until, from: source)
        case .lower(let code, let quantity, let source):
            productCode = code
            action = .lower(to: quantity, from: source)
        case .fetch(let other):
            let key = CartRequestKey(cartID: cartID, requestID: requestID)
            return .fetch(key, userID: userID, from: other)
        case .nothing:
            return nil
        }
        return .inventory(
            InventoryRequest(
                cartID: cartID, requestID: requestID, userID: userID, productCode: productCode,
                action: action, traceparent: traceparent))
    }
}
