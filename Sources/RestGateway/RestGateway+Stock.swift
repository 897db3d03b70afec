import Messages
import Telemetry
import WebServer

extension RestGateway {
    /// `GET /stock/{productCode}`: what the inventory has of a product.
    func showStock(
        _ request: HTTPRequest, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        let productCode = try InputRules.productCode(
            arguments[0], at: .parameter("productCode"))
        let stock: Stock?
        do {
            stock = try await ports.stock.stock(of: productCode)
        } catch {
            logger.warning("the stock could not be read", ["error": "\(error)"])
            throw Problem(.inventoryUnavailable, "the stock cannot be read at the moment")
        }
        guard let stock else {
            throw Problem(.unknownProduct, "there is no product \(productCode)")
        }
        var json = JSONWriter()
        json.object { json in
            json.field("productCode", stock.code.text)
            json.field("name", stock.name)
            json.field("quantity", stock.quantity)
            json.field("held", stock.held)
            json.field("available", stock.available)
        }
        return HTTPResponse(status: 200, json: json.bytes)
    }
}
