import Audit
import Messages

/// What an audit found and did, for people and for scripts.
struct AuditReport {
    private let findings: Audit.Findings
    /// How many messages were sent to mend; `nil` if nothing was to be mended.
    var messages: Int?
    /// What is still different.
    var left: [Difference]

    init(_ findings: Audit.Findings) {
        self.findings = findings
        left = findings.differences
    }

    // MARK: Text

    var text: String {
        var parts = [
            """
            \(findings.carts) carts and \(findings.products) products compared; \
            \(findings.owing) carts owe something and were passed over.
            """
        ]
        let lines = rows(findings.differences).lines
        if !lines.isEmpty {
            var table = TextTable([
                "FAULT", "CART", "REQUEST", "USER", "LINE", "PIECES", "HOLD", "PIECES", "NOW",
            ])
            for line in lines { table.add(line) }
            parts.append(table.text)
        }
        let stock = rows(findings.differences).stock
        if !stock.isEmpty {
            var table = TextTable(["FAULT", "PRODUCT", "QUANTITY", "HELD", "HOLDS", "NOW"])
            for row in stock { table.add(row) }
            parts.append(table.text)
        }
        if findings.isCut {
            parts.append("There are more than \(Audit.differencesMax) differences; run it again.")
        }
        parts.append(closing)
        return parts.joined(separator: "\n\n")
    }

    private var closing: String {
        let found = findings.differences.count
        if found == 0, left.isEmpty { return "No differences." }
        let oversold = left.filter { $0.fault == "oversold" }.count
        let note =
            oversold == 0
            ? ""
            : " \(oversold) products are promised more often than they exist: no message mends that."
        guard let messages else { return "\(found) differences.\(note)" }
        return
            "\(found) differences, \(messages) messages sent, \(left.count) differences left.\(note)"
    }

    private func rows(_ differences: [Difference]) -> (lines: [[String]], stock: [[String]]) {
        var lines: [[String]] = []
        var stock: [[String]] = []
        let open = Set(left.map(\.subject))
        for difference in differences {
            let now = open.contains(difference.subject) ? "open" : "mended"
            switch difference {
            case .line(let line):
                lines.append([
                    difference.fault, "\(line.cartID)", line.requestID.text,
                    (line.line ?? line.hold)?.userID.text ?? "-",
                    line.line?.productCode.text ?? "-", line.line.map { "\($0.quantity)" } ?? "-",
                    line.hold?.productCode.text ?? "-", line.hold.map { "\($0.quantity)" } ?? "-",
                    now,
                ])
            case .stock(let each):
                stock.append([
                    difference.fault, each.productCode.text,
                    each.row.map { "\($0.quantity)" } ?? "-",
                    each.row.map { "\($0.held)" } ?? "-", "\(each.holds)", now,
                ])
            case .history(let cartID, let reason):
                lines.append([
                    difference.fault, "\(cartID)", reason, "-", "-", "-", "-", "-", now,
                ])
            }
        }
        return (lines, stock)
    }

    // MARK: JSON

    var json: String {
        let open = Set(left.map(\.subject))
        var json = JSONWriter()
        json.object { json in
            json.field("carts", findings.carts)
            json.field("cartsOwing", findings.owing)
            json.field("products", findings.products)
            if let messages { json.field("messagesSent", messages) }
            json.key("differences")
            json.beginArray()
            for difference in findings.differences {
                Self.write(difference, isMended: !open.contains(difference.subject), &json)
            }
            json.endArray()
            json.field("left", left.count)
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private static func write(
        _ difference: Difference, isMended: Bool, _ json: inout JSONWriter
    ) {
        json.object { json in
            json.field("fault", difference.fault)
            switch difference {
            case .line(let line):
                json.field("cartID", line.cartID)
                json.field("requestID", line.requestID.text)
                write("line", line.line, &json)
                write("hold", line.hold, &json)
            case .stock(let stock):
                json.field("productCode", stock.productCode.text)
                if let row = stock.row {
                    json.field("quantity", row.quantity)
                    json.field("held", row.held)
                }
                json.field("holds", stock.holds)
            case .history(let cartID, let reason):
                json.field("cartID", cartID)
                json.field("reason", reason)
            }
            json.key("mended")
            json.boolean(isMended)
        }
    }

    private static func write(
        _ name: StaticString, _ pieces: LineDifference.Pieces?, _ json: inout JSONWriter
    ) {
        guard let pieces else { return }
        json.key(name)
        json.object { json in
            json.field("userID", pieces.userID.text)
            json.field("productCode", pieces.productCode.text)
            json.field("quantity", pieces.quantity)
        }
    }
}
