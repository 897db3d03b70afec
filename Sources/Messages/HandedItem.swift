/// A hold that another one takes its pieces from.
package struct HoldSource: Hashable, Sendable {
    package let cartID: CartID
    package let requestID: RequestID

    package init(cartID: CartID, requestID: RequestID) {
        self.cartID = cartID
        self.requestID = requestID
    }
}

/// Pieces that go from one cart to another, with their hold.
package struct HandedItem: Hashable, Sendable {
    /// The request whose hold it is, in the cart that it comes from.
    package let requestID: RequestID
    package let line: LineID
    package let quantity: Int
    package let name: String
    package let country: Country?
    package let price: Price?

    package init(
        requestID: RequestID, line: LineID, quantity: Int, name: String, country: Country?,
        price: Price?
    ) {
        self.requestID = requestID
        self.line = line
        self.quantity = quantity
        self.name = name
        self.country = country
        self.price = price
    }
}

extension JSONWriter {
    /// Writes the fields of a source, if there is one.
    package mutating func source(_ source: HoldSource?) {
        guard let source else { return }
        field("fromCartID", source.cartID)
        field("fromRequestID", source.requestID.text)
    }
}
