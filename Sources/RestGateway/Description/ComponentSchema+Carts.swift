import CartDomain
import Messages

/// What is told of carts.
extension ComponentSchema {
    var cartSchema: JSONSchema {
        switch self {
        case .cart: Self.cartItself
        case .cartLine, .pendingAdd, .amount, .totals: contentsSchema
        default: toldSchema
        }
    }

    private static var cartItself: JSONSchema {
        .object(
            [
                .required("cartID", .component(.cartID)),
                .required("version", .component(.version)),
                .required("lines", .array(of: .component(.cartLine))),
                .required("pending", .array(of: .component(.pendingAdd))),
            ] + CommandSchemas.parts + [
                .optional(
                    "totals",
                    .component(.totals).described("Missing while nothing in the cart has a price."))
            ]
        )
        .described("A cart as it stands.")
    }

    /// The fields of a price, where there may be none.
    static let optionalPrice = Price.fields.map { $0.property(isRequired: false) }

    private var contentsSchema: JSONSchema {
        switch self {
        case .cartLine:
            .object(
                [
                    .required("id", .component(.lineID)),
                    .required("productCode", .component(.productCode)),
                    .optional("storeId", .component(.storeID)),
                    .required("name", .string()),
                    .required("quantity", .component(.quantity)),
                    .optional("country", .component(.country)),
                ] + Self.optionalPrice + [
                    .optional("total", .integer(from: 0).described("What all pieces cost.")),
                    .optional(
                        "vat", .integer(from: 0).described("The VAT that the total includes.")),
                ]
            )
            .described("Pieces of one product, from one store, that are held for the cart.")
        case .pendingAdd:
            .object([
                .required("requestID", .component(.partID)),
                .required("action", .constant("add")),
                .required("id", .component(.lineID)),
                .required("productCode", .component(.productCode)),
                .required("quantity", .component(.quantity)),
            ])
            .described("Pieces of which the inventory has not said yet whether they can be held.")
        case .amount:
            .object(Self.amountFields).described("In minor units of the currency.")
        default:
            .object([
                .required("currency", .component(.currency)),
                .required("items", .component(.amount).described("The lines.")),
                .required("delivery", .component(.amount).described("What else is charged.")),
                .required("total", .integer(from: 0)), .required("vat", .integer(from: 0)),
                .required(
                    "vatRates",
                    .array(
                        of: .object(
                            [
                                .required(
                                    "vatRate",
                                    .integer(in: Price.vatRateLimits)
                                        .described("In hundredths of a percent."))
                            ] + Self.amountFields)
                    ).described("The total by VAT rate, the lowest first.")),
                .required(
                    "isComplete",
                    JSONSchema.boolean.described(
                        "Whether every line has a price; if not, the total lacks those without.")),
            ])
            .described("What a cart costs; each sum is exactly the sum of what it is made of.")
        }
    }

    private static let amountFields: [JSONSchema.Field] = [
        .required("total", .integer(from: 0).described("VAT included.")),
        .required("vat", .integer(from: 0).described("The VAT that the total includes.")),
    ]

    private var toldSchema: JSONSchema {
        switch self {
        case .rejectionReason:
            .string(oneOf: RejectionReason.allCases.map(\.rawValue))
                .described("Why a request was rejected.")
        case .itemOutcome:
            .object([
                .required("id", .component(.lineID)),
                .required("quantity", .component(.heldQuantity).described("As it was asked for.")),
                .required("status", Self.status),
                .optional("reason", .component(.rejectionReason)),
                .optional(
                    "available",
                    .integer().described("What the inventory had, where it refused.")),
            ])
            .described("What became of one item of a request that names several.")
        case .changed:
            .object([
                .required("type", .constant("changed")),
                .required("cart", .component(.cart)),
            ])
            .described("The cart has changed, by whomever.")
        case .errorMessage:
            .object([
                .required("type", .constant("error")),
                .optional("requestID", .component(.requestID)),
                .required("problem", .component(.problem)),
            ])
            .described("A message was not understood or not taken; the websocket stays open.")
        default:
            .object([
                .required("type", .constant("outcome")),
                .required("requestID", .component(.requestID)),
                .required("status", Self.status),
                .optional("reason", .component(.rejectionReason)),
                .optional("message", .string().described("The same for people.")),
                .optional("items", .array(of: .component(.itemOutcome))),
                .optional("cart", .component(.cart)),
            ])
            .described(
                """
                How a request ended, or that it has not yet. Status and reason are fixed for ever; the \
                cart is as it stands now.
                """)
        }
    }

    private static let status = JSONSchema.string(oneOf: RequestStatus.allCases.map(\.rawValue))
}
