import Synchronization

/// What one shopper asked for and was told, as far as the shopper can know.
///
/// A request has one outcome, however often and wherever it is asked; whatever contradicts this is
/// complained of.
final class ChaosLedger: Sendable {
    /// A request that changes a cart.
    struct Request: Sendable {
        enum Kind: Sendable { case add, remove }

        let id: String
        let kind: Kind
        let product: String
        let quantity: Int
        /// Since when the shopper waits for the outcome.
        var askedAt: ContinuousClock.Instant
        /// Its status, with the reason if there is one.
        var outcome: String?

        var message: String {
            """
            {"requestID":"\(id)","action":"\(kind == .add ? "add" : "remove")",\
            "productCode":"\(product)","quantity":\(quantity)}
            """
        }
    }

    private struct State {
        var requests: [String: Request] = [:]
        var order: [String] = []
        var versionMax = 0
        /// Products of which pieces were removed while an add of theirs was pending.
        var entangled: Set<String> = []
    }

    let user = TestEnvironment.uniqueName()
    private let state = Mutex(State())
    private let report: ChaosReport

    init(_ report: ChaosReport) { self.report = report }

    var requests: [Request] {
        state.withLock { state in state.order.compactMap { state.requests[$0] } }
    }

    var versionMax: Int { state.withLock { $0.versionMax } }

    func request(_ id: String) -> Request? { state.withLock { $0.requests[id] } }

    /// The requests of those that have no outcome yet.
    func unsettled(of ids: some Sequence<String>) -> [Request] {
        state.withLock { state in
            ids.compactMap { state.requests[$0] }.filter { $0.outcome == nil }
        }
    }

    /// Notes a new request.
    func add(_ kind: Request.Kind, _ product: String, _ quantity: Int) -> String {
        report.noteRequest()
        return state.withLock { state in
            let id = "q\(state.order.count)"
            let isPending = state.requests.values.contains {
                $0.product == product && $0.kind == .add && $0.outcome == nil
            }
            if kind == .remove, isPending { state.entangled.insert(product) }
            state.requests[id] = Request(
                id: id, kind: kind, product: product, quantity: quantity,
                askedAt: .now)
            state.order.append(id)
            return id
        }
    }

    /// Notes that requests on which the shopper had given up are asked again.
    func resume(_ ids: [String]) {
        state.withLock { state in
            for id in ids { state.requests[id]?.askedAt = .now }
        }
    }

    /// Takes a message of a gateway into account.
    ///
    /// - Returns: the request that it settles, or that has to be sent again.
    func take(_ message: JSON) -> (requestID: String, isToRepeat: Bool)? {
        if let version = message["cart"]["version"].number {
            state.withLock { $0.versionMax = max($0.versionMax, version) }
        }
        guard let id = message["requestID"].text, let request = request(id) else { return nil }
        guard message["type"] == "outcome" else {
            if message["problem"]["status"] != 503 {
                report.complain("\(user) \(id): \(message)")
            }
            return (id, true)
        }
        guard let status = message["status"].text, status != "pending" else { return nil }
        let outcome = [status, message["reason"].text].compactMap { $0 }.joined(separator: " ")
        if let told = request.outcome {
            if told != outcome {
                report.complain("\(user) \(id): first \(told), then \(outcome)")
            }
            return (id, false)
        }
        if outcome == "rejected unknown-product" { report.complain("\(user) \(id): \(outcome)") }
        state.withLock { $0.requests[id]?.outcome = outcome }
        report.noteOutcome(
            "\(request.kind == .add ? "add" : "remove") \(outcome)",
            after: ContinuousClock.now - request.askedAt)
        return (id, false)
    }

    /// How many pieces of a product the shopper knows to be in the cart.
    func known(of product: String) -> Int { pieces(of: product).lowerBound }

    /// How many pieces of a product can be in the cart once all is settled.
    ///
    /// Where a removal was under way together with an add that was refused, some of what was removed may
    /// never have been held.
    func pieces(of product: String) -> ClosedRange<Int> {
        state.withLock { state in
            var sum = 0
            var refused = 0
            for request in state.requests.values where request.product == product {
                switch (request.kind, request.outcome) {
                case (.add, "accepted"), (.add, "rejected cancelled"): sum += request.quantity
                case (.remove, "accepted"): sum -= request.quantity
                case (.add, _): refused += request.quantity
                default: break
                }
            }
            return sum...(state.entangled.contains(product) ? sum + refused : sum)
        }
    }

    /// Compares the final cart with what was told.
    func compare(with cart: JSON, gateway: Int) {
        if let version = cart["version"].number, version < versionMax {
            report.complain(
                "\(user): version \(versionMax) was told, gateway \(gateway) has \(version)")
        }
        if cart["pending"] != [] { report.complain("\(user): still pending: \(cart["pending"])") }
        var lines: [String: Int] = [:]
        for line in cart["lines"].elements {
            lines[line["productCode"].text ?? ""] = line["quantity"].number
        }
        let products = Set(requests.map(\.product)).union(lines.keys)
        for product in products where !pieces(of: product).contains(lines[product] ?? 0) {
            report.complain(
                "\(user): \(pieces(of: product)) of \(product) were told, \(lines[product] ?? 0) are there"
            )
        }
    }
}
