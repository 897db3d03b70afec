import CartDomain
import Messages
import Synchronization

/// What happens in a life, line by line, with its simulated time; and what the life counts.
final class Trace: Sendable {
    private let isOn: Bool
    private let lines = Mutex<[String]>([])
    private let clock: ManualClock
    private let counts = Mutex<[String: Int]>([:])

    init(_ clock: ManualClock, isOn: Bool) {
        self.clock = clock
        self.isOn = isOn
    }

    var text: [String] { lines.withLock { $0 } }
    /// How often each fault struck.
    var faults: [String: Int] { counts.withLock { $0 } }

    func note(_ line: @autoclosure () -> String) {
        guard isOn else { return }
        let millis = clock.now().millis - ManualClock.start.millis
        let fraction = String(1_000 + millis % 1_000).dropFirst()
        let text = "\(millis / 1_000).\(fraction) s  \(line())"
        lines.withLock { $0.append(text) }
    }

    /// Notes a fault, and counts it under its name.
    func fault(_ name: String, _ detail: @autoclosure () -> String = "") {
        counts.withLock { $0[name, default: 0] += 1 }
        note("FAULT    \(name) \(detail())")
    }
}

extension InventoryRequest {
    /// The request in a few words.
    var brief: String { "\(cartID.brief)/\(requestID.text) \(productCode.text) \(action)" }
}

extension InventoryResponse {
    /// The answer in a few words.
    var brief: String { "\(cartID.brief)/\(requestID.text) \(productCode.text) \(answer)" }
}

extension CartRequest {
    /// The request in a few words.
    var brief: String {
        "\(userID.text) \(cartID.brief)/\(requestID.text) \(action) from gateway \(replyPartition ?? -1)"
    }
}

extension CartResponse {
    /// The response in a few words.
    var brief: String {
        switch content {
        case .outcome(let requestID, let status, let reason, _, let cart, _):
            """
            \(cartID.brief)/\(requestID.text) \(status.rawValue) \(reason?.rawValue ?? "") \
            to gateway \(replyPartition), version \(cart?.version ?? -1)
            """
        case .changed(let cart):
            "\(cartID.brief) changed, to gateway \(replyPartition), version \(cart.version)"
        }
    }
}

extension CartID {
    /// The first characters, enough to tell the few carts of a life apart.
    var brief: String { String("\(self)".prefix(4)) }
}
