package import Messages
package import WebServer

/// What is wrong with a request or with the gateway, as RFC 9457 writes it.
///
/// All slugs stand here; they are stable, so that clients may decide by them.
package struct Problem: Error, Hashable, Sendable {
    /// The kind of a problem; the value is what clients see.
    package enum Slug: String, CaseIterable, Sendable {
        // The request cannot be read.
        case badRequest = "bad-request"
        case invalidPath = "invalid-path"
        case invalidQuery = "invalid-query"
        case missingParameter = "missing-parameter"
        case invalidParameter = "invalid-parameter"
        case duplicateParameter = "duplicate-parameter"
        case unknownParameter = "unknown-parameter"
        case invalidHeader = "invalid-header"
        case invalidJSON = "invalid-json"
        case missingField = "missing-field"
        case invalidField = "invalid-field"
        case unknownField = "unknown-field"
        case invalidBody = "invalid-body"
        // The request is not allowed, or does not fit.
        case unauthorized = "unauthorized"
        case migrationDisabled = "migration-disabled"
        case originNotAllowed = "origin-not-allowed"
        case notFound = "not-found"
        case unknownRequest = "unknown-request"
        case unknownProduct = "unknown-product"
        case unknownCart = "unknown-cart"
        case methodNotAllowed = "method-not-allowed"
        case requestTimeout = "request-timeout"
        case bodyTooLarge = "body-too-large"
        case targetTooLong = "target-too-long"
        case unsupportedMediaType = "unsupported-media-type"
        case expectationFailed = "expectation-failed"
        case invalidInventory = "invalid-inventory"
        case invalidProducts = "invalid-products"
        case upgradeRequired = "upgrade-required"
        case tooManyRequests = "too-many-requests"
        case rateLimited = "rate-limited"
        case headersTooLarge = "headers-too-large"
        // The gateway cannot do it, or not now.
        case internalError = "internal-error"
        case notImplemented = "not-implemented"
        case overloaded = "overloaded"
        case logUnavailable = "log-unavailable"
        case inventoryUnavailable = "inventory-unavailable"
        case historyUnavailable = "history-unavailable"
        case catalogueUnavailable = "catalogue-unavailable"
        case noAnswer = "no-answer"
        case notReady = "not-ready"
        case shuttingDown = "shutting-down"
        case httpVersionNotSupported = "http-version-not-supported"
    }

    /// The part of the request that is meant.
    package enum Subject: Hashable, Sendable {
        case parameter(String)
        case field(String)
        case header(String)
    }

    package let slug: Slug
    /// The HTTP status: the slug's own, except where the web server gave another.
    package let status: Int
    /// What is wrong this time, for people.
    package let detail: String
    package let subject: Subject?
    /// The rows of a load that are wrong.
    package let errors: [LoadRefusal.LineError]
    /// When to try again, where that is known.
    package let retryAfterSeconds: Int?

    package init(
        _ slug: Slug, _ detail: String, at subject: Subject? = nil,
        errors: [LoadRefusal.LineError] = [], retryAfterSeconds: Int? = nil
    ) {
        self.slug = slug
        status = slug.status
        self.detail = detail
        self.subject = subject
        self.errors = errors
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// The problem of a request that the web server refused before it became one.
    package init(refusedWith status: Int, detail: String) {
        slug =
            Slug.allCases.first { $0.status == status && !$0.isSpecific }
            ?? (status >= 500 ? .internalError : .badRequest)
        self.status = status
        self.detail = detail
        subject = nil
        errors = []
        retryAfterSeconds = nil
    }
}

extension Problem.Slug {
    /// The HTTP status.
    package var status: Int {
        switch self {
        case .badRequest, .invalidPath, .invalidQuery, .missingParameter, .invalidParameter,
            .duplicateParameter, .unknownParameter, .invalidHeader, .invalidJSON, .missingField,
            .invalidField, .unknownField, .invalidBody:
            400
        case .unauthorized: 401
        case .migrationDisabled, .originNotAllowed: 403
        case .notFound, .unknownRequest, .unknownProduct, .unknownCart: 404
        case .methodNotAllowed: 405
        case .requestTimeout: 408
        case .bodyTooLarge: 413
        case .targetTooLong: 414
        case .unsupportedMediaType: 415
        case .expectationFailed: 417
        case .invalidInventory, .invalidProducts: 422
        case .upgradeRequired: 426
        case .tooManyRequests, .rateLimited: 429
        case .headersTooLarge: 431
        case .internalError: 500
        case .notImplemented: 501
        case .overloaded, .logUnavailable, .inventoryUnavailable, .historyUnavailable,
            .catalogueUnavailable, .notReady, .shuttingDown:
            503
        case .noAnswer: 504
        case .httpVersionNotSupported: 505
        }
    }

    /// What kind of problem it is, for people; the same each time.
    package var title: String {
        switch self {
        case .badRequest: "The request is malformed"
        case .invalidPath: "The path is not well encoded"
        case .invalidQuery: "The query is not well encoded"
        case .missingParameter: "A query parameter is missing"
        case .invalidParameter: "A parameter has a value that is not allowed"
        case .duplicateParameter: "A query parameter is given twice"
        case .unknownParameter: "A query parameter is unknown"
        case .invalidHeader: "A header has a value that is not allowed"
        case .invalidJSON: "The text is not the JSON that is expected"
        case .missingField: "A field is missing"
        case .invalidField: "A field has a value that is not allowed"
        case .unknownField: "A field is unknown"
        case .invalidBody: "The body could not be read"
        case .unauthorized: "The admin token is missing or wrong"
        case .migrationDisabled: "This gateway takes no admin's calls"
        case .notFound: "There is nothing under this path"
        case .unknownRequest: "The cart does not know this request"
        case .unknownProduct: "There is no such product"
        case .unknownCart: "There is no such cart"
        case .methodNotAllowed: "The method is not allowed here"
        case .requestTimeout: "The request took too long to arrive"
        case .bodyTooLarge: "The body is too large"
        case .targetTooLong: "The request target is too long"
        case .unsupportedMediaType: "The body's type is not supported"
        case .expectationFailed: "The expectation cannot be met"
        case .invalidInventory: "The inventory has bad rows"
        case .invalidProducts: "The products have bad rows"
        case .upgradeRequired: "A websocket is needed here"
        case .originNotAllowed: "Pages of this origin are not let in"
        case .rateLimited: "Requests come too fast"
        case .tooManyRequests: "Too many requests wait on this websocket"
        case .headersTooLarge: "The headers are too large"
        case .internalError: "The gateway failed"
        case .notImplemented: "The gateway cannot do this"
        case .overloaded: "Too many requests wait"
        case .logUnavailable: "Requests cannot be taken at the moment"
        case .inventoryUnavailable: "The inventory cannot be reached"
        case .historyUnavailable: "The history of carts cannot be reached"
        case .catalogueUnavailable: "The catalogue cannot be reached"
        case .noAnswer: "The cart has not answered"
        case .notReady: "The gateway is not ready"
        case .shuttingDown: "The gateway shuts down"
        case .httpVersionNotSupported: "The HTTP version is not supported"
        }
    }

    /// Whether another slug of the same status is the general one.
    fileprivate var isSpecific: Bool {
        switch self {
        case .invalidPath, .invalidQuery, .missingParameter, .invalidParameter,
            .duplicateParameter, .unknownParameter, .invalidHeader, .invalidJSON, .missingField,
            .invalidField, .unknownField, .invalidBody, .unknownRequest, .unknownProduct,
            .unknownCart, .originNotAllowed, .rateLimited, .logUnavailable,
            .inventoryUnavailable, .historyUnavailable, .catalogueUnavailable, .notReady,
            .shuttingDown, .noAnswer, .invalidProducts:
            true
        default:
            false
        }
    }
}

extension Problem {
    /// Writes the problem as an object.
    package func encode(to json: inout JSONWriter) {
        json.object { json in
            json.field("type", "urn:holdfast:problem:" + slug.rawValue)
            json.field("title", slug.title)
            json.field("status", status)
            json.field("detail", detail)
            json.field("slug", slug.rawValue)
            switch subject {
            case .parameter(let name): json.field("parameter", name)
            case .field(let name): json.field("field", name)
            case .header(let name): json.field("header", name)
            case nil: break
            }
            if let retryAfterSeconds { json.field("retryAfter", retryAfterSeconds) }
            guard !errors.isEmpty else { return }
            json.key("errors")
            json.beginArray()
            for error in errors {
                json.object { json in
                    json.field("line", error.line)
                    json.field("reason", error.reason)
                }
            }
            json.endArray()
        }
    }

    /// The answer to an HTTP request.
    package var response: HTTPResponse {
        var json = JSONWriter()
        encode(to: &json)
        var headers = [
            ("Content-Type", "application/problem+json"), ("Cache-Control", "no-store"),
        ]
        switch slug {
        case .unauthorized: headers.append(("WWW-Authenticate", "Bearer realm=\"holdfast\""))
        case .upgradeRequired: headers.append(("Upgrade", "websocket"))
        case .overloaded, .logUnavailable, .inventoryUnavailable, .historyUnavailable,
            .catalogueUnavailable, .notReady, .shuttingDown, .noAnswer, .rateLimited:
            headers.append(("Retry-After", "\(retryAfterSeconds ?? 1)"))
        default: break
        }
        return HTTPResponse(status: status, headers: headers, body: json.bytes)
    }

    /// The message to a websocket client.
    package func message(for requestID: RequestID?) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.field("type", "error")
            if let requestID { json.field("requestID", requestID.text) }
            json.key("problem")
            encode(to: &json)
        }
        return json.bytes
    }
}

extension Problem {
    init(_ error: RequestLogError) {
        switch error {
        case .overloaded:
            self.init(.overloaded, "the log is written as fast as it can be; try again")
        case .unavailable(let reason):
            self.init(.logUnavailable, "the log cannot be written: \(reason)")
        }
    }

    /// A body that did not arrive, or is longer than the limit.
    init(_ error: HTTPBodyError, bytesMax: Int) {
        switch error {
        case .tooLarge(let limit):
            self.init(.bodyTooLarge, "the body may have \(min(limit, bytesMax)) bytes here")
        case .disconnected:
            self.init(.invalidBody, "the connection ended before the body did")
        case .tooSlow:
            self.init(.requestTimeout, "the body came too slowly")
        case .malformed(let reason):
            self.init(.invalidBody, "the body is not framed as it should be: \(reason)")
        }
    }
}
