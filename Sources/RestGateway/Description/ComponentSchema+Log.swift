import Messages

/// What travels between the services.
extension ComponentSchema {
    var logSchema: JSONSchema {
        switch self {
        case .addRequest:
            Self.cartRequest(
                "add",
                [
                    .required("productCode", .component(.productCode)),
                    .required("quantity", .component(.quantity)),
                ]
            ).described("Put that many pieces into the cart, all or none.")
        case .removeRequest:
            Self.cartRequest(
                "remove",
                [
                    .required("productCode", .component(.productCode)),
                    .optional("quantity", .component(.quantity)),
                ]
            ).described("Take that many pieces out, or without a quantity all of the product.")
        case .checkRequest:
            Self.cartRequest("check", []).described("Tell the cart as it stands.")
        case .lookupRequest:
            Self.cartRequest("lookup", [])
                .described("Tell the outcome of the request that has this request's ID.")
        case .watchRequest:
            Self.cartRequest("watch", [.required("since", .component(.version))])
                .described(
                    """
                    Push changes after that version to the reply partition, for \
                    \(CartRequest.watchLease.components.seconds) seconds.
                    """)
        case .ask, .lower, .extend, .recount: inventoryRequestSchema
        default: inventoryResponseSchema
        }
    }

    private static func cartRequest(
        _ type: String, _ fields: [JSONSchema.Field]
    ) -> JSONSchema {
        .object(
            [
                .required("type", .constant(type)), .required("cartID", .component(.cartID)),
                .required("requestID", .component(.requestID)),
                .required("userID", .component(.userID)),
            ] + fields)
    }

    private var inventoryRequestSchema: JSONSchema {
        switch self {
        case .ask:
            Self.inventoryRequest(
                "ask",
                [
                    .required("quantity", .component(.quantity)),
                    .required("askUntil", .component(.timestamp)),
                ]
            ).described(
                """
                Hold that many pieces, all or none; an ask that comes after its time without being \
                known is refused.
                """)
        case .lower:
            Self.inventoryRequest("lower", [.required("quantity", .component(.heldQuantity))])
                .described("Let the hold shrink to that many pieces; it never grows.")
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

    private static func inventoryRequest(
        _ type: String, _ fields: [JSONSchema.Field]
    ) -> JSONSchema {
        .object(
            [.required("type", .constant(type))] + fields + [
                .required("cartID", .component(.cartID)),
                .required("requestID", .component(.requestID)),
                .required("userID", .component(.userID)),
                .required("productCode", .component(.productCode)),
            ])
    }

    private var inventoryResponseSchema: JSONSchema {
        switch self {
        case .held:
            Self.inventoryResponse(
                "held",
                [
                    .required("quantity", .component(.quantity)), .required("name", .string()),
                    .required("expiresAt", .component(.timestamp)),
                ]
            ).described("The ask was granted: that many pieces are held until then.")
        case .refused:
            Self.inventoryResponse(
                "refused",
                [
                    .required(
                        "reason", .string(oneOf: InventoryRefusal.allCases.map(\.rawValue))),
                    .required(
                        "available", .integer().described("What could have been held then.")),
                ]
            ).described("The ask was refused.")
        case .lowered:
            Self.inventoryResponse("lowered", [.required("quantity", .component(.heldQuantity))])
                .described("A lower was carried out: the hold has at most that many pieces now.")
        default:
            Self.inventoryResponse(
                "hold-due",
                [
                    .required("quantity", .component(.heldQuantity)),
                    .required("askQuantity", .component(.heldQuantity)),
                    .required("userID", .component(.userID)),
                ]
            ).described("A hold is past its time: the cart lets it go or extends it.")
        }
    }

    private static func inventoryResponse(
        _ type: String, _ fields: [JSONSchema.Field]
    ) -> JSONSchema {
        .object(
            [.required("type", .constant(type))] + fields + [
                .required("cartID", .component(.cartID)),
                .required("requestID", .component(.requestID)),
                .required("productCode", .component(.productCode)),
            ])
    }
}
