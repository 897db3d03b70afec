import Adapters
import Audit
import CartService
import KafkaShim
import Messages
import PostgresShim
import Settings
import Telemetry

/// `holdfast audit`: compares holds, stock and carts, and mends what differs if it is told to.
enum AuditCommand {
    /// - Returns: 1 if something was found that is not mended.
    static func run(_ settings: Settings, _ logger: Logger) async throws -> CInt {
        let audit = Audit(
            PostgresConfiguration(
                url: settings[Configuration.databaseURL].text, applicationName: "holdfast-audit"))
        let progress = ProgressLine()
        let clock = SystemClock()

        func look(_ title: String) async throws -> Audit.Findings {
            try await audit.look { findings, share in
                progress.show(
                    """
                    \(title): \(Int(share * 100))%, \(findings.carts) carts compared, \
                    \(findings.differences.count) differences
                    """, isLast: share == 1)
            }
        }
        /// A difference counts once it is found twice.
        func confirm(_ found: Audit.Findings) async throws -> [Difference] {
            if found.differences.isEmpty { return [] }
            try await clock.sleep(for: settings[Configuration.auditSecondLook])
            return try await audit.look(at: found.differences).differences
        }

        var findings = try await look("audit")
        findings.differences = try await confirm(findings)
        var report = AuditReport(findings)
        if settings[Configuration.auditRepair], !findings.differences.isEmpty {
            guard findings.products > 0 else { throw WithoutInventory() }
            let repair = AuditRepair(
                audit: audit, brokers: settings[Configuration.kafkaBrokers], logger: logger,
                deadline: settings[Configuration.auditRepairDeadline])
            report.messages = try await repair.mend(findings.differences) { left in
                progress.show("repair: \(left) differences left", isLast: left == 0)
            }
            report.left = try await confirm(try await look("audit again"))
        }
        print(settings[Configuration.auditJSON] ? report.json : report.text)
        return report.left.isEmpty ? 0 : 1
    }
}

/// Without an inventory every line looks like one without a hold, and would be taken out.
private struct WithoutInventory: Error, CustomStringConvertible {
    let description = """
        nothing is mended: the database has no product, so it is not the one that holds are placed in; \
        --database-url must name the inventory's, which has the carts too
        """
}

/// Mends differences by messages: nothing but a cart changes its lines, and nothing but the inventory
/// its stock and holds.
struct AuditRepair {
    let audit: Audit
    let brokers: [HostPort]
    let logger: Logger
    let deadline: Duration

    /// Sends what mends the differences, again and again until they are gone or the time is over.
    ///
    /// - Returns: how many messages were sent.
    func mend(_ differences: [Difference], progress: (Int) -> Void) async throws -> Int {
        let producer = try KafkaProducer(
            configuration: KafkaClientConfiguration(
                brokers: brokers.map(\.text).joined(separator: ","), clientID: "holdfast-audit"),
            logger: logger, metrics: MetricsRegistry())
        let outbox = KafkaOutbox(producer)
        let clock = SystemClock()
        let end = ContinuousClock.now + deadline
        var generator = SystemRandomNumberGenerator()
        var backoff = Backoff(first: .seconds(1), most: .seconds(10))
        var left = differences
        var sent = 0
        while true {
            sent += try await send(left, outbox)
            let again = ContinuousClock.now + backoff.next(using: &generator)
            while !left.isEmpty, ContinuousClock.now < min(again, end) {
                try await clock.sleep(for: .milliseconds(200))
                left = try await audit.look(at: left).differences
                progress(left.count)
            }
            let isMendable = left.contains { $0.isMendable }
            if !isMendable || ContinuousClock.now >= end { break }
        }
        await producer.close(flushWithin: .seconds(5))
        return sent
    }

    /// What counts the products anew goes first: a hold of which the product's row does not know
    /// could not be let go.
    private func send(_ differences: [Difference], _ outbox: KafkaOutbox) async throws -> Int {
        var requests: [InventoryRequest] = []
        var responses: [InventoryResponse] = []
        for difference in differences {
            switch difference {
            case .line(let line): responses += line.remedy
            case .stock(let stock): requests += stock.remedy
            case .history: break
            }
        }
        var output = CartOutput()
        output.inventoryRequests = requests
        try await outbox.send(output)
        try await outbox.send(responses, deadLetters: [])
        return requests.count + responses.count
    }
}

extension Difference {
    /// Whether there is a message that can mend it.
    var isMendable: Bool {
        switch self {
        case .line(let line): !line.remedy.isEmpty
        case .stock(let stock): !stock.remedy.isEmpty
        case .history: false
        }
    }
}
