import CartDomain
import CartService
import InventoryDomain
import Messages

/// What gateways asked and were told, in their order, and what of it cannot be true.
final class History {
    /// One request of a cart.
    private struct Operation {
        let request: CartRequest
        /// When it was first asked.
        let invokedAt: Int
        /// The cart's highest version that anybody had been told by then.
        let versionBefore: Int
        var answeredAt: Int?
        var outcome: Told?
        var askers: Set<Int> = []
        var told: Set<Int> = []
        var isReused = false
    }

    private struct Told: Hashable {
        let status: RequestStatus
        let reason: RejectionReason?
        var items: [ItemOutcome]?
    }

    private struct Stock {
        let at: Int
        let quantity: Int
    }

    private var operations: [CartRequestKey: Operation] = [:]
    private var order: [CartRequestKey] = []
    private var counts: [UserID: Int] = [:]
    private var stocks: [ProductCode: [Stock]] = [:]
    private var views: [CartID: [Int: CartView]] = [:]
    private var versions: [CartID: Int] = [:]
    private var now = 0
    private var found: [String] = []
    /// Whether no hold expires during the life.
    let holdsLast: Bool

    init(holdsLast: Bool) { self.holdsLast = holdsLast }

    // MARK: What happens

    func ask(_ request: CartRequest) {
        now += 1
        let key = Self.key(request)
        if operations[key] == nil {
            counts[request.userID, default: 0] += 1
            order.append(key)
            operations[key] = Operation(
                request: request, invokedAt: now, versionBefore: versions[request.cartID] ?? 0)
        }
        if let partition = request.replyPartition { operations[key]?.askers.insert(partition) }
    }

    func noteReuse(_ request: CartRequest) { operations[Self.key(request)]?.isReused = true }

    func noteStock(_ code: ProductCode, _ quantity: Int) {
        now += 1
        stocks[code, default: []].append(Stock(at: now, quantity: quantity))
    }

    func hear(_ response: CartResponse) {
        now += 1
        guard
            case .outcome(let requestID, let status, let reason, _, let view, let items) =
                response.content,
            status != .pending
        else { return }
        let key = CartRequestKey(cartID: response.cartID, requestID: requestID)
        guard let operation = operations[key] else {
            found.append("nobody asked for \(response.brief)")
            return
        }
        if let view { see(view, after: operation) }
        if reason == .requestIDReused, operation.isReused { return }
        let told = Told(status: status, reason: reason, items: items)
        if let first = operation.outcome, first != told {
            found.append("\(operation.request.brief) was told \(first) and then \(told)")
        }
        operations[key]?.outcome = operation.outcome ?? told
        operations[key]?.answeredAt = operation.answeredAt ?? now
        operations[key]?.told.insert(response.replyPartition)
    }

    private func see(_ view: CartView, after operation: Operation) {
        if view.version < operation.versionBefore {
            found.append(
                """
                \(operation.request.brief) was answered from version \(view.version), asked after \
                version \(operation.versionBefore) had been told
                """)
        }
        if let former = views[view.cartID]?[view.version], former != view {
            found.append("two carts of version \(view.version): \(former) and \(view)")
        }
        views[view.cartID, default: [:]][view.version] = view
        versions[view.cartID] = max(versions[view.cartID] ?? 0, view.version)
    }

    // MARK: What can be asked

    func count(of userID: UserID) -> Int { counts[userID] ?? 0 }

    func any(_ random: inout SeededGenerator) -> CartRequest? {
        order.isEmpty ? nil : operations[order[random.below(order.count)]]?.request
    }

    func anyAnswered(_ random: inout SeededGenerator) -> CartRequest? {
        guard !order.isEmpty else { return nil }
        let operation = operations[order[random.below(order.count)]]
        return operation?.outcome == nil ? nil : operation?.request
    }

    /// Every request that a gateway waits for, as that gateway asks it.
    var unanswered: [CartRequest] {
        order.flatMap { key -> [CartRequest] in
            guard let operation = operations[key] else { return [] }
            return operation.askers.subtracting(operation.told).sorted().map { partition in
                var request = operation.request
                request.replyPartition = partition
                return request
            }
        }
    }

    /// How requests ended.
    var outcomes: [String: Int] {
        var outcomes: [String: Int] = [:]
        for operation in operations.values {
            guard let told = operation.outcome else { continue }
            outcomes[told.reason?.rawValue ?? told.status.rawValue, default: 0] += 1
        }
        return outcomes
    }

    private static func key(_ request: CartRequest) -> CartRequestKey {
        CartRequestKey(cartID: request.cartID, requestID: request.requestID)
    }

    // MARK: What cannot be true

    /// What was told that cannot be explained by one history of each cart and of each product.
    func violations(of world: World) throws -> [String] {
        var violations = found
        let carts = Dictionary(grouping: order.compactMap { operations[$0] }) { $0.request.cartID }
        for (cartID, operations) in carts.sorted(by: { $0.key.bits < $1.key.bits }) {
            let events = try (world.cartStore.events[cartID] ?? []).map {
                try CartEvent(decoding: $0.json)
            }
            violations += explain(operations, by: events, of: cartID)
        }
        for (code, stocks) in stocks.sorted(by: { $0.key < $1.key }) {
            violations += explain(code, stocks)
        }
        return violations
    }

    /// The cart's events must be a linearization of what was asked and told.
    private func explain(
        _ operations: [Operation], by events: [CartEvent], of cartID: CartID
    ) -> [String] {
        var violations: [String] = []
        var cart = Cart(cartID: cartID)
        var firsts: [RequestID: Int] = [:]
        for (index, event) in events.enumerated() {
            if event.version != index + 1 {
                violations.append("cart \(cartID) has a fork or a gap")
            }
            cart.evolve(event)
            if firsts[event.requestID] == nil { firsts[event.requestID] = event.version }
            if let told = views[cartID]?[event.version], told != cart.view {
                violations.append("told \(told), where the cart was \(cart.view)")
            }
        }
        if let last = versions[cartID], last > cart.version {
            violations.append("version \(last) of cart \(cartID) was told and is lost")
        }
        for operation in operations {
            guard let told = operation.outcome, told.reason != .failed else { continue }
            if case .check = operation.request.action { continue }
            if told != Self.told(cart.outcome(of: operation.request.requestID)) {
                violations.append("\(operation.request.brief) was told \(told), and is not so")
            }
        }
        var invokedLast = 0
        let ordered = operations.compactMap { operation in
            firsts[operation.request.requestID].map { ($0, operation) }
        }.sorted { $0.0 < $1.0 }
        for (_, operation) in ordered {
            if let answeredAt = operation.answeredAt, answeredAt < invokedLast {
                violations.append("\(operation.request.brief) changed places with a later request")
            }
            invokedLast = max(invokedLast, operation.invokedAt)
        }
        return violations + recount(operations, events, cart)
    }

    private static func told(_ outcome: Outcome?) -> Told? {
        switch outcome {
        case .accepted: Told(status: .accepted, reason: nil)
        case .settled(let items): Told(status: .accepted, reason: nil, items: items)
        case .rejected(let reason, _): Told(status: .rejected, reason: reason)
        case .pending, nil: nil
        }
    }

    /// Pieces in the cart are those of accepted adds less those of accepted removals; where removals
    /// touched pending adds, took everything, or holds went by themselves, that sum says nothing.
    private func recount(
        _ operations: [Operation], _ events: [CartEvent], _ cart: Cart
    ) -> [String] {
        let isPlain = events.allSatisfy { event in
            switch event.kind {
            case .removed(let removal): removal.reductions.pending.isEmpty
            case .expired, .shrunk, .disowned, .handedOver, .itemsRequested, .countriesSet:
                false
            default: true
            }
        }
        guard isPlain else { return [] }
        var sums: [ProductCode: Int] = [:]
        for operation in operations where operation.outcome?.status == .accepted {
            switch operation.request.command {
            case let add as AddItem: sums[add.line.productCode, default: 0] += add.quantity
            case let removal as RemoveProduct:
                guard let quantity = removal.quantity else { return [] }
                sums[removal.productCode, default: 0] -= quantity
            case is RemoveLine, is SetQuantity: return []
            default: break
            }
        }
        return sums.sorted { $0.key < $1.key }.compactMap { code, sum in
            let pieces = cart.held.filter { $0.productCode == code }
                .reduce(0) { $0 + $1.quantity }
            return pieces == sum
                ? nil : "\(cart.cartID) has \(pieces) of \(code.text), by its answers \(sum)"
        }
    }

    /// Every accepted add must find room, and every refused one may have found too little, at some
    /// moment between its first asking and its first answer.
    ///
    /// Bounded and sound rather than complete. Pieces count as held for certain from the answer to
    /// their add until a removal is asked for that may take them; they may be held from the moment
    /// that the add is asked for, for ever.
    private func explain(_ code: ProductCode, _ stocks: [Stock]) -> [String] {
        let adds = order.compactMap { operations[$0] }.compactMap { operation in
            let quantity = operation.request.mostPieces(of: code)
            return quantity > 0 ? (operation: operation, quantity: quantity) : nil
        }
        var violations: [String] = []
        for (operation, quantity) in adds where operation.outcome?.reason == .outOfStock {
            guard let answeredAt = operation.answeredAt, operation.request.command is AddItem
            else { continue }
            let others = adds.filter { other in
                other.operation.invokedAt < answeredAt
                    && other.operation.outcome?.reason != .outOfStock
            }
            let heldMost = others.reduce(0) { $0 + $1.quantity }
            if quantity + heldMost <= least(stocks, operation.invokedAt...answeredAt) {
                violations.append(
                    "\(operation.request.brief) was refused, with at most \(heldMost) pieces held")
            }
        }
        guard holdsLast else { return violations }
        let certain = adds.compactMap { add -> (from: Int, to: Int, quantity: Int)? in
            guard let answeredAt = add.operation.answeredAt,
                add.operation.outcome?.status == .accepted,
                add.operation.request.command is AddItem
            else { return nil }
            let end = removal(of: code, that: add.operation)
            return end > answeredAt ? (answeredAt, end, add.quantity) : nil
        }
        for moment in certain {
            let held = certain.filter { $0.from <= moment.from && moment.from < $0.to }
                .reduce(0) { $0 + $1.quantity }
            let most = stocks.last { $0.at < moment.from }?.quantity ?? 0
            if held > most {
                violations.append("\(held) of \(code.text) were certainly held, of \(most)")
            }
        }
        return violations
    }

    /// When a removal was first asked for that may take pieces of the add.
    private func removal(of code: ProductCode, that add: Operation) -> Int {
        order.compactMap { operations[$0] }.filter { other in
            guard other.request.mayTake(code, from: add.request.cartID) else { return false }
            return other.answeredAt.map { $0 > add.invokedAt } ?? true
        }.map(\.invokedAt).min() ?? .max
    }

    /// The least stock that there was in a span of time.
    private func least(_ stocks: [Stock], _ span: ClosedRange<Int>) -> Int {
        let before = stocks.last { $0.at <= span.lowerBound }?.quantity ?? 0
        return stocks.filter { span.contains($0.at) }.reduce(before) { min($0, $1.quantity) }
    }
}

extension CartRequest {
    /// The command that it is; `nil` for a question.
    var command: (any CartCommand)? {
        if case .command(let command) = action { command.base } else { nil }
    }

    /// The most pieces of a product that it may have held which nobody held before.
    fileprivate func mostPieces(of code: ProductCode) -> Int {
        switch command {
        case let add as AddItem where add.line.productCode == code: add.quantity
        case let set as SetQuantity where set.line.productCode == code: set.quantity
        case let replacement as ReplaceItems:
            replacement.items.filter { $0.line.productCode == code }.reduce(0) { $0 + $1.quantity }
        default: 0
        }
    }

    /// Whether it may take pieces of a product out of a cart.
    fileprivate func mayTake(_ code: ProductCode, from cartID: CartID) -> Bool {
        switch command {
        case let merge as MergeCart: merge == .from(cartID)
        case let removal as RemoveProduct: self.cartID == cartID && removal.productCode == code
        case let removal as RemoveLine:
            self.cartID == cartID && removal.line.productCode == code
        case let set as SetQuantity: self.cartID == cartID && set.line.productCode == code
        case is ReplaceItems: self.cartID == cartID
        default: false
        }
    }
}
