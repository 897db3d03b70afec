import Messages

/// The fields of a client's JSON object, read strictly.
///
/// The whole object is read even after a field was found to be wrong, so that the request ID can be
/// told with the problem; the first problem counts.
struct JSONFields {
    /// The fields that clients may send somewhere.
    enum Name: String {
        case action, userID, requestID, productCode, quantity
    }

    private var action: String?
    private var userID: String?
    private var requestID: String?
    private var productCode: String?
    private(set) var quantity: Int?
    private(set) var problem: Problem?

    init(_ bytes: [UInt8], allowing names: [Name]) {
        do {
            try read(bytes, allowing: names)
        } catch {
            // A text that is no JSON weighs more than a wrong field in its sound part.
            problem = Problem(.invalidJSON, "the text is not the JSON expected, \(error)")
        }
    }

    private mutating func read(
        _ bytes: [UInt8], allowing names: [Name]
    ) throws(JSONError) {
        var reader = JSONReader(bytes)
        try reader.beginObject()
        while let key = try reader.nextKey() {
            guard let name = Name(rawValue: key), names.contains(name) else {
                note(Problem(.unknownField, "the field \"\(key)\" is unknown", at: .field(key)))
                try reader.skipValue()
                continue
            }
            let isText = name != .quantity
            guard try reader.peek() == (isText ? .string : .number) else {
                note(
                    InputRules.invalid(.field(key), "is not a \(isText ? "string" : "number")"))
                try reader.skipValue()
                continue
            }
            switch name {
            case .action: action = try reader.string()
            case .userID: userID = try reader.string()
            case .requestID: requestID = try reader.string()
            case .productCode: productCode = try reader.string()
            case .quantity: try readQuantity(&reader)
            }
        }
        try reader.end()
    }

    private mutating func readQuantity(_ reader: inout JSONReader) throws(JSONError) {
        let text = try reader.numberText()
        guard let value = Int(text) else {
            note(InputRules.invalid(.field("quantity"), "is not a whole number that fits 64 bits"))
            return
        }
        quantity = value
    }

    private mutating func note(_ found: Problem) {
        if problem == nil { problem = found }
    }

    /// The text of a field, `nil` if it was not sent.
    subscript(name: Name) -> String? {
        switch name {
        case .action: action
        case .userID: userID
        case .requestID: requestID
        case .productCode: productCode
        case .quantity: nil
        }
    }

    /// The text of a field that must be there.
    func required(_ name: Name) throws(Problem) -> String {
        guard let text = self[name] else { throw missing(name) }
        return text
    }

    /// How many pieces are asked for, which must be there.
    func requiredQuantity() throws(Problem) -> Int {
        guard let quantity else { throw missing(.quantity) }
        return try InputRules.quantity(quantity, at: .field("quantity"))
    }

    private func missing(_ name: Name) -> Problem {
        Problem(
            .missingField, "the field \"\(name.rawValue)\" is missing", at: .field(name.rawValue))
    }
}
