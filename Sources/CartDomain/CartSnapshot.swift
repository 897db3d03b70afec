package import Messages

/// A cart at one of its versions, without its memory of requests.
///
/// A cart that is made from a snapshot has to look up requests that it does not know, as if it had
/// forgotten them; what is pending it knows.
package struct CartSnapshot: Hashable, Sendable {
    package let cartID: CartID
    package let version: Int
    package let changedAt: Timestamp?
    /// Oldest first.
    package let held: [Cart.HeldItem]
    /// Oldest first.
    package let pending: [Cart.PendingAdd]

    package init(
        cartID: CartID, version: Int, changedAt: Timestamp?, held: [Cart.HeldItem],
        pending: [Cart.PendingAdd]
    ) {
        self.cartID = cartID
        self.version = version
        self.changedAt = changedAt
        self.held = held
        self.pending = pending
    }
}

extension Cart {
    /// The cart as it stands.
    package var snapshot: CartSnapshot {
        CartSnapshot(
            cartID: cartID, version: version, changedAt: changedAt, held: held, pending: pending)
    }

    /// The cart as it stood; later events lead on from there.
    package init(_ snapshot: CartSnapshot) {
        self.init(cartID: snapshot.cartID)
        version = snapshot.version
        changedAt = snapshot.changedAt
        held = snapshot.held
        pending = snapshot.pending
        memory = RequestMemory(
            capacity: Self.memoryMax,
            pending: pending.map {
                (
                    $0.requestID,
                    .add($0.request.productCode, quantity: $0.request.quantity)
                )
            })
    }
}
