import Catalogue
import Messages
import Telemetry
import WebServer

extension RestGateway {
    /// `GET /products`: the products that a search finds.
    func listProducts(_ request: HTTPRequest) async throws(Problem) -> HTTPResponse {
        let query = try ProductQuery(request.query)
        let catalogue = try loadedCatalogue()
        // A search of the whole catalogue may take milliseconds, for which the web server's loop does
        // not stand still.
        let page = await withTaskExecutorPreference(globalConcurrentExecutor) {
            await Self.search(catalogue, query)
        }
        var json = JSONWriter(capacity: 4_096)
        json.object { json in
            json.key("products")
            json.beginArray()
            for product in page.products { product.encode(to: &json) }
            json.endArray()
            json.field("total", page.total)
            json.field("offset", query.offset)
            json.field("limit", query.limit)
        }
        return HTTPResponse(status: 200, json: json.bytes)
    }

    private static func search(
        _ catalogue: Catalogue, _ query: ProductQuery
    ) async -> ProductPage {
        catalogue.search(query)
    }

    /// `GET /products/{productCode}`: one product, with what can be had of it now.
    func showProduct(
        _ request: HTTPRequest, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        let code = try productCode(arguments)
        guard let product = try loadedCatalogue().product(code) else { throw unknown(code) }
        let tag = Self.entityTag(of: product)
        if EntityTags.isMatch(request.headers.all("If-None-Match"), tag) {
            return HTTPResponse(status: 304, headers: Self.validators(tag))
        }
        return response(200, product, availability: await availability(of: code))
    }

    /// `PUT /products/{productCode}`: creates the product or replaces it.
    func putProduct(
        _ request: HTTPRequest, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        let (code, fields) = try await productChange(request, arguments, ["application/json"])
        return try await change(code, .put(fields))
    }

    /// `PATCH /products/{productCode}`: changes the fields that are named (RFC 7396).
    func patchProduct(
        _ request: HTTPRequest, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        let (code, fields) = try await productChange(
            request, arguments, ["application/merge-patch+json", "application/json"])
        return try await change(code, .patch(fields))
    }

    /// `DELETE /products/{productCode}`: takes the product out of the catalogue.
    func removeProduct(
        _ request: HTTPRequest, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        try authorize(request)
        _ = try QueryParameters(request.query, allowing: [])
        return try await change(try productCode(arguments), .remove)
    }

    private func productChange(
        _ request: HTTPRequest, _ arguments: [String], _ types: [String]
    ) async throws(Problem) -> (ProductCode, ProductPatch) {
        try authorize(request)
        _ = try QueryParameters(request.query, allowing: [])
        let code = try productCode(arguments)
        let given = request.headers.all("Content-Type")
        guard given.count == 1, let type = MediaType(given[0])?.name, types.contains(type) else {
            throw Problem(
                .unsupportedMediaType,
                "the body's Content-Type must be \(types.joined(separator: " or "))")
        }
        let bytes: [UInt8]
        do {
            bytes = try await request.body.collect(upTo: configuration.jsonBytesMax)
        } catch {
            throw Problem(error, bytesMax: configuration.jsonBytesMax)
        }
        do {
            return (code, try ProductPatch(bytes))
        } catch {
            throw Problem(error)
        }
    }

    private func change(
        _ code: ProductCode, _ change: ProductChange
    ) async throws(Problem) -> HTTPResponse {
        let outcome: ProductOutcome
        do {
            outcome = try await ports.products.change(code, change)
        } catch let fault as ProductFault {
            throw Problem(fault)
        } catch {
            logger.warning("a product could not be changed", ["error": "\(error)"])
            throw Problem(.catalogueUnavailable, "products cannot be changed at the moment")
        }
        // Whoever asks this gateway next finds the change, before the log brings it.
        switch outcome {
        case .created(let product):
            ports.catalogue.loaded?.apply(.changed(product))
            var response = response(201, product)
            response.headers.append(("Location", "/products/\(code)"))
            return response
        case .changed(let product):
            ports.catalogue.loaded?.apply(.changed(product))
            return response(200, product)
        case .unchanged(let product): return response(200, product)
        case .removed(let revision):
            ports.catalogue.loaded?.apply(.removed(code, revision: revision))
            return HTTPResponse(status: 204)
        case .unknownProduct: throw unknown(code)
        }
    }

    private enum Availability {
        case known(Int)
        /// The inventory has no such product.
        case notStocked
        /// The inventory cannot be read at the moment.
        case unknown
    }

    private func availability(of code: ProductCode) async -> Availability {
        do {
            return try await ports.stock.stock(of: code).map { .known($0.available) } ?? .notStocked
        } catch {
            logger.warning("the stock could not be read", ["error": "\(error)"])
            return .unknown
        }
    }

    private func response(
        _ status: Int, _ product: Product, availability: Availability? = nil
    ) -> HTTPResponse {
        var json = JSONWriter(capacity: 1_024)
        json.object { json in
            product.encodeFields(to: &json)
            guard let availability else { return }
            json.key("availability")
            json.object { json in
                switch availability {
                case .known(let available):
                    json.field("state", "known")
                    json.field("available", available)
                case .notStocked: json.field("state", "not-stocked")
                case .unknown: json.field("state", "unknown")
                }
            }
        }
        return HTTPResponse(
            status: status,
            headers: [("Content-Type", "application/json")]
                + Self.validators(Self.entityTag(of: product)),
            body: json.bytes)
    }

    /// Whoever keeps the answer asks before it is used again.
    private static func validators(_ tag: String) -> [(String, String)] {
        [("Cache-Control", "no-cache"), ("ETag", tag)]
    }

    /// Weak, as the availability that is told with the product changes without it.
    private static func entityTag(of product: Product) -> String { "W/\"\(product.revision)\"" }

    private func productCode(_ arguments: [String]) throws(Problem) -> ProductCode {
        try InputRules.productCode(arguments[0], at: .parameter("productCode"))
    }

    private func loadedCatalogue() throws(Problem) -> Catalogue {
        guard let catalogue = ports.catalogue.loaded else {
            throw Problem(.catalogueUnavailable, "the products are not loaded yet")
        }
        return catalogue
    }

    private func unknown(_ code: ProductCode) -> Problem {
        Problem(.unknownProduct, "there is no product \(code)")
    }
}

extension Problem {
    /// A product that breaks a rule.
    init(_ fault: ProductFault) {
        switch fault {
        case .json(let error):
            self.init(.invalidJSON, "the text is not the JSON expected, \(error)")
        case .unknownField(let name): self.init(.unknownField, "\(fault)", at: .field(name))
        case .missingField(let name): self.init(.missingField, "\(fault)", at: .field(name))
        case .invalidField(let name, _): self.init(.invalidField, "\(fault)", at: .field(name))
        }
    }
}
