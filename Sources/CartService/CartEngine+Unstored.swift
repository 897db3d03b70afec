import CartDomain
import Messages

/// A plain add that its cart knows and the store does not: it is stored together with its answer, as
/// one event where nothing else has happened to the cart meanwhile.
///
/// Its ask has left. This is safe (rule C5): until the add is stored its offset is not committed, so
/// that whoever owns the cart next decides it again, and asks the same or takes it back. What anybody is
/// told of the cart, and all else that happens to it, is stored after it, in the same transaction. An add
/// that is not answered soon is stored as it stands, with its obligation.
struct UnstoredAdd {
    let input: CartEngine.Input
    let event: CartEvent
    /// What is owed from the moment at which it is stored unanswered.
    let obligation: Obligation

    var key: CartRequestKey { obligation.key }
}

extension CartEngine {
    /// Keeps a cart's adds until they are stored with what happens next to the cart.
    ///
    /// - Parameter turn: what the adds caused; see ``CartTurn/isOfEarlyAsks(_:)``.
    func keepUnstored(_ batch: Batch, _ turn: CartTurn) {
        for ((input, event), owed) in zip(zip(batch.messages, turn.events), turn.owed) {
            guard let obligation = owed.obligation else {
                preconditionFailure("an add owes its ask")
            }
            unstored[batch.key, default: []].append(
                UnstoredAdd(input: input, event: event, obligation: obligation))
        }
    }

    /// The adds that wait for their answers no longer: they have for too long, or their partition is to
    /// leave.
    ///
    /// ``drain(_:)`` takes those of carts that are free. A cart that was not may have been kept aside
    /// since, without them.
    func overdueAdds() -> Admission {
        let now = clock.now()
        return unstoredAdds { add in
            switch partitions[add.obligation.partition]?.phase {
            case .active: lostAt(add.obligation) <= now
            case .draining: true
            case .abandoned, .fenced, nil: false
            }
        }
    }

    /// Adds that wait for their answers, to be decided anew and stored as they stand.
    ///
    /// Without those of carts that are being worked on, which store them or wait on.
    ///
    /// - Parameter isWanted: whether a cart's adds are meant, by the oldest of them.
    func unstoredAdds(_ isWanted: (UnstoredAdd) -> Bool) -> Admission {
        var inputs: [Input] = []
        let wanted = unstored.filter { !mailboxes.isBusy($0.key) && isWanted($0.value[0]) }
        for (cartID, adds) in wanted.sorted(by: { $0.key.bits < $1.key.bits }) {
            unstored[cartID] = nil
            staleCarts.insert(cartID)
            inputs += adds.map(\.input)
        }
        var admission = Admission(batches: mailboxes.admit(inputs) { $0.key.cartID })
        admission.isAgain = true
        return admission
    }

    /// Has the adds of carts that are read again decided anew, before what has come for them since.
    func takeUnstored(into batches: inout [Batch], _ attempt: inout Attempt) {
        for index in batches.indices where staleCarts.contains(batches[index].key) {
            guard let adds = unstored.removeValue(forKey: batches[index].key) else { continue }
            batches[index].messages.insert(contentsOf: adds.map(\.input), at: 0)
            attempt.isAgain = true
        }
    }
}

extension Obligation {
    /// What it asks of the inventory; `nil` where it says something else.
    var ask: InventoryRequest? {
        guard case .inventory(let request) = message, case .ask = request.action else { return nil }
        return request
    }
}
