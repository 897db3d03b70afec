import Foundation

/// Compares values with the schemas of a document, for the part of JSON Schema that the gateway writes.
///
/// It is stricter than the standard: a field that no schema speaks of is an error, because what the
/// gateway tells has to be described. A keyword that it does not know is an error too.
struct SchemaValidator {
    let document: JSON

    /// What is wrong with a value; nothing if it is as described.
    func errors(_ value: JSON, _ schema: JSON, at place: String = "$") -> [String] {
        var errors = check(value, schema, place)
        if case .object(let fields) = value, !schema.fields.isEmpty {
            let known = described(value, schema)
            for name in fields.keys.sorted() where !known.contains(name) {
                errors.append("\(place).\(name) is not described")
            }
        }
        return errors
    }

    private func check(_ value: JSON, _ schema: JSON, _ place: String) -> [String] {
        schema.fields.sorted { $0.key < $1.key }.flatMap { keyword, rule in
            check(value, keyword, rule, place)
        }
    }

    private func check(
        _ value: JSON, _ keyword: String, _ rule: JSON, _ place: String
    ) -> [String] {
        func expect(_ holds: Bool) -> [String] {
            holds ? [] : ["\(place) is \(value.text): \(keyword) \(rule.text)"]
        }
        switch keyword {
        case "description", "examples", "format": return []
        case "$ref":
            guard let target = rule.string.flatMap({ document.resolve($0) }) else {
                return ["\(rule.text) leads nowhere"]
            }
            return check(value, target, place)
        case "type": return expect(type(of: value) == rule.string)
        case "const": return expect(value == rule)
        case "enum": return expect(rule.elements.contains(value))
        case "oneOf":
            let matching = rule.elements.filter { alternative in
                // One that only asks for fields does not say which there are.
                Set(alternative.fields.keys) == ["required"]
                    ? check(value, alternative, place).isEmpty : errors(value, alternative).isEmpty
            }
            return matching.count == 1
                ? [] : ["\(place) is \(value.text): \(matching.count) alternatives match"]
        case "allOf": return rule.elements.flatMap { check(value, $0, place) }
        case "not": return expect(!check(value, rule, place).isEmpty)
        case "minLength": return expect(value.string?.unicodeScalars.count ?? .max >= number(rule))
        case "maxLength": return expect(value.string?.unicodeScalars.count ?? 0 <= number(rule))
        case "pattern": return expect(value.string.map { matches($0, rule) } ?? true)
        case "minimum": return expect(value.integer ?? .max >= number(rule))
        case "maximum": return expect(value.integer ?? .min <= number(rule))
        case "minItems": return expect(!value.isArray || value.elements.count >= number(rule))
        case "maxItems": return expect(value.elements.count <= number(rule))
        case "items":
            return value.elements.enumerated().flatMap { index, element in
                errors(element, rule, at: "\(place)[\(index)]")
            }
        case "properties":
            return value.fields.sorted { $0.key < $1.key }.flatMap { name, field in
                rule[name].map { errors(field, $0, at: "\(place).\(name)") } ?? []
            }
        case "required":
            guard case .object(let fields) = value else { return [] }
            return rule.elements.compactMap(\.string).filter { fields[$0] == nil }
                .map { "\(place).\($0) is missing" }
        case "additionalProperties":
            // Of closed objects, whose other fields are found by what no schema speaks of, or of maps.
            guard rule != .boolean(false) else { return [] }
            return value.fields.sorted { $0.key < $1.key }.flatMap { name, field in
                errors(field, rule, at: "\(place).\(name)")
            }
        case "maxProperties": return expect(value.fields.count <= number(rule))
        default: return ["the keyword \(keyword) is not known"]
        }
    }

    /// The fields of which a schema speaks, for this value.
    private func described(_ value: JSON, _ schema: JSON) -> Set<String> {
        if schema["additionalProperties"]?.fields.isEmpty == false {
            return Set(value.fields.keys)
        }
        var names = Set(schema["properties"]?.fields.keys.map(\.self) ?? [])
        if let target = schema["$ref"]?.string.flatMap({ document.resolve($0) }) {
            names.formUnion(described(value, target))
        }
        for alternative in schema["oneOf"]?.elements ?? []
        where alternative["required"] == nil && errors(value, alternative).isEmpty {
            names.formUnion(described(value, alternative))
        }
        return names
    }

    private func type(of value: JSON) -> String {
        switch value {
        case .null: "null"
        case .boolean: "boolean"
        case .integer: "integer"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    private func number(_ rule: JSON) -> Int { rule.integer ?? 0 }

    private func matches(_ text: String, _ rule: JSON) -> Bool {
        text.range(of: rule.string ?? "^$", options: .regularExpression) != nil
    }
}

extension JSON {
    fileprivate var isArray: Bool { if case .array = self { true } else { false } }
}

/// Makes values from a document's schemas.
struct SchemaSamples {
    let document: JSON

    /// A value that the schema allows: its example, or else the least one.
    ///
    /// - Parameter isFull: whether fields that may be missing are there.
    func value(_ schema: JSON, isFull: Bool = false) -> JSON {
        if let example = schema["examples"]?.elements.first { return example }
        if let target = schema["$ref"]?.string.flatMap({ document.resolve($0) }) {
            return value(target, isFull: isFull)
        }
        if let constant = schema["const"] { return constant }
        if let first = schema["enum"]?.elements.first { return first }
        if let first = schema["oneOf"]?.elements.first { return value(first, isFull: isFull) }
        switch schema["type"]?.string {
        case "object":
            let required = Set(schema["required"]?.elements.compactMap(\.string) ?? [])
            let choices = schema["allOf"]?.elements.compactMap { $0["oneOf"]?.elements } ?? []
            let names = choices.map { $0.compactMap { $0["required"]?.elements.first?.string } }
            let first = Set(names.compactMap(\.first))
            let others = Set(names.joined()).subtracting(first)
            let fields = schema["properties"]?.fields ?? [:]
            return .object(
                fields.filter { field in
                    !others.contains(field.key)
                        && (isFull || required.contains(field.key) || first.contains(field.key))
                }
                .mapValues { value($0, isFull: isFull) })
        case "array": return .array(schema["items"].map { [value($0, isFull: isFull)] } ?? [])
        case "integer": return schema["minimum"] ?? .integer(0)
        case "boolean": return .boolean(true)
        default:
            return .string(String(repeating: "a", count: schema["minLength"]?.integer ?? 1))
        }
    }
}
