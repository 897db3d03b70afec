import Messages

/// What a websocket client asks after its first request.
struct ClientMessage: Equatable {
    /// Why a message was not understood, and the request it spoke of, if that could be read.
    struct Refusal: Error, Equatable {
        var requestID: RequestID?
        var problem: Problem
    }

    var requestID: RequestID?
    var action: CartRequest.Action

    init(_ bytes: [UInt8]) throws(Refusal) {
        let fields = JSONFields(
            bytes, allowing: [.requestID, .action, .productCode, .quantity])
        let requestID = fields[.requestID].flatMap { RequestID($0) }
        do throws(Problem) {
            if let problem = fields.problem { throw problem }
            if let text = fields[.requestID], requestID == nil {
                _ = try InputRules.requestID(text, at: .field("requestID"))
            }
            action = try Self.action(fields)
        } catch {
            throw Refusal(requestID: requestID, problem: error)
        }
        self.requestID = requestID
    }

    private static func action(_ fields: JSONFields) throws(Problem) -> CartRequest.Action {
        switch try fields.required(.action) {
        case "add":
            return .add(try productCode(fields), quantity: try fields.requiredQuantity())
        case "remove":
            return .remove(
                try productCode(fields),
                quantity: fields.quantity == nil ? nil : try fields.requiredQuantity())
        case "check":
            if fields[.productCode] != nil { _ = try productCode(fields) }
            if fields.quantity != nil { _ = try fields.requiredQuantity() }
            return .check
        default:
            throw InputRules.invalid(.field("action"), "is not add, remove or check")
        }
    }

    private static func productCode(_ fields: JSONFields) throws(Problem) -> ProductCode {
        try InputRules.productCode(
            try fields.required(.productCode), at: .field("productCode"))
    }
}
