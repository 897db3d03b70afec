import KafkaShim
import Testing

/// What must hold once all is quiet.
extension Installation {
    /// Waits until the carts owe nothing, then expects that stock, holds, carts and log agree.
    ///
    /// - Parameters:
    ///   - gateway: which one is asked for the carts.
    ///   - isLogWhole: whether the log has kept every message.
    nonisolated func expectBooksBalance(
        gateway: Int = 0, isLogWhole: Bool = true, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually(
            "the carts owe nothing", within: .seconds(60), sourceLocation: sourceLocation
        ) {
            try await database.number("SELECT count(*) FROM cart_obligation") == 0
        }
        let wrongSums = try await database.rows(
            """
            SELECT product_code, quantity::text, held::text, coalesce(sum, 0)::text
            FROM inventory
            LEFT JOIN (
                SELECT product_code, sum(hold_quantity) FROM hold GROUP BY product_code
            ) AS sums USING (product_code)
            WHERE held <> coalesce(sum, 0) OR held > quantity
            """)
        #expect(wrongSums == [], "what is held is the sum of holds", sourceLocation: sourceLocation)
        let brokenHistories = try await database.rows(
            """
            SELECT cart_id::text FROM cart_event GROUP BY cart_id
            HAVING min(version) <> 1 OR max(version) <> count(*)
            """)
        #expect(brokenHistories == [], "versions have no gaps", sourceLocation: sourceLocation)
        try await expectHoldsAreLines(gateway, sourceLocation)
        if isLogWhole { try await expectEventsAreOnTheLog(sourceLocation) }
    }

    /// Every cart line has its holds, and every hold its cart line.
    private nonisolated func expectHoldsAreLines(
        _ gateway: Int, _ sourceLocation: SourceLocation
    ) async throws {
        var held: [String: [String: Int]] = [:]
        let sums = try await database.rows(
            """
            SELECT cart_id::text, product_code, sum(hold_quantity)::text FROM hold
            GROUP BY cart_id, product_code
            """)
        for row in sums {
            held[row[0], default: [:]][row[1]] = Int(row[2])
        }
        for (cartID, products) in held {
            let cart = try await cart(at: "/cart/byid/\(cartID)", gateway: gateway)
            var lines: [String: Int] = [:]
            for line in cart["lines"].elements {
                lines[line["productCode"].text ?? "", default: 0] += line["quantity"].number ?? 0
            }
            #expect(
                lines == products.filter { $0.value > 0 },
                "the cart \(cartID) against its holds", sourceLocation: sourceLocation)
            #expect(cart["pending"] == [], sourceLocation: sourceLocation)
        }
    }

    /// Every cart event is on the topic for whoever builds on them, in order.
    private nonisolated func expectEventsAreOnTheLog(
        _ sourceLocation: SourceLocation
    ) async throws {
        var known: [String: Int] = [:]
        for row in try await database.rows(
            "SELECT cart_id::text, max(version)::text FROM cart_event GROUP BY cart_id")
        {
            known[row[0]] = Int(row[1])
        }
        var told: [String: Set<Int>] = [:]
        for message in try await LogTopic.messages(of: "cart-event", in: self) {
            let event = try JSON(bytes: message.value ?? [])
            let version = try #require(event["version"].number, "\(event)")
            told[String(decoding: message.key ?? [], as: UTF8.self), default: []].insert(version)
        }
        let incomplete = known.filter { told[$0.key] != Set(1...$0.value) }.keys
        #expect(
            incomplete.sorted() == [], "carts whose events are not all on the log",
            sourceLocation: sourceLocation)
        #expect(told.count == known.count, sourceLocation: sourceLocation)
        let letters = try await LogTopic.messages(of: "dead-letter", in: self)
        #expect(letters.isEmpty, "no message was set aside", sourceLocation: sourceLocation)
    }
}
