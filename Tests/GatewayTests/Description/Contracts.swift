import Messages
import Testing
import WebServer

@testable import RestGateway

/// Holds the gateway's HTTP answers against its OpenAPI document.
enum HTTPContract {
    static let document = Result { try JSON(OpenAPIDocument().json) }
    private static let router = Router()

    /// Records an issue if an answer is not described; every answer that a test gets passes here.
    static func check(
        _ response: HTTPResponse, to method: String, _ target: String
    ) throws {
        let request = HTTPRequest(method: method, target: target)
        guard let route = route(of: request) else { return }
        let document = try document.get()
        let operation = try #require(
            document["paths"]?[route.pattern]?[route.method.lowercased()], "\(route)")
        let name = "\(method) \(target) gave \(response.status)"
        guard var described = operation["responses"]?["\(response.status)"] else {
            Issue.record("\(name), which is not described")
            return
        }
        if let reference = described["$ref"]?.string {
            described = try #require(document.resolve(reference))
        }
        for (header, description) in described["headers"]?.fields ?? [:]
        where description["required"] == .boolean(true) {
            #expect(
                response.headers.contains { $0.0.lowercased() == header.lowercased() },
                "\(name) without \(header)")
        }
        if described["content"] == nil {
            #expect(response.body.isEmpty, "\(name) with a body, which is not described")
            return
        }
        let contentType = response.headers.first { $0.0.lowercased() == "content-type" }?.1
        let mediaType = contentType.flatMap { MediaType($0)?.name }
        guard let mediaType, let schema = described["content"]?[mediaType]?["schema"] else {
            Issue.record("\(name) with \(mediaType ?? "no type"), which is not described")
            return
        }
        guard mediaType.hasSuffix("json"), !schema.fields.isEmpty else { return }
        guard route.operation != .openAPI, route.operation != .asyncAPI else { return }
        let errors = SchemaValidator(document: document).errors(try JSON(response.body), schema)
        #expect(errors.isEmpty, "\(name): \(text(response))")
    }

    private static func route(of request: HTTPRequest) -> Route? {
        guard
            case .route(let route, _)? = try? router.match(
                method: request.method, path: request.path)
        else { return nil }
        return route
    }
}

/// Holds messages against the AsyncAPI document.
enum MessageContract {
    static let document = Result { try JSON(AsyncAPIDocument().json) }

    /// Records an issue if a message is none of those described.
    @discardableResult
    static func check(_ bytes: [UInt8], of messages: [MessageDescription]) -> MessageDescription? {
        let text = String(decoding: bytes, as: UTF8.self)
        do {
            let validator = SchemaValidator(document: try document.get())
            let value = try JSON(bytes)
            let matching = try messages.filter { message in
                try validator.errors(value, JSON(message.payload.json)).isEmpty
            }
            #expect(matching.count == 1, "\(text) is described by \(matching.map(\.name))")
            if matching.isEmpty {
                for message in messages {
                    let errors = try validator.errors(value, JSON(message.payload.json))
                    if errors.count <= 2 {
                        Issue.record("\(message.name): \(errors.joined(separator: "; "))")
                    }
                }
            }
            return matching.first
        } catch {
            Issue.record("\(text) cannot be compared: \(error)")
            return nil
        }
    }
}
