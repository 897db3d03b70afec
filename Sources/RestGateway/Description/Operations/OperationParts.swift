import Messages

/// What several descriptions of operations on carts share.
extension OperationDescription.Parameter {
    /// Whose cart is meant.
    static let userID = Self(.query, .required("userID", .component(.userID)))

    static let requestID = Self(.path, .required("requestID", .component(.requestID)))

    /// The request's identity.
    static let idempotencyKey = Self(
        .header,
        .optional(
            "Idempotency-Key",
            .component(.requestID).described(
                "The request ID: sent again, the request has the same outcome and counts once.")))

    /// The version that the cart has to have.
    static let ifMatch = Self(
        .header,
        .optional(
            "If-Match",
            .string(pattern: #"^(\*|"(0|[1-9][0-9]{0,17})")$"#)
                .described("The `ETag` that the cart has to have; else nothing changes (412).")
                .example("*")))

    /// The version that the client has already.
    static let ifNoneMatch = Self(
        .header,
        .optional(
            "If-None-Match",
            .string().described("The `ETag` that is known already; then the answer is 304.")))

    /// The trace that the request belongs to.
    static let traceparent = Self(
        .header,
        .optional(
            "traceparent",
            .string().described("W3C trace context; one that is malformed is passed over.")))
}

extension OperationDescription.Answer {
    /// What becomes of a request that changes a cart.
    static func outcomes(
        _ accepted: String, headers: [JSONSchema.Field] = []
    ) -> [OperationDescription.Answer] {
        [
            .init(200, accepted, [.json(.outcome)], headers: [entityTag] + headers),
            later(headers),
            .init(
                409, "Rejected; the reason says why.", [.json(.outcome)],
                headers: [entityTag] + headers),
            .init(
                412, "Rejected: the cart has another version than `If-Match` says.",
                [.json(.outcome)], headers: [entityTag] + headers),
            .init(
                422, "Rejected: the request ID was used for another request.", [.json(.outcome)],
                headers: [entityTag] + headers),
        ]
    }

    /// What becomes of a question how a cart stands.
    static func cart(_ headers: [JSONSchema.Field] = []) -> [OperationDescription.Answer] {
        [
            .init(200, "The cart.", [.json(.outcome)], headers: [entityTag] + headers),
            later(headers),
            .init(
                304, "The cart still is as `If-None-Match` says.", headers: [entityTag] + headers),
            .init(409, "The cart could not be asked.", [.json(.outcome)], headers: headers),
        ]
    }

    /// What becomes of a question for a request's outcome.
    static func lookup(_ headers: [JSONSchema.Field] = []) -> [OperationDescription.Answer] {
        [
            .init(
                200, "How the request ended, accepted or rejected.", [.json(.outcome)],
                headers: [entityTag] + headers),
            later(headers),
        ]
    }

    private static func later(_ headers: [JSONSchema.Field]) -> OperationDescription.Answer {
        .init(
            202, "Not settled up to the gateway's deadline; ask at `Location`.", [.json(.outcome)],
            headers: [
                .required("Location", .string().described("Where the outcome can be asked for.")),
                .required("Retry-After", .integer(from: 1).described("Seconds.")), entityTag,
            ] + headers)
    }

    private static let entityTag = JSONSchema.Field.optional(
        "ETag", .string(pattern: #"^"[0-9]+"$"#).described("The cart's version."))
}
