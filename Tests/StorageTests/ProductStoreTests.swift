import Catalogue
import Messages
import PostgresShim
import RestGateway
import Telemetry
import Testing

@testable import Adapters

@Suite struct ProductStoreTests {
    private func withStore(
        _ body: (PostgresProductStore, PostgresPool, PostgresConfiguration) async throws -> Void
    ) async throws {
        try await withSchema { configuration in
            _ = try await SchemaMigrator(configuration, logger: quiet).migrate()
            let pool = PostgresPool(
                configuration, size: 8, metrics: MetricsRegistry(), logger: quiet)
            let store = PostgresProductStore(
                pool, load: configuration, logger: quiet, onWrite: {})
            do {
                try await body(store, pool, configuration)
                await pool.close()
            } catch {
                await pool.close()
                throw error
            }
        }
    }

    private func fields(_ text: String) throws -> ProductPatch {
        try ProductPatch(Array(text.utf8))
    }

    private func code(_ text: String) throws -> ProductCode { try #require(ProductCode(text)) }

    /// All rows as events, in the order of their revisions.
    private func events(_ pool: PostgresPool) async throws -> [ProductEvent] {
        try await pool.withConnection { connection in
            let rows = try await connection.execute(
                "SELECT \(ProductRows.columns) FROM product ORDER BY revision")
            return try (0..<rows.rowCount).map { try ProductRows.event(rows, $0) }
        }
    }

    private func load(
        _ store: PostgresProductStore, _ text: String, _ format: LoadFormat
    ) async throws -> LoadReport {
        let load = try await store.beginLoad(format: format)
        try await load.feed(Array(text.utf8))
        return try await load.finish()
    }

    /// The lines for which a load is refused.
    private func faults(
        _ store: PostgresProductStore, _ text: String, _ format: LoadFormat
    ) async throws -> [Int] {
        do {
            _ = try await load(store, text, format)
        } catch let refusal as LoadRefusal {
            for error in refusal.errors { #expect(!error.reason.isEmpty) }
            return refusal.errors.map(\.line)
        }
        return []
    }

    @Test func `a product comes back as it was written`() async throws {
        try await withStore { store, pool, _ in
            let p1 = try code("P1")
            let full = try fields(
                #"""
                {"name":"Säge \"x\" 🪚","description":"Two\n\tlines","price":{"minorUnits":1000000000,
                "currency":"SEK","vatRate":10000},"images":["/a.jpg","https://b/c?d=%20"],
                "attributes":{"b":"\"\\ ä","a":"1"},"active":false,"kind":"delivery"}
                """#)
            let named = try fields(#"{"name":"n"}"#)
            let written = try await store.change(p1, .put(full))
            guard case .created(let product) = written else {
                Issue.record("\(written)")
                return
            }
            #expect(try await events(pool) == [.changed(product)])
            #expect(try await store.change(p1, .put(full)) == .unchanged(product))
            let plain = try await store.change(p1, .put(named))
            #expect(
                plain
                    == .changed(
                        Product(
                            code: p1, name: "n", revision: product.revision + 1)))
            let removed = try await store.change(p1, .remove)
            #expect(removed == .removed(revision: product.revision + 2))
            #expect(
                try await events(pool)
                    == [.removed(p1, revision: product.revision + 2)])
            #expect(try await store.change(p1, .remove) == .unknownProduct)
            #expect(
                try await store.change(p1, .patch(ProductPatch())) == .unknownProduct)
            guard case .created = try await store.change(p1, .put(full)) else {
                Issue.record("a product that was removed is created again")
                return
            }
        }
    }

    @Test func `a change that breaks a rule writes nothing`() async throws {
        try await withStore { store, pool, _ in
            let patch = try fields(#"{"attributes":{"a b":"c"}}"#)
            let named = try fields(#"{"name":"n"}"#)
            _ = try await store.change(try code("P"), .put(named))
            let before = try await events(pool)
            await #expect(throws: ProductFault.self) {
                try await store.change(try code("P"), .patch(patch))
            }
            #expect(try await events(pool) == before)
        }
    }

    @Test func `whoever reads revisions in their order misses none`() async throws {
        try await withStore { store, pool, configuration in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<6 {
                    group.addTask {
                        for round in 0..<40 {
                            let code = try #require(ProductCode("P\(writer % 3)-\(round % 4)"))
                            let change: ProductChange =
                                round % 7 == 6
                                ? .remove
                                : .put(
                                    try ProductPatch(
                                        Array(#"{"name":"\#(writer) \#(round)"}"#.utf8)))
                            _ = try await store.change(code, change)
                        }
                    }
                }
                group.addTask {
                    let rows = (0..<500).map { "P\($0 % 3)-\($0),name" }.joined(separator: "\n")
                    for _ in 0..<3 {
                        _ = try await self.load(store, "product_code,name\n" + rows, .csv)
                    }
                }
                // A reader that goes on from the highest revision it saw, as the feed does.
                let seen = Catalogue()
                var after: Int64 = 0
                func read() async throws {
                    let rows = try await pool.withConnection { connection in
                        try await connection.execute(
                            "SELECT \(ProductRows.columns) FROM product WHERE revision > $1",
                            [.int8(after)])
                    }
                    for row in 0..<rows.rowCount {
                        seen.apply(try ProductRows.event(rows, row))
                        after = max(after, try rows.int8(row, 11))
                    }
                }
                for _ in 0..<50 { try await read() }
                try await group.waitForAll()
                try await read()
                for event in try await events(pool) {
                    #expect(seen.product(event.code) == event.product)
                }
            }
        }
    }

    @Test(arguments: [false, true])
    func `no writer takes a revision while another has not committed its own`(
        isLoad: Bool
    ) async throws {
        try await withStore { store, pool, configuration in
            let first = try await PostgresConnection.connect(configuration)
            let written = try await first.pipeline([
                .begin, ProductRows.writerLock,
                ProductRows.write(Product(code: try code("A"), name: "a")),
            ])
            let named = try fields(#"{"name":"b"}"#)
            async let second: Void = {
                if isLoad {
                    _ = try await self.load(store, "product_code,name\nB,b\n", .csv)
                } else {
                    _ = try await store.change(self.code("B"), .put(named))
                }
            }()
            try await eventually("the second writer waits") {
                let waiting = try await pool.pipeline([
                    PostgresStatement(
                        """
                        SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                            AND objid = (hashtext('product ' || current_schema())::bigint
                                & 4294967295)::oid
                        """)
                ])
                return waiting[0].rowCount == 1
            }
            _ = try await first.pipeline([.commit])
            try await second
            await first.close()
            let read = try await events(pool)
            #expect(read.map(\.code.text) == ["A", "B"])
            #expect(try read.first?.revision == Int(written[2].int8(0, 0)))
        }
    }

    @Test func `whole products are loaded, and only what differs is touched`() async throws {
        try await withStore { store, pool, _ in
            let csv = """
                name,product_code,price_minor,currency,vat_rate,images,attributes,active,kind,description
                "Drill, big",HRD001,129900,SEK,2500,/a.jpg /b.jpg,color=red;size=L=1,,,"Two
                lines"
                Post,POST,4900,SEK,2500,,,true,delivery,
                Säge,SAW,,,,,,false,goods,
                """
            let first = try await load(store, csv, .csv)
            #expect(
                first == LoadReport(rows: 3, inserted: 3, updated: 0, unchanged: 0, skipped: []))
            let drill = Product(
                code: try code("HRD001"), name: "Drill, big", description: "Two\nlines",
                price: Price(minorUnits: 129_900, currency: Currency("SEK")!, vatRate: 2_500),
                images: ["/a.jpg", "/b.jpg"], attributes: ["color": "red", "size": "L=1"],
                revision: 1)
            let read = try await events(pool)
            #expect(read.first == .changed(drill))
            #expect(read.map(\.product?.kind) == [.goods, .delivery, .goods])
            #expect(read.map(\.product?.isActive) == [true, true, false])
            #expect(read.map(\.revision) == [1, 2, 3])

            let again = try await load(store, csv, .csv)
            #expect(
                again == LoadReport(rows: 3, inserted: 0, updated: 0, unchanged: 3, skipped: []))
            #expect(try await events(pool) == read)

            _ = try await store.change(try code("POST"), .remove)
            let json = #"""
                {"productCode":"POST","name":"Post"}
                {"productCode":"SAW","name":"Säge","active":false}
                {"productCode":"HRD001","name":"Drill","price":{"minorUnits":1,"currency":"EUR","vatRate":0}}
                """#
            let third = try await load(store, json, .json)
            #expect(
                third == LoadReport(rows: 3, inserted: 1, updated: 1, unchanged: 1, skipped: []))
        }
    }

    @Test func `malformed rows refuse the whole load, naming their lines`() async throws {
        try await withStore { store, pool, _ in
            let header = "product_code,name,price_minor,currency,vat_rate,attributes,active,kind\n"
            let rows = [
                "A,ok,1,SEK,0,,,", "a b,n,,,,,,", "B,,,,,,,", "C,n,1,SEK,,,,", "D,n,1.5,SEK,0,,,",
                "E,n,1,sek,0,,,", "F,n,1000000001,SEK,0,,,", "G,n,,,,x,,", "H,n,,,,a=1;a=2,,",
                "I,n,,,,,yes,", "J,n,,,,,,service", "K,n,,,,a=,,", "L,n", "M,ok,,,,,,",
            ]
            let lines = try await faults(store, header + rows.joined(separator: "\n"), .csv)
            #expect(lines == Array(3...14))
            #expect(try await faults(store, "product_code\nA\n", .csv) == [1])
            #expect(try await faults(store, "product_code,name,nam\nA,b,c\n", .csv) == [1])
            #expect(try await faults(store, "product_code,name\nA,b\nA,c\n", .csv) == [3])
            #expect(
                try await faults(
                    store,
                    #"""
                    [{"productCode":"A","name":"a"},
                    {"productCode":"B"},
                    {"name":"b"},
                    {"productCode":"C","name":"c","revision":1},
                    {"productCode":"D","name":"d","name":"e"}]
                    """#, .json) == [2, 3, 4, 5])
            #expect(try await events(pool).isEmpty)
        }
    }

    @Test(arguments: [
        "INSERT INTO product VALUES ('', 'n', '', NULL, NULL, NULL, '[]', '{}', true, 'goods', false, 1)",
        "INSERT INTO product VALUES ('A', '', '', NULL, NULL, NULL, '[]', '{}', true, 'goods', false, 1)",
        "INSERT INTO product VALUES ('A', 'n', '', 1, NULL, NULL, '[]', '{}', true, 'goods', false, 1)",
        "INSERT INTO product VALUES ('A', 'n', '', 1, 'sek', 0, '[]', '{}', true, 'goods', false, 1)",
        "INSERT INTO product VALUES ('A', 'n', '', NULL, NULL, NULL, '{}', '{}', true, 'goods', false, 1)",
        "INSERT INTO product VALUES ('A', 'n', '', NULL, NULL, NULL, '[]', '{}', true, 'x', false, 1)",
        "INSERT INTO product VALUES ('A', 'n', '', NULL, NULL, NULL, '[]', '{}', true, 'goods', false, 0)",
    ])
    func `the table refuses what is no product`(statement: String) async throws {
        try await withStore { _, pool, _ in
            let error = try await postgresError {
                _ = try await pool.pipeline([PostgresStatement(statement)])
            }
            #expect(error.sqlState == "23514")
        }
    }
}
