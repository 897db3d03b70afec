extension JSONValue {
    /// A whole number.
    package static func integer(_ value: Int) -> JSONValue { .number("\(value)") }

    /// The value of an object's field; `nil` if there is no such field, or this is no object.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let fields) = self else { return nil }
        return fields.first { $0.name == name }?.value
    }

    /// Writes the value.
    package func encode(to json: inout JSONWriter) {
        switch self {
        case .null: json.raw(Array("null".utf8))
        case .boolean(let value): json.boolean(value)
        case .number(let text): json.raw(Array(text.utf8))
        case .string(let text): json.string(text)
        case .array(let elements):
            json.beginArray()
            for element in elements { element.encode(to: &json) }
            json.endArray()
        case .object(let fields):
            json.object { json in
                for field in fields {
                    json.key(name: field.name)
                    field.value.encode(to: &json)
                }
            }
        }
    }

    /// The value as compact JSON.
    package var encoded: [UInt8] {
        var json = JSONWriter()
        encode(to: &json)
        return json.bytes
    }
}

extension JSONValue.Field {
    package init(_ name: String, _ value: JSONValue) {
        self.init(name: name, value: value)
    }
}

extension JSONValue: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Field($0.0, $0.1) })
    }
}
