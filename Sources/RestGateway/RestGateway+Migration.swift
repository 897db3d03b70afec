import Messages
import Telemetry
import WebServer

extension RestGateway {
    /// A table that is loaded over HTTP.
    private struct Loadable {
        /// What is loaded, with its article, for people.
        let name: String
        let malformed: Problem.Slug
        let unavailable: Problem.Slug
        let begin: @Sendable (LoadFormat) async throws -> any TableLoad
    }

    /// `POST /migration/inventory`: brings the schema up to date and loads an inventory.
    func loadInventory(_ request: HTTPRequest) async throws(Problem) -> HTTPResponse {
        try await load(
            request,
            Loadable(
                name: "an inventory", malformed: .invalidInventory,
                unavailable: .inventoryUnavailable,
                begin: { [ports] in try await ports.inventory.beginLoad(format: $0) }))
    }

    /// `POST /migration/products`: brings the schema up to date and loads products.
    func loadProducts(_ request: HTTPRequest) async throws(Problem) -> HTTPResponse {
        try await load(
            request,
            Loadable(
                name: "a list of products", malformed: .invalidProducts,
                unavailable: .catalogueUnavailable,
                begin: { [ports] in try await ports.products.beginLoad(format: $0) }))
    }

    /// Lets only those pass who present the admin token.
    func authorize(_ request: HTTPRequest) throws(Problem) {
        guard let token = configuration.adminToken, !token.isEmpty else {
            throw Problem(.migrationDisabled, "this gateway was started without an admin token")
        }
        let presented = request.headers.all("Authorization")
        guard presented.count == 1,
            BearerToken.isPresented(by: presented[0], expecting: token)
        else {
            throw Problem(.unauthorized, "send the admin token as Authorization: Bearer <token>")
        }
    }

    private func load(
        _ request: HTTPRequest, _ table: Loadable
    ) async throws(Problem) -> HTTPResponse {
        try authorize(request)
        _ = try QueryParameters(request.query, allowing: [])
        let format = try loadFormat(of: request)
        try checkSize(request.body.declaredLength ?? 0, table)
        guard loads.enter() else {
            throw Problem(.overloaded, "\(configuration.loadsMax) loads are under way")
        }
        defer { loads.leave() }
        let report = try await load(request.body, format, table)
        logger.info(
            "\(table.name) was loaded",
            [
                "rows": "\(report.rows)", "inserted": "\(report.inserted)",
                "updated": "\(report.updated)", "skipped": "\(report.skippedCount)",
            ])
        return HTTPResponse(status: 200, json: Self.text(report))
    }

    private func loadFormat(of request: HTTPRequest) throws(Problem) -> LoadFormat {
        let contentTypes = request.headers.all("Content-Type")
        switch contentTypes.count == 1 ? MediaType(contentTypes[0])?.name : nil {
        case "text/csv": return .csv
        case "application/json", "application/x-ndjson": return .json
        default:
            throw Problem(
                .unsupportedMediaType,
                "the Content-Type must be text/csv, application/json or application/x-ndjson")
        }
    }

    private func load(
        _ body: HTTPBody, _ format: LoadFormat, _ table: Loadable
    ) async throws(Problem) -> LoadReport {
        do {
            let load = try await table.begin(format)
            do {
                try await feed(body, to: load, table)
                return try await load.finish()
            } catch {
                await load.cancel()
                throw error
            }
        } catch let problem as Problem {
            throw problem
        } catch let refusal as LoadRefusal {
            throw Problem(
                table.malformed, "nothing was loaded: rows are malformed", errors: refusal.errors)
        } catch {
            logger.warning("\(table.name) could not be loaded", ["error": "\(error)"])
            throw Problem(table.unavailable, "\(table.name) cannot be written at the moment")
        }
    }

    private func feed(
        _ body: HTTPBody, to load: any TableLoad, _ table: Loadable
    ) async throws {
        var count = 0
        while let bytes = try await next(of: body) {
            count += bytes.count
            try checkSize(count, table)
            try await load.feed(bytes)
        }
    }

    private func checkSize(_ count: Int, _ table: Loadable) throws(Problem) {
        guard count <= configuration.inventoryBytesMax else {
            throw Problem(
                .bodyTooLarge, "\(table.name) may have \(configuration.inventoryBytesMax) bytes")
        }
    }

    private func next(of body: HTTPBody) async throws(Problem) -> [UInt8]? {
        do {
            return try await body.next()
        } catch {
            throw Problem(error, bytesMax: configuration.inventoryBytesMax)
        }
    }

    private static func text(_ report: LoadReport) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.field("rows", report.rows)
            json.field("inserted", report.inserted)
            json.field("updated", report.updated)
            json.field("unchanged", report.unchanged)
            json.field("skippedCount", report.skippedCount)
            json.key("skipped")
            json.beginArray()
            for row in report.skipped {
                json.object { json in
                    json.field("line", row.line)
                    json.field("productCode", row.code)
                    json.field("reason", row.reason)
                }
            }
            json.endArray()
        }
        return json.bytes
    }
}
