import Messages
import Threading
import WebClient

extension LoadEngine {
    /// How often a request is sent again after its connection was lost: its key makes that safe.
    private static let triesMax = 3
    private static let lookUpPause = Duration.milliseconds(250)

    /// Sends a request over REST and follows it up until there is an outcome.
    func askOverREST(_ number: Int, _ step: Workload.Step, user: Int, peer: WebPeer) {
        var headers: [(String, String)] = []
        var body: [UInt8] = []
        let (method, target): (String, String)
        switch step.operation {
        case .restAdd:
            (method, target) = ("POST", "/cart/items")
            headers = [("Content-Type", "application/json"), ("Idempotency-Key", "\(number)")]
            var json = JSONWriter()
            json.object { json in
                json.field("userID", userID(user))
                json.field("productCode", productCode(step.product))
                json.field("quantity", step.quantity)
            }
            body = json.bytes
        case .restRemove:
            let product = productCode(step.product)
            (method, target) = (
                "DELETE",
                "/cart/items/\(product)?userID=\(userID(user))&quantity=\(step.quantity)"
            )
            headers = [("Idempotency-Key", "\(number)")]
        case .restStock:
            (method, target) = ("GET", "/stock/\(productCode(step.product))")
        case .add, .remove, .check, .restCart:
            (method, target) = ("GET", "/cart?userID=\(userID(user))")
        }
        call(
            Call(
                number: number, user: user, operation: step.operation, peer: peer, method: method,
                target: target, headers: headers, body: body))
    }

    private struct Call {
        let number: Int
        let user: Int
        let operation: Operation
        let peer: WebPeer
        let method: String
        let target: String
        let headers: [(String, String)]
        let body: [UInt8]
        var tries = 1

        /// What asks for the outcome of a call that was answered pending.
        func lookUp(_ userID: String) -> Call {
            Call(
                number: number, user: user, operation: operation, peer: peer, method: "GET",
                target: "/requests/\(number)?userID=\(userID)", headers: [], body: [])
        }
    }

    private func call(_ call: Call) {
        client.call(
            call.peer, call.method, call.target, headers: call.headers, body: call.body,
            timeout: configuration.deadline
        ) { [self] result in
            switch result {
            case .success(let response): answer(call, response)
            case .failure(.disconnected) where call.tries < Self.triesMax:
                var again = call
                again.tries += 1
                self.call(again)
            case .failure:
                connectionsLost += 1
                // It stays unanswered.
                abandon(call.number)
            }
        }
    }

    private func answer(_ call: Call, _ response: HTTPClientResponse) {
        guard call.operation.isAdd || call.operation.isRemove else {
            answer(call.number, response.status == 200 ? .shown : .refused)
            return
        }
        switch AnswerText(response.body) {
        case .outcome(_, let outcome): answer(call.number, outcome)
        case .pending:
            pendingAnswers += 1
            _ = loop.schedule(after: Self.lookUpPause) { [self] in
                // Nobody asks any more once the deadline has passed.
                guard pace != nil else { return }
                self.call(call.lookUp(userID(call.user)))
            }
        case .greeting, .changed, .refused, .malformed: answer(call.number, .refused)
        }
    }
}
