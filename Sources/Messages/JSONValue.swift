/// Any JSON value, for texts of which it is not known beforehand what they say.
package enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// The number as it was written.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// In the order of the text; no name stands twice.
    case object([Field])

    /// One field of an object.
    package struct Field: Hashable, Sendable {
        package let name: String
        package let value: JSONValue
    }

    /// Reads the next value.
    package init(from reader: inout JSONReader) throws(JSONError) {
        switch try reader.peek() {
        case .null:
            try reader.skipValue()
            self = .null
        case .boolean: self = .boolean(try reader.boolean())
        case .number: self = .number(try reader.numberText())
        case .string: self = .string(try reader.string())
        case .array:
            var elements: [JSONValue] = []
            try reader.beginArray()
            while try reader.nextElement() { elements.append(try JSONValue(from: &reader)) }
            self = .array(elements)
        case .object:
            self = .object(try Self.fields(from: &reader))
        }
    }

    /// Reads a text that is one object.
    package static func fields(of text: [UInt8]) throws(JSONError) -> [Field] {
        var reader = JSONReader(text)
        let fields = try fields(from: &reader)
        try reader.end()
        return fields
    }

    private static func fields(from reader: inout JSONReader) throws(JSONError) -> [Field] {
        var fields: [Field] = []
        fields.reserveCapacity(8)
        try reader.beginObject()
        while let name = try reader.nextKey() {
            fields.append(Field(name: name, value: try JSONValue(from: &reader)))
        }
        return fields
    }

    /// What kind of value it is, with its article.
    package var kind: String {
        switch self {
        case .null: "null"
        case .boolean: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
