import CartDomain
import Messages

/// The query of `/cart/update-product`: the first request of a websocket.
struct UpdateProductQuery: Equatable {
    var userID: UserID
    var requestID: RequestID?
    var action: CartRequest.Action

    /// Reads the query: a quantity above zero adds, below zero removes, zero asks for the cart.
    init(_ query: String?) throws(Problem) {
        let parameters = try QueryParameters(
            query, allowing: ["userID", "productCode", "quantity", "requestID"])
        userID = try InputRules.userID(
            try parameters.required("userID"), at: .parameter("userID"))
        if let text = parameters["requestID"] {
            requestID = try InputRules.requestID(text, at: .parameter("requestID"))
        }
        let quantity = try InputRules.integer(
            try parameters.required("quantity"), at: .parameter("quantity"))
        let limit = QuantityLimits.request.upperBound
        guard (-limit...limit).contains(quantity) else {
            throw InputRules.invalid(
                .parameter("quantity"), "is not from -\(limit) to \(limit)")
        }
        if quantity == 0 {
            if let text = parameters["productCode"], !text.isEmpty {
                _ = try InputRules.productCode(text, at: .parameter("productCode"))
            }
            action = .check
            return
        }
        let productCode = try InputRules.productCode(
            try parameters.required("productCode"), at: .parameter("productCode"))
        action =
            quantity > 0
            ? .add(productCode, quantity: quantity)
            : .remove(productCode, quantity: -quantity)
    }
}
