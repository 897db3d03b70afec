import CartDomain
import CartService
import Messages
package import PostgresShim

/// Looks for differences between holds, stock and carts.
///
/// One look reads all in one snapshot of the database. An ask may leave before the event that it follows
/// from is stored, so a difference may be a change under way: it counts once a second look finds it
/// again.
package struct Audit: Sendable {
    /// What one look found.
    package struct Findings: Sendable {
        /// How many carts were compared.
        package var carts = 0
        /// How many carts were passed over because they still owe something.
        package var owing = 0
        /// How many products there are.
        package var products = 0
        package var differences: [Difference] = []
        /// Whether there were more than ``differencesMax``, of which no more were kept.
        package var isCut = false

        package init() {}

        mutating func note(_ found: [Difference]) {
            differences += found.prefix(Audit.differencesMax - differences.count)
            isCut = isCut || differences.count == Audit.differencesMax
        }
    }

    /// How many differences one look keeps.
    package static let differencesMax = 10_000

    private let configuration: PostgresConfiguration

    package init(_ configuration: PostgresConfiguration) {
        var patient = configuration
        patient.idleInTransactionTimeout = .seconds(600)
        patient.statementTimeout = .seconds(1_800)
        patient.callTimeout = .seconds(1_830)
        self.configuration = patient
    }

    /// Looks at everything, or only at what was suspected before.
    ///
    /// - Parameter progress: called now and then with the findings so far and the share of all carts,
    ///   from 0 to 1, that was looked at.
    package func look(
        at suspects: [Difference]? = nil, progress: (Findings, Double) -> Void = { _, _ in }
    ) async throws -> Findings {
        let connection = try await PostgresConnection.connect(configuration)
        do {
            _ = try await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            var findings = Findings()
            try await compareStock(of: suspects, on: connection, &findings)
            try await compareCarts(of: suspects, on: connection, &findings, progress)
            await connection.close()
            if let suspects {
                let known = Set(suspects.map(\.subject))
                findings.differences.removeAll { !known.contains($0.subject) }
            }
            return findings
        } catch {
            await connection.close()
            throw error
        }
    }

    // MARK: Stock

    private func compareStock(
        of suspects: [Difference]?, on connection: PostgresConnection,
        _ findings: inout Findings
    ) async throws {
        let count = try await connection.execute("SELECT count(*) FROM inventory")
        findings.products = Int(try count.int8(0, 0))
        let codes = suspects?.compactMap { difference -> String? in
            if case .stock(let stock) = difference { stock.productCode.text } else { nil }
        }
        var cursor = try await RowCursor(
            "audit_stock",
            of: """
                SELECT product_code, quantity, held, coalesce(holds, 0)::int8
                FROM inventory FULL JOIN (
                    SELECT product_code, sum(hold_quantity)::int8 AS holds
                    FROM hold WHERE hold_quantity > 0 GROUP BY product_code
                ) AS sums USING (product_code)
                WHERE (held IS DISTINCT FROM coalesce(holds, 0) OR held > quantity)
                    AND ($1::text[] IS NULL OR product_code = ANY ($1))
                ORDER BY product_code
                """, [codes.map { .textArray($0) } ?? .null(.textArray)], on: connection)
        while let (page, row) = cursor.current {
            var numbers: StockDifference.Row?
            if let quantity = try page.int8IfPresent(row, 1) {
                numbers = StockDifference.Row(
                    quantity: Int(quantity), held: Int(try page.int8(row, 2)))
            }
            findings.note([
                .stock(
                    StockDifference(
                        productCode: try stored(ProductCode(try page.text(row, 0))),
                        row: numbers, holds: Int(try page.int8(row, 3))))
            ])
            try await cursor.advance()
        }
    }

    // MARK: Carts

    private func compareCarts(
        of suspects: [Difference]?, on connection: PostgresConnection,
        _ findings: inout Findings, _ progress: (Findings, Double) -> Void
    ) async throws {
        var books = try await CartBooks(of: suspects.map(Self.carts), on: connection)
        while let cartID = try books.nextCart {
            let events = try await books.takeHistory(of: cartID)
            let holds = try await books.takeHolds(of: cartID)
            if try await books.isOwing(cartID) {
                findings.owing += 1
                continue
            }
            findings.carts += 1
            switch events {
            case .success(let cart):
                findings.note(CartComparison.differences(cart, holds: holds))
            case .failure(let fault):
                findings.note([.history(cartID, fault.reason)])
            }
            if findings.carts % 1_000 == 0 {
                progress(findings, Double(cartID.bits >> 64) / Double(UInt64.max))
            }
        }
        progress(findings, 1)
    }

    private static func carts(of suspects: [Difference]) -> [CartID] {
        let carts = suspects.compactMap { difference -> CartID? in
            switch difference {
            case .line(let line): line.cartID
            case .history(let cartID, _): cartID
            case .stock: nil
            }
        }
        return Array(Set(carts))
    }
}

/// A value of the database that no program of the suite can have written.
func stored<Value>(_ value: Value?) throws(PostgresError) -> Value {
    guard let value else {
        throw PostgresError(
            kind: .decoding, sqlState: "22000", message: "a stored identifier is not well formed")
    }
    return value
}
