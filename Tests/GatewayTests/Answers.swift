import Testing
import WebServer

@testable import RestGateway

/// The body of an answer.
func text(_ response: HTTPResponse) -> String {
    String(decoding: response.body, as: UTF8.self)
}

/// The first header of that name.
func header(_ response: HTTPResponse, _ name: String) -> String? {
    response.headers.first { $0.0 == name }?.1
}

/// Expects problem JSON of that kind.
func expectProblem(
    _ response: HTTPResponse, _ slug: Problem.Slug,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(response.status == slug.status, sourceLocation: sourceLocation)
    #expect(
        header(response, "Content-Type") == "application/problem+json",
        sourceLocation: sourceLocation)
    #expect(
        text(response).contains("\"slug\":\"\(slug.rawValue)\""), "\(text(response))",
        sourceLocation: sourceLocation)
    #expect(
        text(response).contains("\"type\":\"urn:holdfast:problem:\(slug.rawValue)\""),
        sourceLocation: sourceLocation)
}
