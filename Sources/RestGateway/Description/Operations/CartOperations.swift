import Messages

/// Carts over HTTP and by websocket.
enum CartOperations {
    private static let group = "Carts"

    static let updateProduct = OperationDescription(
        id: "updateProduct", group: group,
        summary: "Opens a websocket with its first request",
        details: """
            A quantity above zero adds, below zero removes, zero asks for the cart. The outcome comes \
            as a message; then the websocket takes further requests and tells every change of the \
            cart. `/asyncapi.json` describes the messages. Without an upgrade (RFC 6455) the answer is \
            426.
            """,
        parameters: [
            userID,
            .init(
                .query,
                .optional(
                    "productCode",
                    .component(.productCode).described("Needed unless the quantity is zero."))),
            .init(
                .query,
                .required(
                    "quantity",
                    .integer(
                        in: -QuantityLimits.request.upperBound...QuantityLimits.request.upperBound
                    ).example(0))),
            .init(.query, .optional("requestID", .component(.requestID))), traceparent,
        ],
        answers: [.init(101, "The websocket is open.")],
        problems: [.originNotAllowed] + Problem.Slug.ofCarts)

    static let showCart = OperationDescription(
        id: "showCart", group: group, summary: "Tells the cart as it stands",
        parameters: [userID, traceparent], answers: outcomes("The cart."),
        problems: Problem.Slug.ofCarts)

    static let addItem = OperationDescription(
        id: "addItem", group: group, summary: "Adds pieces of a product, all or none",
        parameters: [idempotencyKey, traceparent],
        bodies: [
            .json(
                .newItem, example: ["userID": "ada", "productCode": "HRD001", "quantity": 1])
        ],
        answers: outcomes("The pieces are held, and in the cart."),
        problems: [.invalidHeader] + Problem.Slug.ofJSON + Problem.Slug.ofCarts)

    static let removeItem = OperationDescription(
        id: "removeItem", group: group, summary: "Takes pieces of a product out of the cart",
        details: "Without a quantity all pieces of the product are taken out.",
        parameters: [
            .init(.path, .required("productCode", .component(.productCode))), userID,
            .init(.query, .optional("quantity", .component(.quantity))), idempotencyKey,
            traceparent,
        ],
        answers: outcomes("The pieces are out of the cart."),
        problems: [.invalidHeader] + Problem.Slug.ofCarts)

    static let lookUpRequest = OperationDescription(
        id: "lookUpRequest", group: group, summary: "Tells what became of a request",
        details: "Any gateway can be asked, for 24 h.",
        parameters: [
            .init(.path, .required("requestID", .component(.requestID))), userID, traceparent,
        ],
        answers: [
            .init(200, "How the request ended, accepted or rejected.", [.json(.outcome)]), later,
        ],
        problems: [.unknownRequest, .noAnswer] + Problem.Slug.ofCarts)

    static let showHistory = OperationDescription(
        id: "showHistory", group: group, summary: "Tells what has happened to a cart",
        parameters: [
            .init(.path, .required("cartID", .component(.cartID))),
            .init(
                .query,
                .optional(
                    "after",
                    .integer(in: 0...Int.max - 1)
                        .described("Only events after this version; the last page's `next`."))),
            .init(
                .query,
                .optional(
                    "limit", .integer(in: 1...1_000).described("How many at most; 100 unless told.")
                )
            ),
        ],
        answers: [.init(200, "Events, oldest first.", [.json(.history)])],
        problems: [.unknownCart, .historyUnavailable])

    /// Who asks.
    static let userID = OperationDescription.Parameter(
        .query, .required("userID", .component(.userID)))

    /// The request's identity.
    static let idempotencyKey = OperationDescription.Parameter(
        .header,
        .optional(
            "Idempotency-Key",
            .component(.requestID).described(
                "The request ID: sent again, the request has the same outcome and counts once.")))

    /// The trace that the request belongs to.
    static let traceparent = OperationDescription.Parameter(
        .header,
        .optional(
            "traceparent",
            .string().described("W3C trace context; one that is malformed is passed over.")))

    private static func outcomes(_ accepted: String) -> [OperationDescription.Answer] {
        [
            .init(200, accepted, [.json(.outcome)]), later,
            .init(409, "Rejected; the reason says why.", [.json(.outcome)]),
            .init(
                422, "Rejected: the request ID was used for another request.", [.json(.outcome)]),
        ]
    }

    private static let later = OperationDescription.Answer(
        202, "Not settled up to the gateway's deadline; ask at `Location`.", [.json(.outcome)],
        headers: [
            .required("Location", .string().described("Where the outcome can be asked for.")),
            .required("Retry-After", .integer(from: 1).described("Seconds.")),
        ])
}
