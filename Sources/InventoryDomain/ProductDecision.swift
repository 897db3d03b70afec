package import Messages

/// What the inventory decides on a batch of requests for one product.
package struct ProductDecision: Hashable, Sendable {
    /// The answers, in the order of the asks and lowers.
    package private(set) var answers: [InventoryResponse] = []
    /// Rows for the ledger.
    package private(set) var newHolds: [Hold] = []
    /// Rows of the ledger that shrink: their keys and what they hold from now on.
    package private(set) var loweredHolds: [HoldKey: Int] = [:]
    /// Holds that last longer, and until when.
    package private(set) var extendedHolds: [HoldKey: Timestamp] = [:]
    /// By how much the pieces held of the product change.
    package private(set) var heldDelta = 0

    private let product: Product?
    private var ledger: [HoldKey: Hold]
    private var newKeys: [HoldKey] = []
    private let now: Timestamp
    private let expiresAt: Timestamp

    /// Decides all requests together, in their order.
    ///
    /// - Parameters:
    ///   - requests: those for this one product.
    ///   - product: its row, read under the row's lock; `nil` where there is none.
    ///   - recounted: how many pieces its ledger holds, where a request wants them counted anew.
    ///   - ledger: the known holds among the requests' keys, read after the row was locked.
    ///   - now: the database's clock.
    ///   - holdsFor: how long a hold lasts.
    ///   - rule: when a hold needs the product's lock.
    ///   - isLocked: whether the caller has the product's lock, or has to do without it.
    /// - Returns: `nil` if a hold needs the lock and the caller does not have it: nothing is decided.
    package init?(
        _ requests: [InventoryRequest], product: Product?, recounted: Int? = nil,
        ledger: [HoldKey: Hold], now: Timestamp, holdsFor: Duration, rule: LockRule, isLocked: Bool
    ) {
        self.product = product
        self.ledger = ledger
        self.now = now
        expiresAt = now + holdsFor
        // Where more is held than there is, nothing is left to hold, and holds can still be let go.
        if let product, let recounted {
            heldDelta = min(recounted, product.quantity) - product.held
        }
        answers.reserveCapacity(requests.count)
        for request in requests {
            let key = HoldKey(cartID: request.cartID, requestID: request.requestID)
            let answer: InventoryResponse.Answer
            switch request.action {
            case .ask(let quantity, let until, let source):
                let source = source.map { HoldKey($0) }
                guard
                    let decided = decideAsk(
                        request, key, quantity, until, from: source == key ? nil : source,
                        rule: isLocked ? nil : rule)
                else { return nil }
                answer = decided
            case .lower(let quantity, let source):
                if let source { lower(HoldKey(source), request, to: 0) }
                answer = .lowered(to: decideLower(request, key, quantity))
            case .extend(let until):
                extend(request, key, until)
                continue
            case .recount:
                continue
            }
            answers.append(
                InventoryResponse(
                    cartID: request.cartID, requestID: request.requestID,
                    productCode: request.productCode, answer: answer,
                    traceparent: request.traceparent))
        }
        newHolds = newKeys.compactMap { self.ledger[$0] }
        for (key, hold) in ledger {
            if let now = self.ledger[key], now.holdQuantity < hold.holdQuantity {
                loweredHolds[key] = now.holdQuantity
            }
        }
    }

    private var available: Int { max(0, (product?.available ?? 0) - heldDelta) }

    /// The answer to an ask; `nil` if it needs the lock by `rule`.
    ///
    /// Whatever is decided, its source has nothing any more: the cart that had it has given it away.
    private mutating func decideAsk(
        _ request: InventoryRequest, _ key: HoldKey, _ quantity: Int, _ until: Timestamp,
        from source: HoldKey?, rule: LockRule?
    ) -> InventoryResponse.Answer? {
        // What the source held is not seen by anybody else in between, so only what goes beyond it is
        // taken off the shelf.
        let extra = quantity - (source.flatMap { held(by: $0, request) } ?? 0)
        // What only changes its cart is late for nothing.
        let isTooLate = now > until && extra > 0
        if let rule, extra > 0, ledger[key] == nil, !isTooLate, extra <= available,
            rule.needsLock(ask: extra, available: available)
        {
            return nil
        }
        if let source { lower(source, request, to: 0) }
        if let known = ledger[key] { return repeatedAnswer(known, request, quantity) }
        // This too is kept: an ask that was sent again, with more time, must not be granted once the
        // cart has been told that it was too late.
        if isTooLate { return refuse(request, key, quantity, .tooLate) }
        guard let product else { return refuse(request, key, quantity, .unknownProduct) }
        guard quantity <= available else { return refuse(request, key, quantity, .outOfStock) }
        record(request, key, quantity, .held)
        heldDelta += quantity
        return .held(quantity: quantity, name: product.name, expiresAt: expiresAt)
    }

    private mutating func refuse(
        _ request: InventoryRequest, _ key: HoldKey, _ quantity: Int, _ reason: InventoryRefusal
    ) -> InventoryResponse.Answer {
        record(request, key, quantity, .refused(reason, available: available))
        return .refused(reason, available: available)
    }

    /// What the first ask was answered, whatever became of its hold since.
    private func repeatedAnswer(
        _ known: Hold, _ request: InventoryRequest, _ quantity: Int
    ) -> InventoryResponse.Answer {
        let isSame =
            known.productCode == request.productCode
            && (known.askQuantity == quantity || known.status == .cancelled)
        guard isSame else { return .refused(.requestIDReused, available: available) }
        switch known.status {
        case .held:
            return .held(
                quantity: quantity, name: product?.name ?? request.productCode.text,
                expiresAt: known.expiresAt ?? now)
        case .refused(let reason, let available):
            return .refused(reason, available: available)
        case .cancelled:
            return .refused(.cancelled, available: available)
        }
    }

    /// Shrinks the hold; what it has left.
    private mutating func decideLower(
        _ request: InventoryRequest, _ key: HoldKey, _ quantity: Int
    ) -> Int {
        if ledger[key] == nil {
            record(request, key, 0, .cancelled)
            return 0
        }
        return lower(key, request, to: quantity)
    }

    /// Shrinks a known hold, if it is larger; what it has left of the product.
    @discardableResult private mutating func lower(
        _ key: HoldKey, _ request: InventoryRequest, to quantity: Int
    ) -> Int {
        // A key that is in use for another product holds nothing of this one.
        let held = held(by: key, request) ?? 0
        guard quantity < held else { return held }
        heldDelta -= held - quantity
        ledger[key]?.holdQuantity = quantity
        return quantity
    }

    private func held(by key: HoldKey, _ request: InventoryRequest) -> Int? {
        ledger[key].flatMap { $0.productCode == request.productCode ? $0.holdQuantity : nil }
    }

    /// Lets a hold last longer; one that was let go stays so.
    private mutating func extend(
        _ request: InventoryRequest, _ key: HoldKey, _ until: Timestamp
    ) {
        guard let hold = ledger[key], hold.productCode == request.productCode,
            hold.holdQuantity > 0, let expiresAt = hold.expiresAt, expiresAt < until
        else { return }
        ledger[key]?.expiresAt = until
        extendedHolds[key] = until
    }

    private mutating func record(
        _ request: InventoryRequest, _ key: HoldKey, _ quantity: Int, _ status: Hold.Status
    ) {
        let isHeld = status == .held
        newKeys.append(key)
        ledger[key] = Hold(
            key: key, productCode: request.productCode, userID: request.userID,
            askQuantity: quantity, holdQuantity: isHeld ? quantity : 0, status: status,
            createdAt: now, expiresAt: isHeld ? expiresAt : nil)
    }
}
