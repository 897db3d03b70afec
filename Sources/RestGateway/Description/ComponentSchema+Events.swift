import Messages

/// What has happened to carts.
extension ComponentSchema {
    /// The kinds of events.
    static let events: [ComponentSchema] = [
        .addRequested, .addConfirmed, .addRefused, .removed, .rejected, .expired, .shrunk,
        .disowned,
    ]

    var eventSchema: JSONSchema {
        switch self {
        case .cartEvent:
            .oneOf(Self.events.map { .component($0) })
                .described("Something that happened to a cart; the cart is the sum of its events.")
        case .reduction:
            .object([
                .required("requestID", .component(.requestID)),
                .required("to", .component(.heldQuantity)),
            ])
            .described("A hold or a pending request, and how many of its pieces stay.")
        case .addRequested:
            Self.event(
                "add-requested",
                [
                    .required("productCode", .component(.productCode)),
                    .required("quantity", .component(.quantity)),
                    .required("userID", .component(.userID)),
                    .required("askUntil", .component(.timestamp)),
                    .optional(
                        "replyTo", .integer(from: 0).described("Where the asker reads its answer.")),
                ]
            ).described("Pieces were asked for; the inventory is asked until `askUntil`.")
        case .addConfirmed:
            Self.event("add-confirmed", [.required("name", .string())])
                .described(
                    "The pieces asked for are held; those not taken back meanwhile are in the cart."
                )
        case .addRefused:
            Self.event(
                "add-refused",
                [
                    .required("reason", .component(.rejectionReason)),
                    .required("available", .integer()),
                ]
            ).described("The pieces asked for cannot be held.")
        default: laterEventSchema
        }
    }

    private var laterEventSchema: JSONSchema {
        switch self {
        case .removed:
            Self.event(
                "removed",
                [
                    .required("productCode", .component(.productCode)),
                    .optional("quantity", .component(.quantity)),
                    .required("holds", .array(of: .component(.reduction))),
                    .required("pending", .array(of: .component(.reduction))),
                ]
            ).described("Pieces were taken out: of holds and of pending requests.")
        case .rejected:
            Self.event(
                "rejected",
                [
                    .required("action", .string(oneOf: ["add", "remove"])),
                    .required("productCode", .component(.productCode)),
                    .optional("quantity", .component(.quantity)),
                    .required("reason", .component(.rejectionReason)),
                ]
            ).described("A request was turned down by the cart itself.")
        case .expired:
            Self.event("expired", [])
                .described("The time of the request's hold was up: its pieces are let go.")
        case .shrunk:
            Self.event("shrunk", [.required("quantity", .component(.heldQuantity))])
                .described("The inventory turned out to hold only so many pieces for the request.")
        default:
            Self.event(
                "disowned",
                [
                    .required("productCode", .component(.productCode)),
                    .required("quantity", .component(.heldQuantity)),
                    .required("userID", .component(.userID)),
                ]
            ).described(
                """
                The inventory held pieces for a request that had not come: they are let go, and the \
                request is too late should it still come.
                """)
        }
    }

    private static func event(_ type: String, _ fields: [JSONSchema.Field]) -> JSONSchema {
        .object(
            [
                .required("type", .constant(type)), .required("cartID", .component(.cartID)),
                .required("version", .component(.version)),
                .required("requestID", .component(.requestID)),
                .required("at", .component(.timestamp)),
            ] + fields)
    }
}
