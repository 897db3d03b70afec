import CartDomain
import Messages

/// What travels between the services.
extension ComponentSchema {
    var logSchema: JSONSchema {
        switch self {
        case .ask, .lower, .extend, .recount: inventoryRequestSchema
        case .held, .refused, .lowered, .holdDue: inventoryResponseSchema
        default: cartRequestSchema
        }
    }

    private var cartRequestSchema: JSONSchema {
        switch self {
        case .checkRequest:
            Self.cartRequest("check", []).described("Tell the cart as it stands.")
        case .lookupRequest:
            Self.cartRequest("lookup", [])
                .described("Tell the outcome of the request that has this request's ID.")
        case .watchRequest:
            Self.cartRequest("watch", [.required("since", .integer(from: -1))])
                .described(
                    """
                    Push changes after that version to the reply partition, for \
                    \(CartRequest.watchLease.components.seconds) seconds; after -1, the cart as it \
                    stands in any case.
                    """)
        case .handOverRequest:
            Self.cartRequest("hand-over", [.required("to", .component(.cartID))])
                .described("Give what is held to another cart: asked by that cart.")
        case .handedRequest:
            Self.cartRequest(
                "handed",
                [
                    .required("from", .component(.cartID)),
                    .required("items", .array(of: .component(.handedItem))),
                ]
            ).described("What another cart gave: the answer.")
        default:
            .object(
                [
                    .required("requestID", .component(.partID).described("The hold's request.")),
                    .required("id", .component(.lineID)),
                    .required("quantity", .component(.quantity)),
                    .required("name", .string()),
                    .optional("country", .component(.country)),
                ] + Self.optionalPrice
            ).described("Pieces that go from one cart to another, with their hold.")
        }
    }

    /// What stands in every message on `cart-request`.
    static func cartRequestEnvelope(
        _ type: String, requestID: ComponentSchema = .requestID
    ) -> [JSONSchema.Field] {
        [
            .required("type", .constant(type)), .required("cartID", .component(.cartID)),
            .required("requestID", .component(requestID)),
            .required("userID", .component(.userID)),
        ]
    }

    private static func cartRequest(
        _ type: String, _ fields: [JSONSchema.Field]
    ) -> JSONSchema {
        // What one cart asks another belongs to a part of a request.
        let requestID: ComponentSchema = type == "hand-over" ? .partID : .requestID
        return .object(cartRequestEnvelope(type, requestID: requestID) + fields)
    }

    private var inventoryRequestSchema: JSONSchema {
        switch self {
        case .ask:
            Self.inventoryRequest(
                "ask",
                [
                    .required("quantity", .component(.quantity)),
                    .required("askUntil", .component(.timestamp)),
                ] + Self.source
            ).described(
                """
                Hold that many pieces, all or none; an ask that comes after its time without being \
                known is refused.
                """)
        case .lower:
            Self.inventoryRequest(
                "lower", [.required("quantity", .component(.heldQuantity))] + Self.source
            ).described("Let the hold shrink to that many pieces; it never grows.")
        case .extend:
            Self.inventoryRequest("extend", [.required("expiresAt", .component(.timestamp))])
                .described("Let what is held last until that moment at least.")
        default:
            Self.inventoryRequest("recount", [])
                .described(
                    "Count anew what is held of the product; of the other fields only its code counts."
                )
        }
    }

    /// The hold of another cart that the pieces come from.
    private static let source: [JSONSchema.Field] = [
        .optional(
            "fromCartID",
            .component(.cartID).described(
                "The cart that the pieces come from: its hold is let go in the same transaction.")),
        .optional("fromRequestID", .component(.partID)),
    ]

    private static func inventoryRequest(
        _ type: String, _ fields: [JSONSchema.Field]
    ) -> JSONSchema {
        inventoryMessage(type, fields + [.required("userID", .component(.userID))])
    }

    private static func inventoryMessage(
        _ type: String, _ fields: [JSONSchema.Field]
    ) -> JSONSchema {
        .object(
            [.required("type", .constant(type))] + fields + [
                .required("cartID", .component(.cartID)),
                .required("requestID", .component(.partID)),
                .required("productCode", .component(.productCode)),
            ])
    }

    private var inventoryResponseSchema: JSONSchema {
        switch self {
        case .held:
            Self.inventoryMessage(
                "held",
                [
                    .required("quantity", .component(.quantity)), .required("name", .string()),
                    .required("expiresAt", .component(.timestamp)),
                ]
            ).described("The ask was granted: that many pieces are held until then.")
        case .refused:
            Self.inventoryMessage(
                "refused",
                [
                    .required(
                        "reason", .string(oneOf: InventoryRefusal.allCases.map(\.rawValue))),
                    .required(
                        "available", .integer().described("What could have been held then.")),
                ]
            ).described("The ask was refused.")
        case .lowered:
            Self.inventoryMessage("lowered", [.required("quantity", .component(.heldQuantity))])
                .described("A lower was carried out: the hold has at most that many pieces now.")
        default:
            Self.inventoryMessage(
                "hold-due",
                [
                    .required("quantity", .component(.heldQuantity)),
                    .required("askQuantity", .component(.heldQuantity)),
                    .required("userID", .component(.userID)),
                ]
            ).described("A hold is past its time: the cart lets it go or extends it.")
        }
    }
}
