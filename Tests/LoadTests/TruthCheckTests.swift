import Messages
import Testing

@testable import LoadTest

/// Books that a test writes by hand.
struct HandwrittenBooks: TruthSource {
    var products: [StockRow]
    var holds: [(String, String, Int)]
    var ended: Set<String> = []

    func read(
        prefix: String, hold: (_ requestID: String, _ productCode: String, _ pieces: Int) -> Void
    ) async throws -> [StockRow] {
        for (requestID, productCode, pieces) in holds where productCode.hasPrefix(prefix) {
            hold(requestID, productCode, pieces)
        }
        return products
    }

    func expired(prefix: String) async throws -> Set<String> { ended }
}

@Suite struct TruthCheckTests {
    private typealias Record = Tally.Record

    /// Two products with 3 pieces each; 0 and 1 are held, 2 was refused, 3 added 2 and removed 1 of them.
    private static let records = [
        Record(.add, user: 0, product: 0, quantity: 1, outcome: .accepted),
        Record(.restAdd, user: 1, product: 0, quantity: 2, outcome: .accepted),
        Record(.add, user: 2, product: 0, quantity: 1, outcome: .outOfStock),
        Record(.add, user: 3, product: 1, quantity: 2, outcome: .accepted),
        Record(.remove, user: 3, product: 1, quantity: 1, outcome: .accepted),
        Record(.check, user: 3, product: 1, quantity: 0, outcome: .shown),
    ]

    private static let books = HandwrittenBooks(
        products: [
            StockRow(productCode: "p-0", quantity: 3, held: 3),
            StockRow(productCode: "p-1", quantity: 3, held: 1),
        ], holds: [("0", "p-0", 1), ("1", "p-0", 2), ("3", "p-1", 1)])

    private static func look(
        _ change: (inout [Tally.Record], inout HandwrittenBooks) -> Void = { _, _ in },
        contradictions: Int = 0
    ) async throws -> TruthCheck.Findings {
        var (records, books) = (records, books)
        change(&records, &books)
        var tally = Tally(records)
        tally.contradictions = contradictions
        return try await TruthCheck(tally, prefix: "p-", stock: [3, 3]).look(at: books)
    }

    @Test func `the truth is found to be true`() async throws {
        let findings = try await Self.look()
        #expect(findings.isTrue, "\(findings.examples)")
        #expect(findings.holds == 3)
        #expect(findings.pieces == 4)
        #expect(findings.accepted == 4)
        #expect(findings.stock == 6)
    }

    @Test func `more accepted than there was is found`() async throws {
        let findings = try await Self.look { records, _ in
            records.append(Record(.add, user: 9, product: 0, quantity: 1, outcome: .accepted))
        }
        #expect(findings.lies == [.oversold: 1, .missingHold: 1])
    }

    @Test func `a refusal with pieces left is found, unless something else may have held them`()
        async throws
    {
        let refused = Record(.add, user: 9, product: 1, quantity: 1, outcome: .outOfStock)
        #expect(try await Self.look { records, _ in records.append(refused) }.isTrue)
        let findings = try await Self.look { records, books in
            records.remove(at: 4)
            records.append(refused)
            books.holds[2].2 = 2
            books.products[1] = StockRow(productCode: "p-1", quantity: 3, held: 2)
        }
        #expect(findings.lies == [.undersold: 1])
    }

    @Test func `held that is not the sum of the holds is found`() async throws {
        let findings = try await Self.look { _, books in
            books.products[1] = StockRow(productCode: "p-1", quantity: 3, held: 2)
        }
        #expect(findings.lies == [.heldMismatch: 1])
    }

    @Test func `more held than there is is found`() async throws {
        let findings = try await Self.look { _, books in
            books.products[0] = StockRow(productCode: "p-0", quantity: 2, held: 3)
        }
        #expect(findings.lies == [.overHeld: 1])
    }

    @Test func `an accepted add without its hold is found, unless it has ended by time`()
        async throws
    {
        func lose(_ records: inout [Tally.Record], _ books: inout HandwrittenBooks) {
            books.holds.remove(at: 0)
            books.products[0] = StockRow(productCode: "p-0", quantity: 3, held: 2)
        }
        #expect(try await Self.look(lose).lies == [.missingHold: 1])
        let findings = try await Self.look { records, books in
            lose(&records, &books)
            books.ended = ["0"]
        }
        #expect(findings.isTrue)
        #expect(findings.expired == 1)
    }

    @Test func `a hold of other pieces is found`() async throws {
        let findings = try await Self.look { _, books in
            books.holds[1].2 = 1
            books.products[0] = StockRow(productCode: "p-0", quantity: 3, held: 2)
        }
        #expect(findings.lies == [.wrongHold: 1])
    }

    @Test(arguments: [("77", "p-1"), ("4", "p-1"), ("0", "p-1"), ("zero", "p-1")])
    func `a hold that nobody asked for is found`(requestID: String, product: String) async throws {
        let findings = try await Self.look { _, books in
            books.holds.append((requestID, product, 1))
            books.products[1] = StockRow(productCode: "p-1", quantity: 3, held: 2)
        }
        #expect(findings.lies == [.unknownHold: 1])
    }

    @Test func `a hold of who was rejected is found`() async throws {
        let findings = try await Self.look { records, books in
            records[0].outcome = .rejected(.tooLate)
        }
        #expect(findings.lies == [.rejectedHold: 1])
    }

    @Test func `a line that is not adds less removes is found, unless a hold has ended`()
        async throws
    {
        func keep(_ records: inout [Tally.Record], _ books: inout HandwrittenBooks) {
            books.holds[2].2 = 2
            books.products[1] = StockRow(productCode: "p-1", quantity: 3, held: 2)
        }
        #expect(try await Self.look(keep).lies == [.wrongLine: 1])
        let findings = try await Self.look { records, books in
            keep(&records, &books)
            books.ended = ["3"]
        }
        #expect(findings.isTrue)
    }

    @Test func `a line whose removal nobody answered may be either way`() async throws {
        let findings = try await Self.look { records, books in
            records[4].outcome = .unanswered
            books.holds[2].2 = 2
            books.products[1] = StockRow(productCode: "p-1", quantity: 3, held: 2)
        }
        #expect(findings.lies == [.unanswered: 1])
    }

    @Test func `whoever got no answer is found, and may or may not be held`() async throws {
        for isHeld in [false, true] {
            let findings = try await Self.look { records, books in
                records[0].outcome = .unanswered
                if !isHeld {
                    books.holds.remove(at: 0)
                    books.products[0] = StockRow(productCode: "p-0", quantity: 3, held: 2)
                }
            }
            #expect(findings.lies == [.unanswered: 1])
        }
    }

    @Test func `two different answers to one request are found`() async throws {
        #expect(try await Self.look(contradictions: 2).lies == [.contradiction: 2])
    }

    @Test func `a product that is gone is found`() async throws {
        let findings = try await Self.look { _, books in books.products.removeLast() }
        #expect(findings.lies == [.missingProduct: 1])
    }
}
