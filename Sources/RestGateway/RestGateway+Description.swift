import Messages
import WebServer

/// What the gateway says of itself: made once, when it starts.
struct DescriptionDocuments: Sendable {
    /// The same for all gateways of a process.
    static let shared = DescriptionDocuments()

    let openAPI = OpenAPIDocument().json.encoded
    let asyncAPI = AsyncAPIDocument().json.encoded
}

extension RestGateway {
    /// `GET /openapi.json`: what can be asked over HTTP.
    func showOpenAPI(_ request: HTTPRequest) throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        return Self.document("application/json", documents.openAPI)
    }

    /// `GET /asyncapi.json`: the messages on websockets and on the log.
    func showAsyncAPI(_ request: HTTPRequest) throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        return Self.document("application/json", documents.asyncAPI)
    }

    /// `GET /docs`: both for people.
    func showDocs(_ request: HTTPRequest) throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        var response = Self.document("text/html; charset=utf-8", DocsPage.page)
        response.headers.append(("Content-Security-Policy", DocsPage.contentSecurityPolicy))
        return response
    }

    /// `GET /docs/{file}`: the parts of that page.
    func showDocsFile(
        _ request: HTTPRequest, _ arguments: [String]
    ) throws(Problem) -> HTTPResponse {
        _ = try QueryParameters(request.query, allowing: [])
        guard let file = DocsPage.File(rawValue: arguments[0]) else {
            throw Problem(.notFound, "there is nothing under \(request.path)")
        }
        return Self.document(file.mediaType, file.bytes)
    }

    private static func document(_ mediaType: String, _ bytes: [UInt8]) -> HTTPResponse {
        HTTPResponse(
            status: 200,
            headers: [
                ("Content-Type", mediaType), ("Cache-Control", "no-cache"),
                ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
            ],
            body: bytes)
    }
}
