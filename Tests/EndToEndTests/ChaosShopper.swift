import Testing
import WebClient

/// Somebody who shops at two gateways, whatever happens, and asks until an answer comes.
///
/// After some requests the shopper goes on as somebody else with an empty cart.
actor ChaosShopper {
    private static let requestsEach = 120

    private let shop: Installation
    private let shelves: [String]
    private let report: ChaosReport
    private var generator: SeededGenerator
    private var sockets: [Int: Socket] = [:]
    private var gateway: Int
    private(set) var ledgers: [ChaosLedger] = []
    /// The requests, by user, that were not waited for.
    private var abandoned: [String: Set<String>] = [:]

    init(
        _ shop: Installation, shelves: [String], report: ChaosReport, plan: ChaosPlan, number: Int
    ) {
        self.shop = shop
        self.shelves = shelves
        self.report = report
        generator = SeededGenerator(seed: plan.seed, stream: UInt64(number) + 1)
        gateway = number % 2
    }

    /// Shops until the time is over; not every request is answered then.
    func shop(until end: ContinuousClock.Instant) async throws {
        while ContinuousClock.now < end {
            let ledger = ChaosLedger(report)
            ledgers.append(ledger)
            sockets = [:]
            while ContinuousClock.now < end, ledger.requests.count < Self.requestsEach {
                let ids = wish(ledger)
                let isPatient = Int.random(in: 0..<10, using: &generator) > 0
                await ask(ids, ledger, until: isPatient ? end : .now + .milliseconds(50))
                if !isPatient { abandoned[ledger.user, default: []].formUnion(ids) }
                if Int.random(in: 0..<6, using: &generator) == 0 {
                    await askAgainElsewhere(ledger)
                }
                try await Task.sleep(
                    for: .milliseconds(Int.random(in: 20...200, using: &generator)))
            }
        }
        sockets = [:]
    }

    /// Asks until everything has its outcome.
    func settle(within limit: Duration) async {
        let end = ContinuousClock.now + limit
        for ledger in ledgers {
            let open = ledger.unsettled(of: ledger.requests.map(\.id)).map(\.id)
            if open.isEmpty { continue }
            sockets = [:]
            ledger.resume(open.filter(abandoned[ledger.user, default: []].contains))
            await ask(open, ledger, until: end)
            for request in ledger.unsettled(of: open) {
                report.complain("\(ledger.user) \(request.id) is never answered")
            }
        }
        sockets = [:]
    }

    /// Asks for everything once more, at each gateway, and compares the carts with what was told.
    ///
    /// - Parameter share: which part of the carts' requests is asked again; every cart is compared.
    func compare(repeating share: Double) async throws {
        for ledger in ledgers {
            for gateway in 0..<2 {
                if Double.random(in: 0..<1, using: &generator) < share {
                    self.gateway = gateway
                    sockets = [:]
                    try await repeatAll(ledger)
                }
                ledger.compare(
                    with: try await shop.cart(of: ledger.user, gateway: gateway), gateway: gateway)
            }
        }
        sockets = [:]
    }

    private func repeatAll(_ ledger: ChaosLedger) async throws {
        guard let socket = await socket(ledger, until: .now + .seconds(30)) else {
            throw Failure("gateway \(gateway) is not there although all is quiet")
        }
        for request in ledger.requests { socket.send(request.message) }
        var missing = Set(ledger.requests.map(\.id))
        while !missing.isEmpty {
            let message = try #require(try await socket.message(), "the websocket was closed")
            guard let (id, isToRepeat) = ledger.take(message) else { continue }
            if isToRepeat {
                try await Task.sleep(for: .milliseconds(20))
                ledger.request(id).map { socket.send($0.message) }
            } else {
                missing.remove(id)
                report.noteRepeat()
            }
        }
    }

    // MARK: Wishes

    private func wish(_ ledger: ChaosLedger) -> [String] {
        let product = shelves.randomElement(using: &generator) ?? ""
        let known = ledger.known(of: product)
        if known > 0, Int.random(in: 0..<20, using: &generator) < (known > 12 ? 14 : 7) {
            let removed = Int.random(in: 1...known, using: &generator)
            return [ledger.add(.remove, product, removed)]
        }
        return (0..<Int.random(in: 1...4, using: &generator)).map { _ in
            let isMany = Int.random(in: 0..<5, using: &generator) == 0
            let quantity = Int.random(in: isMany ? 6...9 : 1...3, using: &generator)
            let other = shelves.randomElement(using: &generator) ?? product
            return ledger.add(.add, other, quantity)
        }
    }

    // MARK: Asking

    /// Sends requests until each has its outcome or the time is over; breaks and silence send the
    /// shopper to the other gateway.
    private func ask(
        _ ids: [String], _ ledger: ChaosLedger, until end: ContinuousClock.Instant
    ) async {
        while ContinuousClock.now < end || ids.isEmpty {
            let open = ledger.unsettled(of: ids)
            guard !open.isEmpty, let socket = await socket(ledger, until: end) else { return }
            for request in open { socket.send(request.message) }
            let patience = min(ContinuousClock.now + .seconds(4), end)
            let isAnswered = await listen(socket, open.map(\.id), ledger, until: patience)
            if isAnswered { return }
            sockets[gateway] = nil
            gateway = 1 - gateway
        }
    }

    /// Takes messages until all requests are settled; false if the websocket breaks or is silent.
    private func listen(
        _ socket: Socket, _ ids: [String], _ ledger: ChaosLedger,
        until end: ContinuousClock.Instant
    ) async -> Bool {
        while !ledger.unsettled(of: ids).isEmpty {
            let left = end - ContinuousClock.now
            guard left > .zero,
                let message = try? await socket.message(within: left)
            else { return false }
            guard let (id, isToRepeat) = ledger.take(message), isToRepeat else { continue }
            try? await Task.sleep(for: .milliseconds(100))
            ledger.request(id).map { socket.send($0.message) }
        }
        return true
    }

    /// Sends a few settled requests again, to the other gateway, which has to say the same.
    private func askAgainElsewhere(_ ledger: ChaosLedger) async {
        let settled = ledger.requests.filter { $0.outcome != nil }
        guard !settled.isEmpty else { return }
        let home = gateway
        gateway = 1 - gateway
        defer { gateway = home }
        let end = ContinuousClock.now + .seconds(2)
        guard let socket = await socket(ledger, until: end) else { return }
        var missing: Set<String> = []
        for _ in 0..<3 {
            guard let request = settled.randomElement(using: &generator) else { continue }
            socket.send(request.message)
            missing.insert(request.id)
        }
        while !missing.isEmpty, ContinuousClock.now < end {
            guard let message = try? await socket.message(within: end - ContinuousClock.now)
            else {
                sockets[gateway] = nil
                return
            }
            guard let (id, _) = ledger.take(message) else { continue }
            if missing.remove(id) != nil { report.noteRepeat() }
        }
    }

    /// A websocket to the present gateway, or to the other one where that is not to be had.
    private func socket(
        _ ledger: ChaosLedger, until end: ContinuousClock.Instant
    ) async -> Socket? {
        while true {
            if let socket = sockets[gateway] { return socket }
            let url =
                "\(shop.gateway(gateway))/cart/update-product?userID=\(ledger.user)&quantity=0"
            if let client = try? Client.shared.get(),
                let opened = try? await WebSocketClient.connect(
                    url, client: client, timeout: .seconds(3), messageBytesMax: 1 << 20)
            {
                let socket = Socket(opened)
                sockets[gateway] = socket
                return socket
            }
            gateway = 1 - gateway
            guard ContinuousClock.now < end else { return nil }
            try? await Task.sleep(
                for: .milliseconds(Int.random(in: 50...250, using: &generator)))
        }
    }
}
