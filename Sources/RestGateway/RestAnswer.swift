import CartDomain
import Messages
import WebServer

/// Turns what became of a REST call into an HTTP answer.
struct RestAnswer {
    /// What was asked.
    let action: CartRequest.Action
    let address: CartAddress

    func response(_ answer: GatewayCore.CallAnswer) throws(Problem) -> HTTPResponse {
        switch answer {
        case .refused(let problem):
            throw problem
        case .outcome(let requestID, let status, let version, let text):
            var response = try response(requestID, status, text)
            if let version { response.headers.append(("ETag", Preconditions.tag(version))) }
            return response
        case .unanswered(let requestID):
            if action == .lookup {
                throw Problem(.noAnswer, "the cart has not answered in time; ask again")
            }
            return later(requestID, OutcomeText.pending(requestID))
        }
    }

    private func response(
        _ requestID: RequestID, _ status: RequestStatus, _ text: [UInt8]
    ) throws(Problem) -> HTTPResponse {
        switch (status, action) {
        case (.accepted, _), (.rejected, .lookup):
            // A lookup that finds a rejection has found what it looked for.
            return HTTPResponse(status: 200, json: text)
        case (.rejected, _):
            switch OutcomeText.reason(in: text) {
            case .requestIDReused: return HTTPResponse(status: 422, json: text)
            case .versionMismatch: return HTTPResponse(status: 412, json: text)
            default: return HTTPResponse(status: 409, json: text)
            }
        case (.pending, _):
            return later(requestID, text)
        case (.unknown, _):
            throw Problem(.unknownRequest, "the cart knows no request \(requestID)")
        }
    }

    private func later(_ requestID: RequestID, _ text: [UInt8]) -> HTTPResponse {
        var response = HTTPResponse(status: 202, json: text)
        // Carts keep no record of being asked how they stand.
        response.headers += [
            ("Location", action == .check ? address.path : address.path(of: requestID)),
            ("Retry-After", "1"),
        ]
        return response
    }
}

extension HTTPResponse {
    /// An answer in JSON, which nobody may store.
    init(status: Int, json: [UInt8]) {
        self.init(
            status: status,
            headers: [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
            body: json)
    }
}
