import CartDomain
import Messages

/// The carts of users, by the user's ID.
enum UserCartOperations {
    private static let group = "Carts of users"

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
            .userID,
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
            .init(.query, .optional("requestID", .component(.requestID))), .traceparent,
        ],
        answers: [.init(101, "The websocket is open.")],
        problems: [.originNotAllowed] + Problem.Slug.ofCarts)

    static let show = OperationDescription(
        id: "showUsersCart", group: group, summary: "Tells the cart as it stands",
        parameters: [.userID, .ifNoneMatch, .traceparent],
        answers: OperationDescription.Answer.cart(), problems: Problem.Slug.ofCarts)

    static let addItem = OperationDescription(
        id: "addUsersItem", group: group, summary: "Puts pieces into the cart, all or none",
        parameters: [.idempotencyKey, .ifMatch, .traceparent],
        bodies: [
            .init(
                "application/json",
                .object(of: [RestGateway.userField] + AddItem.fields, by: .client),
                example: ["userID": "ada", "productCode": "HRD001", "quantity": 1])
        ],
        answers: OperationDescription.Answer.outcomes("The pieces are held, and in the cart."),
        problems: [.invalidHeader] + Problem.Slug.ofJSON + Problem.Slug.ofCarts)

    static let removeItem = OperationDescription(
        id: "removeUsersItem", group: group, summary: "Takes pieces of a product out of the cart",
        details: "Without a quantity all pieces of the product are taken out.",
        parameters: [
            .init(.path, .required("productCode", .component(.productCode))), .userID,
            .init(.query, .optional("quantity", .component(.quantity))), .idempotencyKey, .ifMatch,
            .traceparent,
        ],
        answers: OperationDescription.Answer.outcomes("The pieces are out of the cart."),
        problems: [.invalidHeader] + Problem.Slug.ofCarts)

    static let lookUpRequest = OperationDescription(
        id: "lookUpUsersRequest", group: group, summary: "Tells what became of a request",
        details: "Any gateway can be asked, for 24 h.",
        parameters: [.requestID, .userID, .traceparent],
        answers: OperationDescription.Answer.lookup(),
        problems: [.unknownRequest, .noAnswer] + Problem.Slug.ofCarts)
}
