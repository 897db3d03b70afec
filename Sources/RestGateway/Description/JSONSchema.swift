package import Messages

/// What a JSON value must be like: the part of JSON Schema 2020-12 that the gateway's values need.
///
/// Objects that the gateway tells are open: a newer one may add fields. Those that it takes are closed.
package struct JSONSchema: Hashable, Sendable {
    /// A property of an object.
    package struct Field: Hashable, Sendable {
        package let name: String
        package let schema: JSONSchema
        package let isRequired: Bool

        /// A property that is always there.
        package static func required(_ name: String, _ schema: JSONSchema) -> Field {
            Field(name: name, schema: schema, isRequired: true)
        }

        /// A property that may be missing.
        package static func optional(_ name: String, _ schema: JSONSchema) -> Field {
            Field(name: name, schema: schema, isRequired: false)
        }
    }

    private var keywords: [JSONValue.Field]

    private init(_ keywords: JSONValue.Field?...) { self.keywords = keywords.compactMap(\.self) }

    /// The schema as JSON.
    package var json: JSONValue { .object(keywords) }

    /// Anything.
    package static let any = JSONSchema()
    package static let boolean = JSONSchema(.init("type", "boolean"))

    /// A text.
    ///
    /// - Parameters:
    ///   - length: in Unicode scalars.
    ///   - pattern: a regular expression that the text matches somewhere, ECMA-262.
    package static func string(
        length: ClosedRange<Int>? = nil, pattern: String? = nil, format: String? = nil
    ) -> JSONSchema {
        JSONSchema(
            .init("type", "string"),
            length.map { .init("minLength", .integer($0.lowerBound)) },
            length.map { .init("maxLength", .integer($0.upperBound)) },
            pattern.map { .init("pattern", .string($0)) },
            format.map { .init("format", .string($0)) })
    }

    /// One of these texts.
    package static func string(oneOf texts: [String]) -> JSONSchema {
        JSONSchema(
            .init("type", "string"), .init("enum", .array(texts.map { .string($0) })))
    }

    /// That text and no other.
    package static func constant(_ text: String) -> JSONSchema {
        JSONSchema(.init("type", "string"), .init("const", .string(text)))
    }

    /// A whole number; `nil` for limits that 64 bits give.
    package static func integer(from minimum: Int? = nil, to maximum: Int? = nil) -> JSONSchema {
        JSONSchema(
            .init("type", "integer"), minimum.map { .init("minimum", .integer($0)) },
            maximum.map { .init("maximum", .integer($0)) })
    }

    /// A whole number within limits.
    package static func integer(in limits: ClosedRange<Int>) -> JSONSchema {
        integer(from: limits.lowerBound, to: limits.upperBound)
    }

    /// A list.
    package static func array(
        of element: JSONSchema, count: ClosedRange<Int>? = nil
    ) -> JSONSchema {
        JSONSchema(
            .init("type", "array"), .init("items", element.json),
            count.map { .init("minItems", .integer($0.lowerBound)) },
            count.map { .init("maxItems", .integer($0.upperBound)) })
    }

    /// An object; a closed one has no other fields than these.
    package static func object(_ fields: [Field], isClosed: Bool = false) -> JSONSchema {
        let required = fields.filter(\.isRequired).map { JSONValue.string($0.name) }
        return JSONSchema(
            .init("type", "object"),
            .init("properties", .object(fields.map { .init($0.name, $0.schema.json) })),
            required.isEmpty ? nil : .init("required", .array(required)),
            isClosed ? .init("additionalProperties", false) : nil)
    }

    /// An object whose names are not known before, up to so many of them.
    package static func map(of value: JSONSchema, countMax: Int? = nil) -> JSONSchema {
        JSONSchema(
            .init("type", "object"), .init("additionalProperties", value.json),
            countMax.map { .init("maxProperties", .integer($0)) })
    }

    /// What exactly one of the schemas describes.
    package static func oneOf(_ schemas: [JSONSchema]) -> JSONSchema {
        JSONSchema(.init("oneOf", .array(schemas.map(\.json))))
    }

    /// What a component of the document describes.
    package static func component(_ component: ComponentSchema) -> JSONSchema {
        self.component(named: component.rawValue)
    }

    /// What the component of that name describes.
    static func component(named name: String) -> JSONSchema {
        JSONSchema(.init("$ref", .string("#/components/schemas/\(name)")))
    }

    /// The same, and besides what the properties say: where an object is told more narrowly.
    package func narrowed(_ properties: [Field]) -> JSONSchema {
        adding(.init("properties", .object(properties.map { .init($0.name, $0.schema.json) })))
    }

    /// The same, with a text for people.
    package func described(_ text: String) -> JSONSchema {
        adding(.init("description", .string(text)))
    }

    /// The same, with a value for people to try.
    package func example(_ values: JSONValue...) -> JSONSchema {
        adding(.init("examples", .array(values)))
    }

    /// The same, or null.
    package var orNull: JSONSchema {
        .oneOf([self, JSONSchema(.init("type", "null"))])
    }

    func adding(_ member: JSONValue.Field) -> JSONSchema {
        var schema = self
        schema.keywords.append(member)
        return schema
    }
}
