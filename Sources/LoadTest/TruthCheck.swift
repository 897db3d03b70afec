/// What the database says about the products of one load test.
package protocol TruthSource: Sendable {
    /// Reads products and holds in one snapshot.
    ///
    /// - Parameters:
    ///   - prefix: begins the codes of the test's products.
    ///   - hold: called for each hold of pieces: request ID, product code and pieces.
    /// - Returns: the products.
    func read(
        prefix: String, hold: (_ requestID: String, _ productCode: String, _ pieces: Int) -> Void
    ) async throws -> [StockRow]

    /// The request IDs of holds that have ended because their time was over.
    func expired(prefix: String) async throws -> Set<String>
}

/// A product as the database has it.
package struct StockRow: Sendable, Equatable {
    package let productCode: String
    package let quantity: Int
    package let held: Int

    package init(productCode: String, quantity: Int, held: Int) {
        self.productCode = productCode
        self.quantity = quantity
        self.held = held
    }
}

/// Compares what clients were told with what the database has.
///
/// A removal is told before its pieces are let go, so what is found counts once it is still there
/// after some time: whoever calls looks again.
package struct TruthCheck: Sendable {
    /// A way in which the story told differs from the books.
    package enum Lie: String, CaseIterable, Sendable {
        case oversold = "more pieces accepted than there were"
        case undersold = "refused as out of stock, although pieces are left"
        case heldMismatch = "a product's held differs from the sum of its holds"
        case overHeld = "more pieces held than there are"
        case missingHold = "accepted, but not held"
        case wrongHold = "held with other pieces than were accepted"
        case unknownHold = "held, but never asked for"
        case rejectedHold = "rejected, but held"
        case wrongLine = "a cart's pieces of a product differ from adds less removes"
        case contradiction = "answered twice, with different outcomes"
        case unanswered = "not answered"
        case missingProduct = "a product is gone"

        /// Whether no second look can make it go away.
        package var isFinal: Bool {
            switch self {
            case .oversold, .contradiction, .unanswered: true
            default: false
            }
        }
    }

    /// What was found.
    package struct Findings: Sendable, Equatable {
        package internal(set) var lies: [Lie: Int] = [:]
        /// The first few of each, for whoever looks into them.
        package internal(set) var examples: [String] = []
        /// How many holds were compared, and of how many pieces.
        package internal(set) var holds = 0
        package internal(set) var pieces = 0
        /// Pieces that clients were told to have, less those removed.
        package internal(set) var accepted = 0
        /// Pieces that were seeded.
        package internal(set) var stock = 0
        /// Accepted adds whose hold has ended by itself.
        package internal(set) var expired = 0

        package init() {}

        /// Whether everything is as it was told, and everything was answered.
        package var isTrue: Bool { lies.isEmpty }

        mutating func note(_ lie: Lie, _ example: @autoclosure () -> String) {
            lies[lie, default: 0] += 1
            if lies[lie, default: 0] <= 3 { examples.append("\(lie.rawValue): \(example())") }
        }
    }

    private struct Line: Hashable {
        let user: Int32
        let product: Int32
    }

    private let tally: Tally
    private let prefix: String
    private let stock: [Int]
    /// What was added to a cart's line less what was removed, where something was removed.
    private struct Sum {
        var pieces = 0
        /// False once a request's outcome is not known.
        var isKnown = true
    }

    private var lines: [Line: Sum] = [:]

    /// - Parameters:
    ///   - prefix: begins the products' codes; their numbers follow.
    ///   - stock: the pieces seeded of each product.
    package init(_ tally: Tally, prefix: String, stock: [Int]) {
        self.tally = tally
        self.prefix = prefix
        self.stock = stock
        for number in 0..<tally.count {
            let record = tally[number]
            guard record.operation.isRemove,
                record.outcome == .accepted || record.outcome == .unanswered
                    || record.outcome == .refused
            else { continue }
            lines[Line(user: record.user, product: record.product)] = Sum()
        }
        guard !lines.isEmpty else { return }
        for number in 0..<tally.count {
            let record = tally[number]
            let line = Line(user: record.user, product: record.product)
            guard record.operation.isAdd || record.operation.isRemove, lines[line] != nil
            else { continue }
            switch record.outcome {
            case .accepted:
                lines[line]?.pieces += Int(record.quantity) * (record.operation.isAdd ? 1 : -1)
            case .unanswered, .refused: lines[line]?.isKnown = false
            default: break
            }
        }
    }

    /// Compares once.
    package func look(at source: some TruthSource) async throws -> Findings {
        var findings = Findings()
        var heldSums = [Int](repeating: 0, count: stock.count)
        var found: [Int: Int] = [:]
        var foundLines: [Line: Int] = [:]
        let rows = try await source.read(prefix: prefix) { requestID, productCode, pieces in
            findings.holds += 1
            findings.pieces += pieces
            guard let product = product(productCode), let number = Int(requestID),
                number >= 0, number < tally.count, tally[number].operation.isAdd,
                Int(tally[number].product) == product
            else {
                findings.note(.unknownHold, "request \(requestID) of \(productCode)")
                if let product = self.product(productCode) { heldSums[product] += pieces }
                return
            }
            heldSums[product] += pieces
            found[number] = pieces
            let line = Line(user: tally[number].user, product: Int32(product))
            if lines[line] != nil { foundLines[line, default: 0] += pieces }
        }
        compareStock(rows, heldSums, &findings)
        var missing: [Int] = []
        compareAdds(found, &missing, &findings)
        var short: [(line: Line, told: Int, held: Int)] = []
        for (line, sum) in lines where sum.isKnown {
            let held = foundLines[line, default: 0]
            if held != sum.pieces { short.append((line, sum.pieces, held)) }
        }
        if !missing.isEmpty || !short.isEmpty {
            let expired = try await source.expired(prefix: prefix)
            findings.expired = missing.count { expired.contains("\($0)") }
            missing.removeAll { expired.contains("\($0)") }
            if !short.isEmpty {
                let ended = Set(
                    expired.compactMap { Int($0) }.filter { $0 >= 0 && $0 < tally.count }.map {
                        Line(user: tally[$0].user, product: tally[$0].product)
                    })
                short.removeAll { ended.contains($0.line) }
            }
        }
        for number in missing { findings.note(.missingHold, describe(number)) }
        for (line, told, held) in short {
            findings.note(
                .wrongLine, "user \(line.user), product \(line.product): \(told) told, \(held) held"
            )
        }
        for _ in 0..<tally.contradictions {
            findings.note(.contradiction, "see the services' logs")
        }
        return findings
    }

    private func compareStock(_ rows: [StockRow], _ heldSums: [Int], _ findings: inout Findings) {
        var accepted = [Int](repeating: 0, count: stock.count)
        var refused = [Int?](repeating: nil, count: stock.count)
        var isExact = [Bool](repeating: true, count: stock.count)
        for number in 0..<tally.count {
            let record = tally[number]
            let product = Int(record.product)
            guard record.operation.isAdd || record.operation.isRemove else { continue }
            switch record.outcome {
            case .accepted where record.operation.isAdd: accepted[product] += Int(record.quantity)
            case .accepted:
                accepted[product] -= Int(record.quantity)
                isExact[product] = false
            case .outOfStock:
                refused[product] = min(refused[product] ?? .max, Int(record.quantity))
            // What may or may not have been held for a while.
            default: isExact[product] = false
            }
        }
        var seen = [Bool](repeating: false, count: stock.count)
        for row in rows {
            guard let product = product(row.productCode) else { continue }
            seen[product] = true
            if row.held != heldSums[product] {
                findings.note(
                    .heldMismatch,
                    "\(row.productCode): held \(row.held), holds \(heldSums[product])")
            }
            if row.held > row.quantity {
                findings.note(.overHeld, "\(row.productCode): \(row.held) of \(row.quantity)")
            }
        }
        for product in stock.indices {
            findings.stock += stock[product]
            findings.accepted += accepted[product]
            if !seen[product] { findings.note(.missingProduct, "\(prefix)\(product)") }
            if accepted[product] > stock[product] {
                findings.note(
                    .oversold, "\(prefix)\(product): \(accepted[product]) of \(stock[product])")
            }
            if isExact[product], let least = refused[product],
                accepted[product] + least <= stock[product]
            {
                findings.note(
                    .undersold, "\(prefix)\(product): \(accepted[product]) of \(stock[product])")
            }
        }
    }

    private func compareAdds(
        _ found: [Int: Int], _ missing: inout [Int], _ findings: inout Findings
    ) {
        for number in 0..<tally.count {
            let record = tally[number]
            if record.outcome == .unanswered { findings.note(.unanswered, describe(number)) }
            guard record.operation.isAdd,
                lines[Line(user: record.user, product: record.product)] == nil
            else { continue }
            let held = found[number]
            if record.outcome == .accepted {
                if held == nil {
                    missing.append(number)
                } else if held != Int(record.quantity) {
                    findings.note(.wrongHold, "\(describe(number)): \(held ?? 0) held")
                }
            } else if record.outcome.isRejection, held != nil {
                findings.note(.rejectedHold, describe(number))
            }
        }
    }

    private func product(_ code: String) -> Int? {
        guard code.hasPrefix(prefix), let number = Int(code.dropFirst(prefix.count)),
            stock.indices.contains(number)
        else { return nil }
        return number
    }

    private func describe(_ number: Int) -> String {
        let record = tally[number]
        return
            """
            request \(number) of user \(record.user) for \(record.quantity) of product \
            \(record.product)
            """
    }
}
