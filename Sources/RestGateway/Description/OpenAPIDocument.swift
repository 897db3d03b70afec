package import Messages
import WebServer

/// What can be asked of a gateway over HTTP, as OpenAPI 3.1 describes it.
package struct OpenAPIDocument: Sendable {
    package let json: JSONValue

    /// Describes these routes.
    package init(_ routes: [Route] = Route.table) {
        json = [
            "openapi": "3.1.0",
            "info": [
                "title": "Holdfast",
                "version": .string(DocumentInfo.version),
                "summary": "Carts whose contents are held in stock",
                "description": .string(DocumentInfo.http),
                "license": ["name": "Apache 2.0", "identifier": "Apache-2.0"],
            ],
            "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
            "servers": [["url": "/"]],
            "tags": Self.tags(routes),
            "paths": Self.paths(routes),
            "components": [
                "schemas": ComponentSchema.components,
                "responses": Self.commonProblems,
                "securitySchemes": [
                    "adminToken": [
                        "type": "http", "scheme": "bearer",
                        "description": "The gateway's `ADMIN_TOKEN`.",
                    ]
                ],
            ],
        ]
    }

    private static func tags(_ routes: [Route]) -> JSONValue {
        var groups: [String] = []
        for route in routes where !groups.contains(route.description.group) {
            groups.append(route.description.group)
        }
        return .array(groups.map { ["name": .string($0)] })
    }

    private static func paths(_ routes: [Route]) -> JSONValue {
        var patterns: [String] = []
        for route in routes where !patterns.contains(route.pattern) {
            patterns.append(route.pattern)
        }
        return .object(
            patterns.map { pattern in
                let operations = routes.filter { $0.pattern == pattern }.map { route in
                    JSONValue.Field(route.method.lowercased(), operation(route))
                }
                return JSONValue.Field(pattern, .object(operations))
            })
    }

    private static func operation(_ route: Route) -> JSONValue {
        let description = route.description
        var members: [JSONValue.Field] = [
            .init("operationId", .string(description.id)),
            .init("tags", [.string(description.group)]),
            .init("summary", .string(description.summary)),
        ]
        if !description.details.isEmpty {
            members.append(.init("description", .string(description.details)))
        }
        if !description.parameters.isEmpty {
            members.append(
                .init("parameters", .array(description.parameters.map { parameter($0) })))
        }
        if !description.bodies.isEmpty {
            members.append(
                .init(
                    "requestBody", ["required": true, "content": content(description.bodies)]))
        }
        members.append(.init("responses", responses(route)))
        if description.isForAdmins {
            members.append(.init("security", [["adminToken": []]]))
        }
        return .object(members)
    }

    private static func parameter(_ parameter: OperationDescription.Parameter) -> JSONValue {
        [
            "name": .string(parameter.field.name),
            "in": .string(parameter.location.rawValue),
            "required": .boolean(parameter.field.isRequired),
            "schema": parameter.field.schema.json,
        ]
    }

    private static func content(_ content: [OperationDescription.Content]) -> JSONValue {
        .object(
            content.map { content in
                var members = [JSONValue.Field("schema", content.schema.json)]
                if let example = content.example { members.append(.init("example", example)) }
                return JSONValue.Field(content.mediaType, .object(members))
            })
    }

    // MARK: - Answers

    private static func responses(_ route: Route) -> JSONValue {
        let answers = route.description.answers
        let problems = Dictionary(grouping: route.problems, by: \.status)
        let statuses = Set(answers.map(\.status)).union(problems.keys).sorted()
        return .object(
            statuses.map { status in
                let answer = answers.first { $0.status == status }
                let slugs = problems[status] ?? []
                let response =
                    answer == nil && slugs == commonSlugs(status)
                    ? ["$ref": "#/components/responses/Problem\(status)"]
                    : self.response(answer, slugs)
                return JSONValue.Field("\(status)", response)
            })
    }

    /// What any request can get, by status.
    private static var commonProblems: JSONValue {
        let statuses = Set(Problem.Slug.ofAnyRequest.map(\.status)).sorted()
        return .object(
            statuses.map { status in
                JSONValue.Field("Problem\(status)", response(nil, commonSlugs(status)))
            })
    }

    private static func commonSlugs(_ status: Int) -> [Problem.Slug] {
        Problem.Slug.allCases.filter {
            $0.status == status && Problem.Slug.ofAnyRequest.contains($0)
        }
    }

    private static func response(
        _ answer: OperationDescription.Answer?, _ slugs: [Problem.Slug]
    ) -> JSONValue {
        var text = answer.map { [$0.summary] } ?? []
        text += slugs.map { "`\($0.rawValue)`: \($0.title)." }
        var headers = answer?.headers ?? []
        var contents = answer?.content ?? []
        if !slugs.isEmpty {
            headers += problemHeaders(slugs, isAlways: answer == nil)
            let schema = JSONSchema.component(.problem)
                .narrowed([.required("slug", .string(oneOf: slugs.map(\.rawValue)))])
            contents.append(.init("application/problem+json", schema))
        }
        var members = [JSONValue.Field("description", .string(text.joined(separator: " ")))]
        if !headers.isEmpty {
            let described = headers.map { header in
                JSONValue.Field(
                    header.name,
                    ["required": .boolean(header.isRequired), "schema": header.schema.json])
            }
            members.append(.init("headers", .object(described)))
        }
        if !contents.isEmpty { members.append(.init("content", content(contents))) }
        return .object(members)
    }

    /// The headers of problems; one is required where it always comes.
    private static func problemHeaders(
        _ slugs: [Problem.Slug], isAlways: Bool
    ) -> [JSONSchema.Field] {
        let names = slugs.map { slug in
            Set(Problem(slug, "").response.headers.map(\.0)).subtracting(["Content-Type"])
        }
        let inSome = names.reduce(into: Set<String>()) { $0.formUnion($1) }
        return inSome.sorted().map { name in
            let schema =
                name == "Retry-After"
                ? JSONSchema.integer(from: 1).described("Seconds.") : .string()
            return isAlways && names.allSatisfy { $0.contains(name) }
                ? .required(name, schema) : .optional(name, schema)
        }
    }
}
