import CartDomain
import Messages

/// The schemas that both documents name.
///
/// What is on the log, on websockets and in answers is described once. Those of commands come from
/// their registry; see ``CommandSchemas``.
package enum ComponentSchema: String, CaseIterable, Sendable {
    // Identifiers.
    case productCode = "ProductCode"
    case storeID = "StoreID"
    case lineID = "LineID"
    case userID = "UserID"
    case cartID = "CartID"
    case requestID = "RequestID"
    case partID = "PartID"
    case country = "Country"
    case currency = "Currency"
    case quantity = "Quantity"
    case heldQuantity = "HeldQuantity"
    case timestamp = "Timestamp"
    case version = "Version"
    // What is told of carts.
    case cart = "Cart"
    case cartLine = "CartLine"
    case pendingAdd = "PendingAdd"
    case amount = "Amount"
    case totals = "Totals"
    case rejectionReason = "RejectionReason"
    case itemOutcome = "ItemOutcome"
    case outcome = "Outcome"
    case changed = "Changed"
    case errorMessage = "ErrorMessage"
    case problem = "Problem"
    // What clients send.
    case checkMessage = "CheckMessage"
    case productRow = "ProductRow"
    // What else is answered.
    case history = "History"
    case stock = "Stock"
    case loadReport = "LoadReport"
    case dependencies = "Dependencies"
    case serviceState = "ServiceState"
    // What the catalogue tells, and takes.
    case product = "Product"
    case productDetails = "ProductDetails"
    case productPage = "ProductPage"
    case price = "Price"
    case productFields = "ProductFields"
    case productPatch = "ProductPatch"
    case productChanged = "ProductChanged"
    case productRemoved = "ProductRemoved"
    // Messages on `cart-request`, besides commands.
    case checkRequest = "CheckRequest"
    case lookupRequest = "LookupRequest"
    case watchRequest = "WatchRequest"
    case handOverRequest = "HandOverRequest"
    case handedRequest = "HandedRequest"
    case handedItem = "HandedItem"
    // Messages on `inventory-request` and `inventory-request-response`.
    case ask = "Ask"
    case lower = "Lower"
    case extend = "Extend"
    case recount = "Recount"
    case held = "Held"
    case refused = "Refused"
    case lowered = "Lowered"
    case holdDue = "HoldDue"
    // Messages on `cart-event`, besides those of commands.
    case cartEvent = "CartEvent"
    case added = "Added"
    case addRequested = "AddRequested"
    case addConfirmed = "AddConfirmed"
    case addRefused = "AddRefused"
    case removed = "Removed"
    case countriesSet = "CountriesSet"
    case accepted = "Accepted"
    case rejected = "Rejected"
    case itemsRequested = "ItemsRequested"
    case mergeRequested = "MergeRequested"
    case handedOver = "HandedOver"
    case expired = "Expired"
    case shrunk = "Shrunk"
    case disowned = "Disowned"
    case reduction = "Reduction"

    /// What values of that name must be like.
    package var schema: JSONSchema {
        switch self {
        case .productCode, .storeID, .lineID, .userID, .cartID, .requestID, .partID, .country,
            .currency:
            identifierSchema
        case .quantity, .heldQuantity, .timestamp, .version: numberSchema
        case .cart, .cartLine, .pendingAdd, .amount, .totals, .rejectionReason, .itemOutcome,
            .outcome, .changed, .errorMessage:
            cartSchema
        case .problem, .checkMessage, .productRow, .history, .stock, .loadReport, .dependencies,
            .serviceState:
            clientSchema
        case .product, .productDetails, .productPage, .price, .productFields, .productPatch,
            .productChanged, .productRemoved:
            catalogueSchema
        case .checkRequest, .lookupRequest, .watchRequest, .handOverRequest, .handedRequest,
            .handedItem, .ask, .lower, .extend, .recount, .held, .refused, .lowered, .holdDue:
            logSchema
        case .cartEvent, .added, .addRequested, .addConfirmed, .addRefused, .removed,
            .countriesSet, .accepted, .rejected, .itemsRequested, .mergeRequested, .handedOver,
            .expired, .shrunk, .disowned, .reduction:
            eventSchema
        }
    }

    /// All schemas, as a document's `components/schemas`.
    static var components: JSONValue {
        .object(
            allCases.map { JSONValue.Field($0.rawValue, $0.schema.json) }
                + CommandSchemas.all.map { JSONValue.Field($0.name, $0.schema.json) })
    }
}

extension ComponentSchema {
    private static let code = "[A-Za-z0-9._-]+"

    private var identifierSchema: JSONSchema {
        switch self {
        case .productCode:
            .string(length: 1...ProductCode.lengthMax, pattern: "^\(Self.code)$")
                .described("The code under which a product is sold, compared byte by byte.")
                .example("HRD001")
        case .storeID:
            .string(length: 1...StoreID.lengthMax, pattern: "^\(Self.code)$")
                .described("A store of the shop, as the shop knows it.").example("zagreb-1")
        case .lineID:
            .string(
                length: 1...ProductCode.lengthMax + 1 + StoreID.lengthMax,
                pattern:
                    "^[A-Za-z0-9._-]{1,\(ProductCode.lengthMax)}(@[A-Za-z0-9._-]{1,\(StoreID.lengthMax)})?$"
            )
            .described("A line of a cart: a product code, with `@` and a store ID if it has one.")
            .example("HRD001")
        case .userID:
            .string(length: 1...UserID.lengthMax, pattern: "^[!-~]+$")
                .described("A shopper, as the shop knows one: visible ASCII characters.")
                .example("ada")
        case .cartID:
            .string(
                length: 36...36,
                pattern:
                    "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
                format: "uuid"
            )
            .described("A cart; told in lower case.")
            .example("b0f9ebfc-e81b-5c3b-b52b-675e586ce550")
        case .partID:
            .string(
                length: 1...RequestID.lengthMaxOfPart,
                pattern: "^[A-Za-z0-9._:-]{1,\(RequestID.lengthMax)}(/[A-Za-z0-9._-]{1,36})?$"
            )
            .described("A request within its cart, or with a slash a part of one.")
            .example("order-17")
        case .country:
            .string(pattern: "^[A-Z]{2}$").described("A country, by ISO 3166-1.").example("HR")
        case .currency:
            .string(pattern: "^[A-Z]{3}$").described("A currency, by ISO 4217.").example("EUR")
        default:
            .string(length: 1...RequestID.lengthMax, pattern: "^[A-Za-z0-9._:-]+$")
                .described(
                    "A request within its cart; sent again, it has the same outcome for 24 h."
                )
                .example("order-17")
        }
    }

    private var numberSchema: JSONSchema {
        switch self {
        case .quantity:
            .integer(in: QuantityLimits.request).described("Pieces.").example(1)
        case .heldQuantity:
            .integer(in: QuantityLimits.held).described("Pieces; none are left at 0.")
        case .timestamp:
            .integer().described("Milliseconds since 1970-01-01T00:00:00Z.")
                .example(1_700_000_000_000)
        default:
            .integer(from: 0)
                .described("How many events a cart has had; what is told of it is ordered by that.")
        }
    }
}
