import Glibc
import PostgresShim
import RestGateway
import Telemetry
import Testing

@testable import Adapters

@Suite struct InventoryLoaderTests {
    private func withInventory<Result>(
        _ body: (PostgresConfiguration, PostgresConnection) async throws -> Result
    ) async throws -> Result {
        try await withSchema { configuration in
            _ = try await SchemaMigrator(configuration, logger: quiet).migrate()
            let connection = try await PostgresConnection.connect(configuration)
            do {
                let result = try await body(configuration, connection)
                await connection.close()
                return result
            } catch {
                await connection.close()
                throw error
            }
        }
    }

    private func load(
        _ configuration: PostgresConfiguration, _ text: String,
        _ format: InventoryLoader.Format = .csv, chunkLength: Int = 1 << 20
    ) async throws -> LoadReport {
        try await load(configuration, Array(text.utf8), format, chunkLength: chunkLength)
    }

    private func load(
        _ configuration: PostgresConfiguration, _ bytes: [UInt8],
        _ format: InventoryLoader.Format = .csv, chunkLength: Int = 1 << 20
    ) async throws -> LoadReport {
        let loader = InventoryLoader(configuration, format: format)
        for start in stride(from: 0, to: bytes.count, by: chunkLength) {
            try await loader.feed(Array(bytes[start..<min(start + chunkLength, bytes.count)]))
        }
        return try await loader.finish()
    }

    private func faults(
        _ configuration: PostgresConfiguration, _ bytes: [UInt8],
        _ format: InventoryLoader.Format = .csv
    ) async throws -> [String] {
        do {
            _ = try await load(configuration, bytes, format)
        } catch LoadError.malformed(let faults, _) {
            return faults.map(\.description)
        }
        return []
    }

    private func rows(_ connection: PostgresConnection) async throws -> [String] {
        let result = try await connection.execute(
            """
            SELECT concat_ws('|', product_code, name, quantity, held,
                coalesce(price_minor::text, '-')) FROM inventory ORDER BY product_code
            """)
        return try (0..<result.rowCount).map { try result.text($0, 0) }
    }

    @Test(arguments: [1, 2, 7, 1 << 20])
    func `CSV is read whatever the chunks`(chunkLength: Int) async throws {
        try await withInventory { configuration, connection in
            let text =
                "\u{FEFF}name,price,product_code,quantity\r\n"
                + "Power Drill,129.9,HRD001,10\r\n"
                + "\r\n"
                + "\"Screws, \"\"fine\"\", 100\",,HRD002,0\n"
                + "Schraubenschlüssel,7,HRD003,1000000000000\r\n"
                + "\"Nuts\",0.05,\"a.b_c-D\",007"
            let report = try await load(configuration, text, chunkLength: chunkLength)
            #expect(report.rows == 4 && report.inserted == 4)
            #expect(report.updated == 0 && report.unchanged == 0)
            #expect(
                try await rows(connection) == [
                    "HRD001|Power Drill|10|0|12990", "HRD002|Screws, \"fine\", 100|0|0|-",
                    "HRD003|Schraubenschlüssel|1000000000000|0|700", "a.b_c-D|Nuts|7|0|5",
                ])
        }
    }

    @Test(arguments: [1, 3, 1 << 20])
    func `JSON is read as an array and line by line`(chunkLength: Int) async throws {
        try await withInventory { configuration, connection in
            let array = """
                \u{FEFF}[ {"product_code":"A","name":"Ein \\"Bohrer\\" }{","quantity":3,"price":"1.5"},
                {"quantity":4,"name":"B\\u00e4r","product_code":"B","price":2.25} , \
                {"product_code":"C","name":"C","quantity":5,"price":null}]

                """
            let first = try await load(configuration, array, .json, chunkLength: chunkLength)
            #expect(first.inserted == 3)
            let lines = """
                {"product_code":"A","name":"A","quantity":3}
                {"product_code":"D","name":"D","quantity":6}
                """
            let second = try await load(configuration, lines, .json, chunkLength: chunkLength)
            #expect(second.inserted == 1 && second.updated == 1)
            // A row that says nothing of the price leaves it.
            #expect(
                try await rows(connection) == [
                    "A|A|3|0|150", "B|Bär|4|0|225", "C|C|5|0|-", "D|D|6|0|-",
                ])
            #expect(try await load(configuration, "[]", .json).rows == 0)
        }
    }

    @Test func `a repeated load touches nothing, a changed one only what changed`() async throws {
        try await withInventory { configuration, connection in
            let text = "product_code,name,quantity,price\nA,a,1,1\nB,b,2,\nC,c,3,3\n"
            _ = try await load(configuration, text)
            let places =
                "SELECT string_agg(ctid::text || xmin::text, ' ' ORDER BY product_code) "
                + "FROM inventory"
            let before = try await connection.execute(places).text(0, 0)
            let again = try await load(configuration, text)
            #expect(again.unchanged == 3)
            #expect(again.inserted == 0 && again.updated == 0 && again.skippedCount == 0)
            #expect(try await connection.execute(places).text(0, 0) == before)

            let changed = try await load(
                configuration, "product_code,name,quantity\nD,d,4\nB,b,20\nA,a,1\n")
            #expect(changed.inserted == 1 && changed.updated == 1)
            #expect(changed.unchanged == 1)
            #expect(
                try await rows(connection) == [
                    "A|a|1|0|100", "B|b|20|0|-", "C|c|3|0|300", "D|d|4|0|-",
                ])
        }
    }

    @Test func `a row below what is held is skipped and reported`() async throws {
        try await withInventory { configuration, connection in
            _ = try await load(configuration, "product_code,name,quantity\nA,a,10\nB,b,10\n")
            _ = try await connection.execute("UPDATE inventory SET held = 6, fence = 9")
            let report = try await load(
                configuration, "product_code,name,quantity\nB,bee,6\nC,c,1\nA,a,5\n")
            #expect(report.inserted == 1 && report.updated == 1)
            #expect(report.skippedCount == 1)
            #expect(
                report.skipped == [
                    .init(
                        line: 4, code: "A",
                        reason: "the quantity 5 is below the 6 that are held")
                ])
            #expect(
                try await rows(connection) == ["A|a|10|6|-", "B|bee|6|6|-", "C|c|1|0|-"])
            let fence = try await connection.execute(
                "SELECT min(fence) FROM inventory WHERE held > 0")
            #expect(try fence.int8(0, 0) == 9)
        }
    }

    @Test func `every malformed row is named with its line and reason`() async throws {
        try await withInventory { configuration, connection in
            _ = try await load(configuration, "product_code,name,quantity\nA,a,1\n")
            let long = String(repeating: "x", count: 65)
            let text =
                "product_code,name,quantity,price\n" + "B,b,-1,\n" + "B,b,1.5,\n"
                + "B,b,1000000000001,\n" + "B,b,99999999999999999999,\n" + ",b,1,\n"
                + "\(long),b,1,\n"
                + "B C,b,1,\n" + "Bär,b,1,\n" + "B,\u{7},1,\n" + "B,\u{85},1,\n" + "B,\"x\ny\",1,\n"
                + "B,b,1\n" + "B,b,1,,\n" + "B,b,1,1.234\n" + "B,b,1,-1\n" + "B,b,1,1e2\n"
                + "B,b,1,.5\n" + "B,b,1,5.\n" + "B,b\"b,1,\n" + "B,\"b\"b,1,\n" + "B,,1,\n"
                + "B,b,,\n" + "B,b,1,\rC,c,1,\n" + "B,b,1,1\n"
            var bytes = Array(text.utf8)
            bytes += Array("B,".utf8) + [0xFF, 0xC0] + Array(",1,\n".utf8)
            bytes += Array("B,\"never closed,1,\n".utf8)
            let expected = [
                "line 2: the quantity is negative",
                "line 3: the quantity is no whole number",
                "line 4: the quantity is above 1000000000000",
                "line 5: the quantity is above 1000000000000",
                "line 6: the product code is empty",
                "line 7: the product code has more than 64 bytes",
                "line 8: the product code has a character other than letters, digits, '.', '_' and '-'",
                "line 9: the product code has a character other than letters, digits, '.', '_' and '-'",
                "line 10: the name has a control character",
                "line 11: the name has a control character",
                "line 12: the name has a control character",
                "line 14: the row has 3 fields, the header 4",
                "line 15: the row has 5 fields, the header 4",
                "line 16: the price has more than two decimals",
                "line 17: the price is negative",
                "line 18: the price is no decimal number",
                "line 19: the price is no decimal number",
                "line 20: the price is no decimal number",
                "line 21: a quote stands in a field without quotes",
                "line 22: something follows a closing quote",
                "line 23: the name is empty",
                "line 24: the quantity is no whole number",
                "line 25: a carriage return has no line feed",
                "line 27: the name is not valid UTF-8",
                "line 28: a quoted field has no closing quote",
            ]
            #expect(try await faults(configuration, bytes) == expected)
            #expect(try await rows(connection) == ["A|a|1|0|-"])
        }
    }

    @Test(arguments: [
        "", "\n\n", "product_code,name\n", "product_code,name,quantity,colour\n",
        "product_code,name,quantity,name\n", "A,a,1\n", "\"product_code,name,quantity\n",
        "product_code,name,\"quantity\"x\n",
    ])
    func `a wrong header refuses the load`(text: String) async throws {
        try await withInventory { configuration, _ in
            let found = try await faults(configuration, Array((text + "A,a,1\n").utf8))
            #expect(found.count == 1)
        }
    }

    @Test(arguments: [
        ("", "line 1: there is no JSON"),
        ("7", "line 1: an array or an object is expected"),
        ("[\n7]", "line 2: an object is expected"),
        ("[{\"product_code\":\"A\"", "line 1: an object has no end"),
        (
            "[{\"product_code\":\"A\",\"name\":\"a\",\"quantity\":1}",
            "line 1: the array has no end"
        ),
        (
            "[{\"product_code\":\"A\",\"name\":\"a\",\"quantity\":1}\n{}]",
            "line 2: a comma or the array's end is expected"
        ),
        (
            "[{\"product_code\":\"A\",\"name\":\"a\",\"quantity\":1}]\n\n[]",
            "line 3: something follows the array"
        ),
        (
            "[\n{\"product_code\":\"A\",\"name\":\"a\"}]",
            "line 2: object 1: product_code, name and quantity must all be there"
        ),
        (
            "[{\"product_code\":\"A\",\"name\":\"a\",\"quantity\":-1}]",
            "line 1: object 1: the quantity is negative"
        ),
        (
            "[{\"product_code\":\"A\",\"name\":\"a\",\"quantity\":1.5}]",
            "line 1: object 1: the quantity is no whole number"
        ),
        (
            "[{\"product_code\":\"A\",\"name\":\"a\",\"quantity\":1,\"colour\":2}]",
            "line 1: object 1: the key \"colour\" is unknown"
        ),
        (
            "[{\"product_code\":\"A\",\"name\":\"a\\n\",\"quantity\":1}]",
            "line 1: object 1: the name has a control character"
        ),
        (
            "[{\"product_code\":\"A\",\"name\":\"a\",\"quantity\":1,\"price\":1.234}]",
            "line 1: object 1: the price has more than two decimals"
        ),
    ])
    func `malformed JSON is named`(text: String, fault: String) async throws {
        try await withInventory { configuration, connection in
            let found = try await faults(configuration, Array(text.utf8), .json)
            #expect(found == [fault])
            #expect(try await rows(connection) == [])
        }
    }

    @Test func `a code that stands twice refuses the load with both lines`() async throws {
        try await withInventory { configuration, connection in
            let text = "product_code,name,quantity\nA,a,1\nB,b,1\nA,a,2\nA,a,1\n"
            let found = try await faults(configuration, Array(text.utf8))
            #expect(
                found == [
                    "line 4: the product code A stands on line 2 already",
                    "line 5: the product code A stands on line 2 already",
                ])
            #expect(try await rows(connection) == [])
        }
    }

    @Test func `after a hundred faults reading stops`() async throws {
        try await withInventory { configuration, _ in
            let text =
                "product_code,name,quantity\n" + String(repeating: "A,a,x\n", count: 5_000)
            do {
                _ = try await load(configuration, text, chunkLength: 100)
                Issue.record("no error")
            } catch LoadError.malformed(let faults, let isComplete) {
                #expect(faults.count == 100 && !isComplete)
            }
        }
    }

    @Test func `a row of endless length is refused before it fills the memory`() async throws {
        try await withInventory { configuration, _ in
            let csv = InventoryLoader(configuration, format: .csv)
            let json = InventoryLoader(configuration, format: .json)
            try await csv.feed(Array("product_code,name,quantity\n\"".utf8))
            try await json.feed(Array("[{\"name\":\"".utf8))
            let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 60_000)
            for loader in [csv, json] {
                await #expect(throws: LoadError.self) {
                    for _ in 0..<4 { try await loader.feed(chunk) }
                    _ = try await loader.finish()
                }
            }
        }
    }

    @Test func `a load that was given up leaves nothing`() async throws {
        try await withInventory { configuration, connection in
            let loader = InventoryLoader(configuration, format: .csv)
            try await loader.feed(Array("product_code,name,quantity\nA,a,1\n".utf8))
            await loader.abort()
            #expect(try await rows(connection) == [])
            await #expect(throws: LoadError.self) { try await loader.feed([]) }
        }
    }

    @Test func `without a schema or a server the load may come again later`() async throws {
        try await withSchema { configuration -> Void in
            await #expect {
                _ = try await load(configuration, "product_code,name,quantity\nA,a,1\n")
            } throws: { error in
                guard case .unavailable = error as? LoadError else { return false }
                return true
            }
        }
        let away = PostgresConfiguration(url: "postgres://holdfast@127.0.0.1:1/nothing")
        await #expect {
            _ = try await load(away, "product_code,name,quantity\nA,a,1\n")
        } throws: { error in
            guard case .unavailable = error as? LoadError else { return false }
            return true
        }
    }

    @Test func `loads at the same time take turns`() async throws {
        try await withInventory { configuration, connection in
            var lines = "product_code,name,quantity\n"
            for number in 0..<2_000 { lines += "P\(number),p,\(number)\n" }
            let text = lines
            let reports = try await withThrowingTaskGroup(of: LoadReport.self) { group in
                for _ in 0..<4 { group.addTask { try await load(configuration, text) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(reports.map(\.inserted).sorted() == [0, 0, 0, 2_000])
            #expect(reports.map(\.unchanged).sorted() == [0, 2_000, 2_000, 2_000])
            #expect(try await rows(connection).count == 2_000)
        }
    }

    @Test func `many rows need little memory`() async throws {
        let rowCount = 200_000
        try await withInventory { configuration, connection in
            for round in 0..<2 {
                let loader = InventoryLoader(configuration, format: .csv)
                try await loader.feed(Array("product_code,name,quantity,price\n".utf8))
                var chunk: [UInt8] = []
                for number in 0..<rowCount {
                    chunk += Array(
                        "P\(number),Product number \(number),\(number % 1000),9.99\n".utf8)
                    guard chunk.count > 32_768 || number == rowCount - 1 else { continue }
                    try await loader.feed(chunk)
                    chunk.removeAll(keepingCapacity: true)
                }
                let report = try await loader.finish()
                #expect(report.rows == rowCount)
                #expect(report.inserted == (round == 0 ? rowCount : 0))
            }
            let count = try await connection.execute("SELECT count(*) FROM available_products")
            #expect(try count.int8(0, 0) == Int64(rowCount))
        }
    }
}
