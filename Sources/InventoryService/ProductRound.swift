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

    let code: ProductCode
    let requests: [InventoryRequest]
    let `guard`: Guard

    /// Whether each request asks for pieces, from nobody but the shelf: then a first asking needs to
    /// know no hold.
    var onlyAsks: Bool {
        requests.allSatisfy { if case .ask(_, _, from: nil) = $0.action { true } else { false } }
    }

    /// Decides the product's requests on what the transaction has read.
    ///
    /// - Parameter ledger: the holds as they stand, those decided earlier in the transaction included:
    ///   a key that is used for two products has one row.
    /// - Returns: the verdict, and the product's row as it is from then on.
    func decide(
        _ snapshot: InventorySnapshot, _ ledger: inout [HoldKey: Hold],
        _ configuration: InventoryServiceConfiguration, into changes: inout InventoryChanges
    ) -> (Verdict, Product?) {
        let product = snapshot.products[code]
        if case .locked(let token) = `guard`, let product, token <= product.fence {
            return (.staleToken, product)
        }
        var known: [HoldKey: Hold] = [:]
        for key in requests.flatMap(\.holdKeys) { known[key] = ledger[key] }
        guard
            let decision = ProductDecision(
                requests, product: product, recounted: snapshot.counts[code], ledger: known,
                now: snapshot.now, holdsFor: configuration.holdsFor, rule: configuration.lockRule,
                isLocked: `guard` != .none)
        else { return (.needsLock, product) }

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
            Product(
                code: code, name: product.name, quantity: product.quantity,
                held: product.held + decision.heldDelta, fence: fence)
        )
    }
}
