import Testing

extension EndToEndTests {
    /// The books are falsified by hand, and the audit finds and mends it while the services run.
    @Suite(.installation("audit", gateways: 2, carts: 2, inventories: 2))
    struct AuditTests {
        /// Who has what, before anything is falsified.
        private struct Shelf {
            let shop: Installation
            let user = TestEnvironment.uniqueName()
            let product: String

            init(quantity: Int = 20) async throws {
                shop = try Installation.current
                product = try await shop.product(quantity: quantity)
                for request in ["r1", "r2"] {
                    let added = try await shop.add(product, 3, user: user, key: request)
                    try #require(added.json["status"] == "accepted", "\(added.json)")
                }
            }

            /// Changes rows of this product, and of no other test's.
            func falsify(_ sql: String) async throws {
                try await shop.database.rows(sql, product)
            }

            /// What the audit finds wrong with the product: `fault` by `request ID`, or `-`.
            func faults(_ audit: JSON) -> [String: String] {
                var faults: [String: String] = [:]
                for each in audit["differences"].elements {
                    let codes = [
                        each["productCode"], each["line"]["productCode"],
                        each["hold"]["productCode"],
                    ]
                    guard codes.contains(.text(product)) else { continue }
                    faults[each["requestID"].text ?? "-"] = each["fault"].text
                }
                return faults
            }

            /// How many pieces the shopper is shown.
            func pieces() async throws -> Int {
                try await shop.cart(of: user)["lines"].elements
                    .reduce(0) { $0 + ($1["quantity"].number ?? 0) }
            }
        }

        /// Runs the audit and reads what it says.
        private func audit(_ flags: String..., exits code: Int32) async throws -> JSON {
            let run = try await Holdfast.run(
                ["audit", "--json", "--second-look", "200ms"] + flags,
                environment: Installation.current.environment, within: .seconds(120))
            #expect(run.end == .exited(code), "\(run.output)\(run.errors)")
            return try JSON(bytes: Array(run.output.utf8))
        }

        /// Expects that what was falsified is found, and mended with this many pieces left.
        private func expectMended(
            _ shelf: Shelf, _ faults: [String: String], pieces: Int
        ) async throws {
            #expect(shelf.faults(try await audit(exits: 1)) == faults)
            let repair = try await audit("--repair", exits: 0)
            #expect(shelf.faults(repair) == faults)
            #expect(repair["left"] == 0)
            #expect(repair["messagesSent"].number ?? 0 >= faults.count)
            #expect(try await audit(exits: 0)["differences"] == [])
            #expect(try await shelf.pieces() == pieces)
            #expect(try await shelf.shop.held(shelf.product) == pieces)
            try await shelf.shop.expectBooksBalance()
        }

        @Test func `where nothing differs, nothing is found and the exit code is 0`() async throws {
            let shelf = try await Shelf()
            let found = try await audit(exits: 0)
            #expect(found["differences"] == [])
            #expect(found["carts"].number ?? 0 >= 1)
            let text = try await Holdfast.run(
                ["audit"], environment: shelf.shop.environment)
            #expect(text.end == .exited(0))
            #expect(text.output.contains("No differences."))
            #expect(text.errors.contains("audit: 100%"))
        }

        @Test func `a hold that is gone takes its line with it`() async throws {
            let shelf = try await Shelf()
            try await shelf.falsify(
                "DELETE FROM hold WHERE product_code = $1 AND request_id = 'r1'")
            try await expectMended(
                shelf, ["r1": "line-without-hold", "-": "held-differs"], pieces: 3)
        }

        @Test func `a hold that shrank shrinks its line`() async throws {
            let shelf = try await Shelf()
            try await shelf.falsify(
                """
                WITH shrunk AS (
                    UPDATE hold SET hold_quantity = 1 WHERE product_code = $1 AND request_id = 'r2'
                )
                UPDATE inventory SET held = held - 2 WHERE product_code = $1
                """)
            try await expectMended(shelf, ["r2": "hold-too-small"], pieces: 4)
        }

        @Test func `a hold without a line is let go`() async throws {
            let shelf = try await Shelf()
            try await shelf.falsify(
                """
                INSERT INTO hold (cart_id, request_id, product_code, user_id, ask_quantity,
                    hold_quantity, status, created_at, expires_at)
                SELECT cart_id, 'orphan', product_code, user_id, 5, 5, 'held', now(),
                    now() + interval '1 hour'
                FROM hold WHERE product_code = $1 AND request_id = 'r1'
                """)
            try await expectMended(
                shelf, ["orphan": "hold-without-line", "-": "held-differs"], pieces: 6)
        }

        @Test func `a hold that is larger than its line is lowered`() async throws {
            let shelf = try await Shelf()
            try await shelf.falsify(
                """
                UPDATE hold SET hold_quantity = 7, ask_quantity = 7
                WHERE product_code = $1 AND request_id = 'r1'
                """)
            try await expectMended(
                shelf, ["r1": "hold-too-large", "-": "held-differs"], pieces: 6)
        }

        @Test func `a product's row that holds too much is counted anew`() async throws {
            let shelf = try await Shelf()
            try await shelf.falsify("UPDATE inventory SET held = held + 9 WHERE product_code = $1")
            try await expectMended(shelf, ["-": "held-differs"], pieces: 6)
        }

        @Test func `what is promised more often than it exists is told, and stays to be told`()
            async throws
        {
            let shelf = try await Shelf()
            try await shelf.falsify(
                "UPDATE inventory SET held = 0, quantity = 4 WHERE product_code = $1")
            #expect(shelf.faults(try await audit(exits: 1)) == ["-": "oversold"])
            let repair = try await audit("--repair", "--repair-deadline", "5s", exits: 1)
            #expect(repair["left"] == 1)
            #expect(try await shelf.shop.held(shelf.product) == 4, "no more is given away")
            try await shelf.falsify(
                "UPDATE inventory SET quantity = 20 WHERE product_code = $1")
            _ = try await audit("--repair", exits: 0)
            try await shelf.shop.expectBooksBalance()
        }

        @Test func `a version that is missing is found`() async throws {
            let shelf = try await Shelf()
            try await shelf.falsify(
                """
                WITH moved AS (SELECT cart_id FROM hold WHERE product_code = $1 LIMIT 1)
                UPDATE cart_event SET version = version + 1000
                WHERE cart_id IN (SELECT cart_id FROM moved) AND version = 2
                """)
            let found = try await audit(exits: 1)
            #expect(found["differences"].elements.map { $0["fault"] } == ["broken-history"])
            try await shelf.falsify(
                """
                UPDATE cart_event SET version = version - 1000
                WHERE version > 1000 AND $1 <> ''
                """)
            _ = try await audit(exits: 0)
        }
    }
}
