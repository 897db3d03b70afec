import InventoryDomain
import Messages

/// How one product's batch is decided within a transaction: purely, from what the rows say.
struct ProductRound: Sendable {
    /// What guards the product while it is decided.
    enum Guard: Hashable, Sendable {
        /// Nothing: only holds that need no lock may be placed.
        case none
        /// The product's lock, with its fencing token.
        case locked(token: Int)
        /// The lock service is away, or the lock stayed busy: the row's own lock has to do.
        case unguarded
    }

    /// What the row said.
    enum Verdict: Sendable {
        /// Decided: the answers, in the order of their requests.
        case decided([InventoryResponse])
        /// A hold needs the product's lock: nothing was decided.
        case needsLock
        /// The token is not above the row's fence: nothing was decided.
        case staleToken
    }

    /// What a product looked like when it was last seen, to guess whether it needs its lock.
    struct Sight: Hashable, Sendable {
        let available: Int
        let fence: Int
    }

    let code: ProductCode
    let requests: [InventoryRequest]
    let `guard`: Guard

    /// Decides the product's requests on what the transaction has read.
    ///
    /// - Parameter ledger: the holds as they stand, those decided earlier in the transaction included:
    ///   a key that is used for two products has one row.
    func decide(
        _ snapshot: InventorySnapshot, _ ledger: inout [HoldKey: Hold],
        _ configuration: InventoryServiceConfiguration, into changes: inout InventoryChanges
    ) -> (Verdict, Sight?) {
        let product = snapshot.products[code]
        let sight = product.map { Sight(available: $0.available, fence: $0.fence) }
        if case .locked(let token) = `guard`, let product, token <= product.fence {
            return (.staleToken, sight)
        }
        var known: [HoldKey: Hold] = [:]
        for key in requests.flatMap(\.holdKeys) { known[key] = ledger[key] }
        guard
            let decision = ProductDecision(
                requests, product: product, recounted: snapshot.counts[code], ledger: known,
                now: snapshot.now, holdsFor: configuration.holdsFor, rule: configuration.lockRule,
                isLocked: `guard` != .none)
        else { return (.needsLock, sight) }

        for hold in decision.newHolds { ledger[hold.key] = hold }
        changes.newHolds += decision.newHolds
        changes.loweredHolds.merge(decision.loweredHolds) { _, new in new }
        changes.extendedHolds.merge(decision.extendedHolds) { _, new in new }
        guard let product else { return (.decided(decision.answers), nil) }
        var fence = product.fence
        if decision.heldDelta != 0 {
            // A writer without a token raises the fence too: a lock holder that slept meanwhile is
            // then refused, and looks again.
            if case .locked(let token) = `guard` { fence = token } else { fence += 1 }
            changes.products.append(
                InventoryChanges.ProductChange(
                    code: code, heldDelta: decision.heldDelta, fence: fence))
        }
        return (
            .decided(decision.answers),
            Sight(available: product.available - decision.heldDelta, fence: fence)
        )
    }
}
