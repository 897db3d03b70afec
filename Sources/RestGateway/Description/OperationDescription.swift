package import Messages

/// What the gateway's documents say of one operation.
///
/// What a request's parts imply is not repeated: a required parameter may be missing, a JSON body may
/// be no JSON, an admin's call unauthorized; ``allProblems`` adds that.
package struct OperationDescription: Sendable {
    /// A part of the request outside of its body.
    package struct Parameter: Sendable {
        /// Where a parameter stands.
        package enum Location: String, Sendable {
            case path, query, header, cookie
        }

        package let location: Location
        package let field: JSONSchema.Field

        package init(_ location: Location, _ field: JSONSchema.Field) {
            self.location = location
            self.field = field
        }
    }

    /// A body of one media type.
    package struct Content: Sendable {
        package let mediaType: String
        package let schema: JSONSchema
        package let example: JSONValue?

        package init(_ mediaType: String, _ schema: JSONSchema, example: JSONValue? = nil) {
            self.mediaType = mediaType
            self.schema = schema
            self.example = example
        }

        /// JSON that a component describes.
        package static func json(
            _ component: ComponentSchema, example: JSONValue? = nil
        ) -> Content {
            Content("application/json", .component(component), example: example)
        }
    }

    /// An answer that is no problem.
    package struct Answer: Sendable {
        package let status: Int
        package let summary: String
        package let content: [Content]
        package let headers: [JSONSchema.Field]

        package init(
            _ status: Int, _ summary: String, _ content: [Content] = [],
            headers: [JSONSchema.Field] = []
        ) {
            self.status = status
            self.summary = summary
            self.content = content
            self.headers = headers
        }
    }

    /// What programs call it.
    package let id: String
    /// Under which heading people find it.
    package let group: String
    /// What it does, in a line.
    package let summary: String
    /// What else is to be known.
    package var details = ""
    package var parameters: [Parameter] = []
    /// What may be sent as a body, one of these; empty where none is read.
    package var bodies: [Content] = []
    package let answers: [Answer]
    /// What can go wrong here but not everywhere.
    package var problems: [Problem.Slug] = []
    /// Whether the admin token is asked for.
    package var isForAdmins = false
}

extension OperationDescription {
    /// Everything that can go wrong, in the order in which slugs are declared.
    package var allProblems: [Problem.Slug] {
        var slugs = Set(problems).union(Problem.Slug.ofAnyRequest)
        if parameters.contains(where: { $0.location == .path }) {
            slugs.formUnion([.invalidPath, .invalidParameter])
        }
        let query = parameters.filter { $0.location == .query }
        if !query.isEmpty { slugs.formUnion([.invalidParameter, .duplicateParameter]) }
        if query.contains(where: \.field.isRequired) { slugs.insert(.missingParameter) }
        if !bodies.isEmpty {
            slugs.formUnion([.invalidBody, .bodyTooLarge, .unsupportedMediaType])
        }
        if isForAdmins { slugs.formUnion([.unauthorized, .migrationDisabled]) }
        return Problem.Slug.allCases.filter(slugs.contains)
    }
}

extension Problem.Slug {
    /// What any request can get, whatever it asks: most of it from the web server, before the gateway
    /// sees a request.
    package static let ofAnyRequest: Set<Problem.Slug> = [
        .badRequest, .invalidQuery, .unknownParameter, .requestTimeout, .targetTooLong,
        .expectationFailed, .upgradeRequired, .rateLimited, .headersTooLarge, .internalError,
        .notImplemented, .overloaded, .httpVersionNotSupported,
    ]

    /// What is wrong with a JSON body.
    static let ofJSON: [Problem.Slug] = [.invalidJSON, .missingField, .invalidField, .unknownField]

    /// What can keep a cart from being asked.
    static let ofCarts: [Problem.Slug] = [.logUnavailable, .notReady, .shuttingDown]

    /// What an OpenAPI document cannot say under an operation: the path or the method is another.
    package static let ofNoOperation: Set<Problem.Slug> = [.notFound, .methodNotAllowed]

    /// What is told on a websocket only.
    package static let ofWebSockets: Set<Problem.Slug> = [.tooManyRequests]
}
