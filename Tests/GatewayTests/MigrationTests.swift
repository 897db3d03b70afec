import Messages
import Synchronization
import Testing
import WebServer

@testable import RestGateway

struct MigrationTests {
    private let path = "/migration/inventory"
    private let token = ("Authorization", "Bearer secret")
    private let csv = ("Content-Type", "text/csv")

    @Test func `an inventory is loaded and what was done is told`() async throws {
        let gateway = await GatewayFixture()
        gateway.inventory.state.withLock { state in
            state.report = LoadReport(
                rows: 4, inserted: 1, updated: 1, unchanged: 1,
                skipped: [LoadReport.Skipped(line: 5, code: "P4", reason: "7 are held")])
        }
        let response = try await gateway.send(
            "POST", path, headers: [token, csv], body: "product_code,name,quantity\n")
        #expect(response.status == 200)
        #expect(
            text(response)
                == #"{"rows":4,"inserted":1,"updated":1,"unchanged":1,"skippedCount":1,"#
                + #""skipped":[{"line":5,"productCode":"P4","reason":"7 are held"}]}"#)
        let state = gateway.inventory.state.withLock { $0 }
        #expect(state.formats == [.csv])
        #expect(state.fed == [Array("product_code,name,quantity\n".utf8)])
        #expect(state.finished == 1 && state.cancelled == 0)
    }

    @Test func `each content type has its format`() async throws {
        let gateway = await GatewayFixture()
        for type in [
            "text/csv; charset=utf-8", "application/json", "application/x-ndjson",
        ] {
            let response = try await gateway.send(
                "POST", path, headers: [token, ("Content-Type", type)], body: "x")
            #expect(response.status == 200)
        }
        #expect(gateway.inventory.state.withLock { $0.formats } == [.csv, .json, .json])
        for type in ["text/plain", "text/csv; charset=latin1", ""] {
            let response = try await gateway.send(
                "POST", path, headers: [token, ("Content-Type", type)], body: "x")
            #expect(response.status == 415)
        }
        let without = try await gateway.send("POST", path, headers: [token], body: "x")
        #expect(without.status == 415)
    }

    @Test func `nobody loads without the token`() async throws {
        let gateway = await GatewayFixture()
        for headers in [
            [csv], [csv, ("Authorization", "Bearer wrong")], [csv, ("Authorization", "secret")],
            [csv, token, token],
        ] {
            let response = try await gateway.send("POST", path, headers: headers, body: "x")
            #expect(response.status == 401)
            #expect(
                response.headers.contains {
                    $0.0 == "WWW-Authenticate" && $0.1.hasPrefix("Bearer")
                })
        }
        let closed = await GatewayFixture(adminToken: nil)
        let response = try await closed.send("POST", path, headers: [csv, token], body: "x")
        #expect(response.status == 403 && text(response).contains("migration-disabled"))
        let empty = await GatewayFixture(adminToken: "")
        let blank = try await empty.send(
            "POST", path, headers: [csv, ("Authorization", "Bearer ")], body: "x")
        #expect(blank.status == 403)
        #expect(gateway.inventory.state.withLock { $0.formats.isEmpty })
    }

    @Test func `malformed rows are named and nothing is loaded`() async throws {
        let gateway = await GatewayFixture()
        gateway.inventory.state.withLock { state in
            state.refusal = LoadRefusal(errors: [
                LoadRefusal.LineError(line: 2, reason: "quantity is not a number"),
                LoadRefusal.LineError(line: 9, reason: "a quote has no end"),
            ])
        }
        let response = try await gateway.send("POST", path, headers: [token, csv], body: "x")
        #expect(response.status == 422)
        #expect(text(response).contains(#""slug":"invalid-inventory""#))
        #expect(
            text(response).contains(
                #""errors":[{"line":2,"reason":"quantity is not a number"},"#
                    + #"{"line":9,"reason":"a quote has no end"}]"#))
        #expect(gateway.inventory.state.withLock { $0.cancelled } == 1)
    }

    @Test func `an inventory over the limit is given up`() async throws {
        let gateway = await GatewayFixture { $0.inventoryBytesMax = 10 }
        let response = try await gateway.send(
            "POST", path, headers: [token, csv], body: "more than ten bytes")
        #expect(response.status == 413 && text(response).contains("body-too-large"))
        let state = gateway.inventory.state.withLock { $0 }
        #expect(state.fed.isEmpty && state.finished == 0)
    }

    @Test func `a database that is away is 503, and too many loads are`() async throws {
        let gateway = await GatewayFixture()
        gateway.inventory.state.withLock { $0.isAway = true }
        let away = try await gateway.send("POST", path, headers: [token, csv], body: "x")
        #expect(away.status == 503 && text(away).contains("inventory-unavailable"))
        let busy = await GatewayFixture { $0.loadsMax = 0 }
        let refused = try await busy.send("POST", path, headers: [token, csv], body: "x")
        #expect(refused.status == 503 && text(refused).contains("overloaded"))
    }

    @Test func `places for loads are given back`() async throws {
        let gateway = await GatewayFixture { $0.loadsMax = 1 }
        for isAway in [true, false, true, false] {
            gateway.inventory.state.withLock { $0.isAway = isAway }
            let response = try await gateway.send("POST", path, headers: [token, csv], body: "x")
            #expect(response.status == (isAway ? 503 : 200))
        }
    }
}
