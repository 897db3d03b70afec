import CartDomain
import Messages

/// What has happened to carts.
extension ComponentSchema {
    /// The kinds of events that are no command's own.
    static let events: [ComponentSchema] = [
        .added, .addRequested, .addConfirmed, .addRefused, .removed, .countriesSet, .accepted,
        .rejected, .itemsRequested, .mergeRequested, .handedOver, .expired, .shrunk, .disowned,
    ]

    var eventSchema: JSONSchema {
        switch self {
        case .cartEvent:
            .oneOf(
                Self.events.map { .component($0) }
                    + CommandSchemas.events.map { .component(named: $0.name) }
            )
            .described("Something that happened to a cart; the cart is the sum of its events.")
        case .reduction:
            .object([
                .required("requestID", .component(.partID)),
                .required("to", .component(.heldQuantity)),
            ])
            .described("A hold or a pending request, and how many of its pieces stay.")
        case .added, .addRequested, .addConfirmed, .addRefused: addSchema
        case .itemsRequested, .mergeRequested, .handedOver: groupSchema
        case .expired, .shrunk, .disowned: holdSchema
        default: settledSchema
        }
    }

    private var addSchema: JSONSchema {
        switch self {
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
        case .added:
            Self.event(
                "added", Self.request(named: .required("name", .string()))
            ).described(
                """
                Pieces were asked for and are held, both at once: `add-requested` and \
                `add-confirmed` in one.
                """)
        default:
            Self.event(
                "add-requested",
                Self.request(
                    named: .optional(
                        "name", .string().described("The product's, by the catalogue.")))
            ).described("Pieces were asked for; the inventory is asked until `askUntil`.")
        }
    }

    /// The fields of a request for pieces.
    private static func request(named name: JSONSchema.Field) -> [JSONSchema.Field] {
        [
            .required("productCode", .component(.productCode)),
            .optional("storeId", .component(.storeID)),
            .required("quantity", .component(.quantity)),
            .required("userID", .component(.userID)),
            .optional("country", .component(.country)), name,
        ] + optionalPrice + [
            .required("askUntil", .component(.timestamp)),
            .optional(
                "fromCartID",
                .component(.cartID).described("The cart that the pieces come from.")),
            .optional("fromRequestID", .component(.partID)), replyTo, optionalFingerprint,
        ]
    }

    private var settledSchema: JSONSchema {
        switch self {
        case .removed:
            Self.event(
                "removed",
                [
                    Self.optionalFingerprint,
                    .required("holds", .array(of: .component(.reduction))),
                    .required("pending", .array(of: .component(.reduction))),
                ]
            ).described("Pieces were taken out: of holds and of pending requests.")
        case .countriesSet:
            Self.event(
                "countries-set",
                [
                    .required(
                        "countries",
                        JSONSchema.map(of: .component(.country)).described("By line."))
                ]
            ).described("The pieces of these lines are to go to other countries now.")
        case .accepted:
            Self.event("accepted", [Self.fingerprintField])
                .described("A request was met that had nothing to change.")
        default:
            Self.event(
                "rejected",
                [Self.optionalFingerprint, .required("reason", .component(.rejectionReason))]
            ).described("A request was turned down by the cart itself.")
        }
    }

    private var groupSchema: JSONSchema {
        switch self {
        case .itemsRequested:
            Self.event(
                "items-requested",
                [
                    Self.fingerprintField, Self.replyTo, Self.outcomes,
                    .optional(
                        "unwanted",
                        .array(
                            of: .object([
                                .required("item", .integer(from: 1)),
                                .required("fromCartID", .component(.cartID)),
                                .required("fromRequestID", .component(.partID)),
                            ])
                        ).described("Holds of another cart that came with rejected items.")),
                ]
            ).described("A request was taken apart into items.")
        case .mergeRequested:
            Self.event(
                "merge-requested",
                [
                    .required("from", .component(.cartID)),
                    .required("userID", .component(.userID)), Self.replyTo, Self.fingerprintField,
                ]
            ).described("Another cart is asked for what it has.")
        default:
            Self.event(
                "handed-over",
                [
                    .required("to", .component(.cartID)),
                    .required("handed", .array(of: .component(.handedItem))),
                ]
            ).described("What was held went to another cart.")
        }
    }

    private var holdSchema: JSONSchema {
        switch self {
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

    private static let replyTo = JSONSchema.Field.optional(
        "replyTo", .integer(from: 0).described("Where the asker reads its answer."))

    private static let outcomes = JSONSchema.Field.required(
        "outcomes", .array(of: .component(.itemOutcome)))

    /// What a request asked for, in short; missing in parts of requests and in old events.
    private static let optionalFingerprint = JSONSchema.Field.optional("fingerprint", fingerprint)

    /// What a request asked for, in short.
    static let fingerprintField = JSONSchema.Field.required("fingerprint", fingerprint)

    private static let fingerprint: JSONSchema = .string(pattern: "^[0-9a-f]{1,16}$")
        .described("What the request asked for, as a hash: a repeated one has to ask the same.")
        .example("1f")

    /// What stands in every event.
    static func eventEnvelope(_ type: String) -> [JSONSchema.Field] {
        [
            .required("type", .constant(type)), .required("cartID", .component(.cartID)),
            .required("version", .component(.version)),
            .required("requestID", .component(.partID)),
            .required("at", .component(.timestamp)),
        ]
    }

    private static func event(_ type: String, _ fields: [JSONSchema.Field]) -> JSONSchema {
        .object(eventEnvelope(type) + fields)
    }
}
