import InventoryDomain
import Messages

/// The rows of products as they were last seen: a guess at what they are, and at which need their lock.
///
/// A wrong guess costs a round trip, never a wrong decision: the locked row is what counts.
struct ProductSights {
    /// How many products are remembered; beyond that, all are forgotten.
    private static let countMax = 100_000

    private var sights: [ProductCode: Product] = [:]

    subscript(code: ProductCode) -> Product? {
        get { sights[code] }
        set {
            if sights.count >= Self.countMax, sights[code] == nil { sights.removeAll() }
            sights[code] = newValue
        }
    }

    /// What a transaction over the products will read; `nil` where one of them was not seen yet.
    func guess(_ codes: [ProductCode], now: Timestamp) -> InventorySnapshot? {
        var products: [ProductCode: Product] = [:]
        products.reserveCapacity(codes.count)
        for code in codes {
            guard let product = sights[code] else { return nil }
            products[code] = product
        }
        return InventorySnapshot(now: now, products: products, holds: [:])
    }

    /// Whether some of the requests look like needing the product's lock; a product that was not seen
    /// yet does.
    func suggestLock(
        _ code: ProductCode, _ requests: [InventoryRequest], _ rule: LockRule
    ) -> Bool {
        let asks = requests.compactMap { request -> Int? in
            if case .ask(let quantity, _, nil) = request.action { quantity } else { nil }
        }
        guard let most = asks.max() else { return false }
        guard let sight = sights[code] else { return true }
        // What cannot be granted needs no lock, and the ask that empties the shelf needs it.
        guard sight.available > 0 else { return false }
        let left = max(0, sight.available - asks.reduce(0, +))
        return rule.needsLock(ask: most, available: left + most)
    }
}
