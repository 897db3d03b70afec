/// Why a message on the log cannot be understood.
package enum MessageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The value is not JSON, or not an object.
    case json(JSONError)
    /// The field is missing, or has a value that is not allowed.
    case field(String, String)
    /// The message is of a type that this build does not know.
    case unknownType(String)

    package var description: String {
        switch self {
        case .json(let error): "not the JSON of a message, \(error)"
        case .field(let name, let reason): "the field \"\(name)\" \(reason)"
        case .unknownType(let type): "the type \"\(type)\" is unknown"
        }
    }
}

/// The fields that messages between the services are made of, read in one pass.
///
/// Unknown fields are passed over, so that a newer writer may add some.
struct MessageFields {
    var typeText: String?
    var cartIDText: String?
    var requestIDText: String?
    var userIDText: String?
    var productCodeText: String?
    var name: String?
    var reason: String?
    var quantity: Int?
    var askQuantity: Int?
    var available: Int?
    var askUntil: Int?
    var expiresAt: Int?
    var since: Int?
    var fromCartIDText: String?
    var fromRequestIDText: String?

    init(_ bytes: [UInt8]) throws(MessageError) {
        do {
            var reader = JSONReader(bytes)
            try reader.beginObject()
            while let key = try reader.nextKey() {
                switch key {
                case "type": typeText = try reader.string()
                case "cartID": cartIDText = try reader.string()
                case "requestID": requestIDText = try reader.string()
                case "userID": userIDText = try reader.string()
                case "productCode": productCodeText = try reader.string()
                case "quantity": quantity = try reader.integer()
                case "askQuantity": askQuantity = try reader.integer()
                case "name": name = try reader.string()
                case "reason": reason = try reader.string()
                case "available": available = try reader.integer()
                case "askUntil": askUntil = try reader.integer()
                case "expiresAt": expiresAt = try reader.integer()
                case "since": since = try reader.integer()
                case "fromCartID": fromCartIDText = try reader.string()
                case "fromRequestID": fromRequestIDText = try reader.string()
                default: try reader.skipValue()
                }
            }
            try reader.end()
        } catch {
            throw .json(error)
        }
    }

    static func required<Value>(
        _ value: Value?, _ name: String
    ) throws(MessageError) -> Value {
        guard let value else { throw .field(name, "is missing") }
        return value
    }

    func type() throws(MessageError) -> String { try Self.required(typeText, "type") }

    func cartID() throws(MessageError) -> CartID {
        try valid(cartIDText, "cartID") { CartID($0) }
    }

    func requestID() throws(MessageError) -> RequestID {
        try valid(requestIDText, "requestID") { RequestID(ofPart: $0) }
    }

    func userID() throws(MessageError) -> UserID {
        try valid(userIDText, "userID") { UserID($0) }
    }

    func source() throws(MessageError) -> HoldSource? {
        if fromCartIDText == nil { return nil }
        return HoldSource(
            cartID: try valid(fromCartIDText, "fromCartID") { CartID($0) },
            requestID: try valid(fromRequestIDText, "fromRequestID") { RequestID(ofPart: $0) })
    }

    func productCode() throws(MessageError) -> ProductCode {
        try valid(productCodeText, "productCode") { ProductCode($0) }
    }

    func requestQuantity() throws(MessageError) -> Int {
        try Self.within(QuantityLimits.request, quantity, "quantity")
    }

    func heldQuantity() throws(MessageError) -> Int {
        try Self.within(QuantityLimits.held, quantity, "quantity")
    }

    func askedQuantity() throws(MessageError) -> Int {
        try Self.within(QuantityLimits.held, askQuantity, "askQuantity")
    }

    private static func within(
        _ limits: ClosedRange<Int>, _ value: Int?, _ name: String
    ) throws(MessageError) -> Int {
        let value = try required(value, name)
        guard limits.contains(value) else {
            throw .field(name, "is not from \(limits.lowerBound) to \(limits.upperBound)")
        }
        return value
    }

    /// A trace context as it travels in a header; `nil` if it is longer than such a thing can be.
    static func traceparent(_ header: String?) -> String? {
        header.flatMap { $0.utf8.count <= 128 ? $0 : nil }
    }

    private func valid<Value>(
        _ text: String?, _ name: String, _ make: (String) -> Value?
    ) throws(MessageError) -> Value {
        guard let value = make(try Self.required(text, name)) else {
            throw .field(name, "is not well formed")
        }
        return value
    }
}
