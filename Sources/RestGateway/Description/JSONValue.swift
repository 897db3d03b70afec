package import Messages

/// A JSON value whose fields keep their order; what the gateway's descriptions are made of.
package indirect enum JSONValue: Hashable, Sendable {
    case object([Member])
    case array([JSONValue])
    case string(String)
    case integer(Int)
    case boolean(Bool)

    /// A field of an object.
    package struct Member: Hashable, Sendable {
        package let name: String
        package let value: JSONValue

        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// The value of an object's field; `nil` if there is no such field, or this is no object.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// An object's fields; empty for anything else.
    package var members: [Member] {
        guard case .object(let members) = self else { return [] }
        return members
    }

    /// Writes the value.
    package func encode(to json: inout JSONWriter) {
        switch self {
        case .object(let members):
            json.object { json in
                for member in members {
                    json.key(text: member.name)
                    member.value.encode(to: &json)
                }
            }
        case .array(let elements):
            json.beginArray()
            for element in elements { element.encode(to: &json) }
            json.endArray()
        case .string(let text): json.string(text)
        case .integer(let value): json.integer(value)
        case .boolean(let value): json.boolean(value)
        }
    }

    /// The value as compact JSON.
    package var encoded: [UInt8] {
        var json = JSONWriter(capacity: 4_096)
        encode(to: &json)
        return json.bytes
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
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}
