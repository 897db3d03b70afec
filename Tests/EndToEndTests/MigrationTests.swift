import Testing
import WebClient

extension EndToEndTests.OneOfEach {
    @Suite struct MigrationTests {
        private typealias Suite = EndToEndTests.OneOfEach

        @Test func `an inventory is loaded from CSV, and once more without effect`() async throws {
            let shop = try Installation.current
            let (one, two) = (TestEnvironment.uniqueName(), TestEnvironment.uniqueName())
            let csv = """
                product_code,name,quantity,price
                \(one),"Drill, ""strong"" one",12,49.90
                \(two),Säge,3,
                """
            let first = try await shop.load(csv)
            #expect(first.status == 200)
            #expect(
                first.json == [
                    "rows": 2, "inserted": 2, "updated": 0, "unchanged": 0, "skipped": [],
                    "skippedCount": 0,
                ])
            let rows = try await shop.database.rows(
                """
                SELECT name, quantity::text, price_minor::text FROM inventory
                WHERE product_code IN ($1, $2) ORDER BY inventory.quantity
                """, one, two)
            #expect(rows == [["Säge", "3", "null"], ["Drill, \"strong\" one", "12", "4990"]])

            let second = try await shop.load(csv)
            #expect(
                second.json == [
                    "rows": 2, "inserted": 0, "updated": 0, "unchanged": 2, "skipped": [],
                    "skippedCount": 0,
                ])
            let third = try await shop.load("product_code,name,quantity\n\(two),Säge,4\n")
            #expect(
                third.json == [
                    "rows": 1, "inserted": 0, "updated": 1, "unchanged": 0, "skipped": [],
                    "skippedCount": 0,
                ])
        }

        @Test func `an inventory is loaded from JSON`() async throws {
            let shop = try Installation.current
            let (one, two) = (TestEnvironment.uniqueName(), TestEnvironment.uniqueName())
            let answer = try await shop.load(
                """
                [{"product_code":"\(one)","name":"Drill","quantity":4,"price":12.5},
                 {"product_code":"\(two)","name":"Saw","quantity":0}]
                """, type: "application/json")
            #expect(answer.status == 200, "\(answer.response.text)")
            #expect(answer.json["inserted"] == 2)
            #expect(try await shop.get("/stock/\(one)").json["available"] == 4)
            #expect(try await shop.get("/stock/\(two)").json["available"] == 0)
        }

        @Test func `bad rows are named by line and refuse the whole load`() async throws {
            let shop = try Installation.current
            let good = TestEnvironment.uniqueName()
            let answer = try await shop.load(
                """
                product_code,name,quantity
                \(good),Thing,1
                bad code,Thing,1
                \(good)-2,Thing,-1
                \(good)-3,,1
                \(good)-4,Thing,many
                \(good)-5,Thing
                """)
            Suite.expectProblem(answer, 422, "invalid-inventory")
            let errors = answer.json["errors"].elements
            #expect(errors.map { $0["line"] } == [3, 4, 5, 6, 7], "\(answer.json)")
            for error in errors { #expect(error["reason"].text?.isEmpty == false) }
            #expect(try await shop.get("/stock/\(good)").status == 404, "nothing was loaded")

            let twice = try await shop.load(
                "product_code,name,quantity\n\(good),Thing,1\n\(good),Thing,2\n")
            Suite.expectProblem(twice, 422, "invalid-inventory")
            #expect(twice.json["errors"].elements.map { $0["line"] } == [3])

            let broken = try await shop.load(#"[{"product_code":"x""#, type: "application/json")
            Suite.expectProblem(broken, 422, "invalid-inventory")
            let headless = try await shop.load("colour,size\nred,9\n")
            Suite.expectProblem(headless, 422, "invalid-inventory")
        }

        @Test func `rows below what is held are skipped and told`() async throws {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 10)
            _ = try await shop.add(product, 6, user: TestEnvironment.uniqueName())
            let answer = try await shop.load(
                "product_code,name,quantity\n\(product),Thing,5\n\(product)-2,Thing,1\n")
            #expect(answer.status == 200)
            #expect(answer.json["inserted"] == 1)
            #expect(answer.json["skippedCount"] == 1)
            let skipped = answer.json["skipped"].elements
            #expect(skipped.map { $0["line"] } == [2])
            #expect(skipped.map { $0["productCode"].text } == [product])
            #expect(skipped.first?["reason"].text?.contains("6") == true)
            #expect(try await shop.get("/stock/\(product)").json["quantity"] == 10)

            let exact = try await shop.load("product_code,name,quantity\n\(product),Thing,6\n")
            #expect(exact.json["updated"] == 1)
            #expect(try await shop.get("/stock/\(product)").json["available"] == 0)
        }

        @Test func `only the admin token may load, and only CSV and JSON`() async throws {
            let shop = try Installation.current
            let csv = "product_code,name,quantity\n"
            let wrong = try await shop.load(csv, token: "wrong")
            Suite.expectProblem(wrong, 401, "unauthorized")
            #expect(wrong.response.header("WWW-Authenticate")?.hasPrefix("Bearer") == true)
            let none = try await shop.send(
                "POST", "/migration/inventory", headers: [("Content-Type", "text/csv")], body: csv)
            Suite.expectProblem(none, 401, "unauthorized")
            Suite.expectProblem(
                try await shop.load(csv, type: "application/xml"), 415, "unsupported-media-type")
        }

        @Test func `a large inventory is loaded while shoppers are served`() async throws {
            let shop = try Installation.current
            let prefix = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 30)
            var csv = "product_code,name,quantity\n"
            for number in 1...20_000 { csv += "\(prefix)-\(number),Product \(number),\(number)\n" }
            let text = csv
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let answer = try await shop.load(text)
                    #expect(answer.json["inserted"] == 20_000, "\(answer.response.text)")
                }
                group.addTask {
                    for _ in 1...30 {
                        let answer = try await shop.add(
                            product, 1, user: TestEnvironment.uniqueName())
                        #expect(answer.status == 200)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await shop.held(product) == 30)
        }
    }
}
