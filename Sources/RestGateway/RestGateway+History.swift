import Messages
import Telemetry
import WebServer

extension RestGateway {
    /// How many events one answer tells at most.
    private static let historyMax = 1_000

    /// `GET /cart/byid/{cartID}/history`: what has happened to a cart.
    func showHistory(
        _ request: HTTPRequest, _ arguments: [String]
    ) async throws(Problem) -> HTTPResponse {
        let parameters = try QueryParameters(request.query, allowing: ["after", "limit"])
        guard let cartID = CartID(arguments[0]) else {
            throw InputRules.invalid(.parameter("cartID"), "is not a UUID")
        }
        let after = try integer(parameters, "after", in: 0...Int.max - 1) ?? 0
        let limit = try integer(parameters, "limit", in: 1...Self.historyMax) ?? 100
        let page: CartHistoryPage?
        do {
            page = try await ports.history.history(of: cartID, after: after, limit: limit)
        } catch {
            logger.warning("a cart's history could not be read", ["error": "\(error)"])
            throw Problem(.historyUnavailable, "the history cannot be read at the moment")
        }
        guard let page else {
            throw Problem(.unknownCart, "nothing has happened to a cart \(cartID)")
        }
        // Versions have no gaps: what is missing before the first event is no longer kept.
        let firstKept = page.events.first?.version ?? page.version + 1
        var json = JSONWriter(capacity: 128 + page.events.reduce(0) { $0 + $1.json.count + 1 })
        json.object { json in
            json.field("cartID", cartID)
            json.field("version", page.version)
            if firstKept > after + 1 { json.field("prunedUpTo", firstKept - 1) }
            json.key("events")
            json.beginArray()
            for event in page.events { json.raw(event.json) }
            json.endArray()
            if let last = page.events.last?.version, last < page.version {
                json.field("next", last)
            }
        }
        return HTTPResponse(status: 200, json: json.bytes)
    }

    private func integer(
        _ parameters: QueryParameters, _ name: String, in limits: ClosedRange<Int>
    ) throws(Problem) -> Int? {
        guard let text = parameters[name] else { return nil }
        let value = try InputRules.integer(text, at: .parameter(name))
        guard limits.contains(value) else {
            throw InputRules.invalid(
                .parameter(name), "is not from \(limits.lowerBound) to \(limits.upperBound)")
        }
        return value
    }
}
