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
    /// Oldest first.
    package let groups: [Cart.PendingGroup]
    /// Oldest first.
    package let given: [Cart.GivenHold]
    /// By name.
    package let parts: [String: AnyCartPart]

    package init(
        cartID: CartID, version: Int, changedAt: Timestamp?, held: [Cart.HeldItem],
        pending: [Cart.PendingAdd], groups: [Cart.PendingGroup], given: [Cart.GivenHold] = [],
        parts: [String: AnyCartPart]
    ) {
        self.cartID = cartID
        self.version = version
        self.changedAt = changedAt
        self.held = held
        self.pending = pending
        self.groups = groups
        self.given = given
        self.parts = parts
    }
}

extension Cart {
    /// The cart as it stands.
    package var snapshot: CartSnapshot {
        CartSnapshot(
            cartID: cartID, version: version, changedAt: changedAt, held: held, pending: pending,
            groups: groups, given: given, parts: parts)
    }

    /// The cart as it stood; later events lead on from there.
    package init(_ snapshot: CartSnapshot) {
        self.init(cartID: snapshot.cartID)
        version = snapshot.version
        changedAt = snapshot.changedAt
        held = snapshot.held
        pending = snapshot.pending
        groups = snapshot.groups
        given = snapshot.given
        parts = snapshot.parts
        memory = RequestMemory(
            capacity: Self.memoryMax,
            pending: pending.map { ($0.requestID, $0.request.fingerprint) }
                + groups.map { ($0.requestID, $0.fingerprint) })
    }
}
