import KafkaShim
import Testing
import WebClient

extension EndToEndTests.OneOfEach {
    @Suite struct ProductTests {
        private typealias Suite = EndToEndTests.OneOfEach

        private func change(
            _ method: String, _ code: String, _ body: String = ""
        ) async throws -> Answer {
            let shop = try Installation.current
            return try await shop.send(
                method, "/products/\(code)",
                headers: [
                    ("Authorization", "Bearer \(shop.token)"), ("Content-Type", "application/json"),
                ], body: body)
        }

        /// What the topic has told of a product.
        private func told(_ code: String) async throws -> [JSON] {
            try await LogTopic.messages(of: "product-event", in: Installation.current)
                .filter { $0.key == Array(code.utf8) }
                .map { try JSON(bytes: $0.value ?? []) }
        }

        @Test func `a change at one gateway is seen at the other and on the log`() async throws {
            let shop = try Installation.current
            let code = try await shop.product(quantity: 3)
            let body = #"""
                {"name":"Säge \#(code)","price":{"minorUnits":1990,"currency":"SEK","vatRate":2500},
                "attributes":{"color":"red"}}
                """#
            let created = try await change("PUT", code, body)
            #expect(created.status == 201, "\(created.response.text)")
            #expect(try await shop.get("/products/\(code)").status == 200, "seen at once here")
            try await eventually("the other gateway has the product") {
                try await shop.get("/products/\(code)", gateway: 1).status == 200
            }
            let shown = try await shop.get("/products/\(code)", gateway: 1)
            #expect(shown.json["price"]["minorUnits"] == 1_990)
            #expect(shown.json["availability"]["available"] == 3)
            let tag = try #require(shown.response.header("ETag"))
            #expect(tag == created.response.header("ETag"))
            let same = try await shop.send(
                "GET", "/products/\(code)", gateway: 1, headers: [("If-None-Match", tag)])
            #expect(same.status == 304)

            let patched = try await change("PATCH", code, #"{"name":"Fuchsschwanz \#(code)"}"#)
            #expect(patched.status == 200)
            try await eventually("the other gateway finds it by its new name") {
                let found = try await shop.get("/products?q=fuchs%20\(code)", gateway: 1)
                return found.json["total"] == 1
            }
            #expect(try await shop.get("/products?q=S%C3%A4ge%20\(code)").json["total"] == 0)

            #expect(try await change("DELETE", code).status == 204)
            try await eventually("the other gateway has it no more") {
                try await shop.get("/products/\(code)", gateway: 1).status == 404
            }
            try await eventually("the log tells the removal") {
                try await told(code).last?["type"] == "product-removed"
            }
            for event in try await told(code).dropLast() {
                #expect(event["type"] == "product-changed")
                #expect(event["product"]["productCode"].text == code)
            }
        }

        @Test func `what was written and not published is published by whoever is there`()
            async throws
        {
            let shop = try Installation.current
            let code = TestEnvironment.uniqueName()
            // As if a gateway had died between the commit and the log.
            _ = try await shop.database.rows(
                """
                INSERT INTO product (product_code, name, description, images, attributes,
                    is_active, kind, revision)
                VALUES ($1, 'Left behind', '', '[]', '{}', true, 'goods',
                    nextval('product_revision'))
                """, code)
            for gateway in 0...1 {
                try await eventually("gateway \(gateway) has the product") {
                    try await shop.get("/products/\(code)", gateway: gateway).status == 200
                }
            }
            let events = try await told(code)
            #expect(events.map { $0["product"]["name"] }.first == "Left behind")
        }

        @Test func `the sample products are loaded, and once more without effect`() async throws {
            let shop = try Installation.current
            let checkout = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
            let csv = TextFile.read("/\(checkout)/infrastructure/sample-products.csv")
            func load() async throws -> JSON {
                let answer = try await shop.send(
                    "POST", "/migration/products",
                    headers: [
                        ("Authorization", "Bearer \(shop.token)"), ("Content-Type", "text/csv"),
                    ], body: csv)
                #expect(answer.status == 200, "\(answer.response.text)")
                return answer.json
            }
            let first = try await load()
            #expect(first["rows"] == 37)
            #expect(first["skippedCount"] == 0)
            #expect(try await load()["unchanged"] == 37)
            for gateway in 0...1 {
                try await eventually("gateway \(gateway) has the ways of delivery") {
                    let found = try await shop.get(
                        "/products?kind=delivery&sort=price", gateway: gateway)
                    let codes = found.json["products"].elements.map { $0["productCode"] }
                    return codes == ["PICKUP", "PARCEL", "EXPRESS"]
                }
            }
            let refused = try await shop.send(
                "POST", "/migration/products",
                headers: [
                    ("Authorization", "Bearer \(shop.token)"), ("Content-Type", "text/csv"),
                ], body: "product_code,name\nok,ok\nbad code,x\n")
            Suite.expectProblem(refused, 422, "invalid-products")
            #expect(refused.json["errors"].elements.map { $0["line"] } == [3])
        }
    }
}
