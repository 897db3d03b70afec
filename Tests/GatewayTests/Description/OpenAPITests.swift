import CartDomain
import Foundation
import Messages
import Testing
import WebServer

@testable import RestGateway

struct OpenAPITests {
    private let document: JSON

    init() throws { document = try HTTPContract.document.get() }

    @Test func `every route is described and nothing else is`() {
        let routes = Set(Route.table.map { "\($0.method) \($0.pattern)" })
        var described: Set<String> = []
        for (path, operations) in document["paths"]?.fields ?? [:] {
            for method in operations.fields.keys {
                described.insert("\(method.uppercased()) \(path)")
            }
        }
        #expect(described == routes)
    }

    @Test func `an operation has one name, and its path's parameters`() throws {
        var names: Set<String> = []
        for route in Route.table {
            let description = route.description
            #expect(names.insert(description.id).inserted, "\(description.id) is there twice")
            let inPath = route.pattern.matches(of: /\{(\w+)\}/).map { String($0.1) }
            let described = description.parameters.filter { $0.location == .path }.map(\.field)
            #expect(described.map(\.name) == inPath, "\(route)")
            #expect(described.filter(\.isRequired).count == described.count, "\(route)")
            let parameters = description.parameters.map { "\($0.location) \($0.field.name)" }
            #expect(Set(parameters).count == parameters.count, "\(route)")
        }
    }

    @Test func `every reference leads somewhere, and every schema is used`() throws {
        let asynchronous = try MessageContract.document.get()
        var used: Set<String> = []
        for document in [document, asynchronous] {
            for reference in document.all("$ref").compactMap(\.string) {
                #expect(document.resolve(reference) != nil, "\(reference)")
                if reference.hasPrefix("#/components/schemas/") {
                    used.insert(String(reference.dropFirst(21)))
                }
            }
        }
        let named = ComponentSchema.allCases.map(\.rawValue) + CommandSchemas.all.map(\.name)
        #expect(Set(named).count == named.count)
        #expect(used == Set(named))
    }

    @Test func `every example is as its schema says`() {
        let validator = SchemaValidator(document: document)
        for schema in document.all("schemas").flatMap({ $0.fields.values }) {
            for example in schema["examples"]?.elements ?? [] {
                #expect(validator.errors(example, schema).isEmpty, "\(example.text)")
            }
        }
        for media in document.all("content").flatMap({ $0.fields.values }) {
            guard let example = media["example"], let schema = media["schema"] else { continue }
            #expect(validator.errors(example, schema).isEmpty, "\(example.text)")
        }
    }

    @Test func `a problem is described where it can come, under its status`() throws {
        for route in Route.table {
            let operation = try #require(
                document["paths"]?[route.pattern]?[route.method.lowercased()])
            for slug in route.problems {
                var response = try #require(
                    operation["responses"]?["\(slug.status)"], "\(route) \(slug)")
                if let reference = response["$ref"]?.string {
                    response = try #require(document.resolve(reference))
                }
                let schema = response["content"]?["application/problem+json"]?["schema"]
                let slugs = schema?["properties"]?["slug"]?["enum"]?.elements ?? []
                #expect(slugs.contains(.string(slug.rawValue)), "\(route) \(slug)")
            }
        }
    }

    @Test func `no problem is left out`() {
        let described = Set(Route.table.flatMap(\.problems))
            .union(Problem.Slug.ofNoOperation).union(Problem.Slug.ofWebSockets)
        #expect(Set(Problem.Slug.allCases).subtracting(described) == [])
    }

    @Test func `what the web server refuses can come to any request`() throws {
        // The statuses are those of `RequestHandler.refusal(status:detail:)`.
        for status in [400, 408, 414, 417, 426, 431, 500, 501, 503, 505] {
            let slug = Problem(refusedWith: status, detail: "").slug
            #expect(slug.status == status)
            #expect(Problem.Slug.ofAnyRequest.contains(slug), "\(status) \(slug)")
        }
    }

    @Test func `the body of a command is read as it is described`() throws {
        let samples = SchemaSamples(document: document)
        for route in Route.table {
            guard let command = route.command, let body = route.description.bodies.first
            else { continue }
            let schema = try JSON(body.schema.json)
            let input = CommandInput(command.registered)
            let inPath = command.route.pathFields.map { name in
                let field = input.fields.first { $0.name == name || $0.alias == name }
                if case .integer? = field?.kind { return "1" } else { return "P1" }
            }
            let known = try input.values(inPath: inPath, of: command.route)
            let read = { (value: JSON) throws in
                _ = try input.command(
                    try JSONValue.fields(of: Array(value.text.utf8)), known: known,
                    requires: command.route.requires)
            }
            try read(samples.value(schema, isFull: true))
            let least = samples.value(schema).fields
            try read(.object(least))
            for name in least.keys {
                var fields = least
                fields[name] = nil
                #expect(throws: (any Error).self, "\(route.pattern) without \(name)") {
                    try read(.object(fields))
                }
            }
            var more = least
            more["undescribed"] = .integer(1)
            #expect(throws: (any Error).self) { try read(.object(more)) }
        }
    }

    @Test func `the first request of a websocket is read as it is described`() throws {
        let samples = SchemaSamples(document: document)
        let parameters = try UserCartOperations.updateProduct.parameters
            .filter { $0.location == .query }
            .map { parameter in
                let value = samples.value(try JSON(parameter.field.schema.json))
                return (parameter, "\(parameter.field.name)=\(value.string ?? value.text)")
            }
        let all = parameters.map(\.1)
        _ = try UpdateProductQuery(all.joined(separator: "&"))
        for (index, (parameter, _)) in parameters.enumerated() where parameter.field.isRequired {
            var others = all
            others.remove(at: index)
            #expect(throws: Problem.self) {
                try UpdateProductQuery(others.joined(separator: "&"))
            }
        }
    }

    @Test(arguments: ["/openapi.json", "/asyncapi.json"])
    func `the documents are served`(path: String) async throws {
        let fixture = await GatewayFixture()
        let response = try await fixture.send("GET", path)
        #expect(response.status == 200)
        let served = try JSON(response.body)
        let asynchronous = try MessageContract.document.get()
        #expect(served == (path == "/openapi.json" ? document : asynchronous))
        expectProblem(try await fixture.send("GET", path + "?x=1"), .unknownParameter)
    }

    @Test func `the page for people is all the gateway's own`() async throws {
        let fixture = await GatewayFixture()
        let page = try await fixture.send("GET", "/docs")
        #expect(page.status == 200)
        let policy = try #require(header(page, "Content-Security-Policy"))
        #expect(policy.contains("default-src 'none'"))
        #expect(!policy.contains("unsafe"))
        let html = text(page)
        #expect(!html.contains("<style") && !html.contains("style=") && !html.contains("://"))
        for file in DocsPage.File.allCases {
            #expect(html.contains("/docs/\(file.rawValue)\""))
            let part = try await fixture.send("GET", "/docs/\(file.rawValue)")
            #expect(header(part, "Content-Type") == file.mediaType)
            #expect(!text(part).contains("://"))
        }
        expectProblem(try await fixture.send("GET", "/docs/other.js"), .notFound)
    }
}
