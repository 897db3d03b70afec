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
        var events: [CartEventText]
        do {
            // One more than is told says whether there are more.
            events = try await ports.history.events(of: cartID, after: after, limit: limit + 1)
        } catch {
            logger.warning("a cart's history could not be read", ["error": "\(error)"])
            throw Problem(.historyUnavailable, "the history cannot be read at the moment")
        }
        if events.isEmpty, after == 0 {
            throw Problem(.unknownCart, "nothing has happened to a cart \(cartID)")
        }
        let hasMore = events.count > limit
        if hasMore { events.removeLast() }
        var json = JSONWriter(capacity: 128 + events.reduce(0) { $0 + $1.json.count + 1 })
        json.object { json in
            json.field("cartID", cartID)
            json.key("events")
            json.beginArray()
            for event in events { json.raw(event.json) }
            json.endArray()
            if hasMore, let last = events.last { json.field("next", last.version) }
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
