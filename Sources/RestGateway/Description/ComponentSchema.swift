import Messages

/// The schemas that both documents name: what is on the log, on websockets and in answers is described
/// once.
package enum ComponentSchema: String, CaseIterable, Sendable {
    // Identifiers.
    case productCode = "ProductCode"
    case userID = "UserID"
    case cartID = "CartID"
    case requestID = "RequestID"
    case quantity = "Quantity"
    case heldQuantity = "HeldQuantity"
    case timestamp = "Timestamp"
    case version = "Version"
    // What is told of carts.
    case cart = "Cart"
    case cartLine = "CartLine"
    case pendingAdd = "PendingAdd"
    case rejectionReason = "RejectionReason"
    case outcome = "Outcome"
    case changed = "Changed"
    case errorMessage = "ErrorMessage"
    case problem = "Problem"
    // What clients send.
    case newItem = "NewItem"
    case addMessage = "AddMessage"
    case removeMessage = "RemoveMessage"
    case checkMessage = "CheckMessage"
    case productRow = "ProductRow"
    // What else is answered.
    case history = "History"
    case stock = "Stock"
    case loadReport = "LoadReport"
    case dependencies = "Dependencies"
    case serviceState = "ServiceState"
    // Messages on `cart-request`.
    case addRequest = "AddRequest"
    case removeRequest = "RemoveRequest"
    case checkRequest = "CheckRequest"
    case lookupRequest = "LookupRequest"
    case watchRequest = "WatchRequest"
    // Messages on `inventory-request` and `inventory-request-response`.
    case ask = "Ask"
    case lower = "Lower"
    case extend = "Extend"
    case recount = "Recount"
    case held = "Held"
    case refused = "Refused"
    case lowered = "Lowered"
    case holdDue = "HoldDue"
    // Messages on `cart-event`.
    case cartEvent = "CartEvent"
    case addRequested = "AddRequested"
    case addConfirmed = "AddConfirmed"
    case addRefused = "AddRefused"
    case removed = "Removed"
    case rejected = "Rejected"
    case expired = "Expired"
    case shrunk = "Shrunk"
    case disowned = "Disowned"
    case reduction = "Reduction"

    /// What values of that name must be like.
    package var schema: JSONSchema {
        switch self {
        case .productCode, .userID, .cartID, .requestID, .quantity, .heldQuantity, .timestamp,
            .version:
            identifierSchema
        case .cart, .cartLine, .pendingAdd, .rejectionReason, .outcome, .changed, .errorMessage,
            .problem, .newItem, .addMessage, .removeMessage, .checkMessage, .productRow, .history,
            .stock, .loadReport, .dependencies, .serviceState:
            clientSchema
        case .addRequest, .removeRequest, .checkRequest, .lookupRequest, .watchRequest, .ask,
            .lower, .extend, .recount, .held, .refused, .lowered, .holdDue:
            logSchema
        case .cartEvent, .addRequested, .addConfirmed, .addRefused, .removed, .rejected, .expired,
            .shrunk, .disowned, .reduction:
            eventSchema
        }
    }

    /// All of them, as a document's `components/schemas`.
    static var components: JSONValue {
        .object(allCases.map { JSONValue.Field($0.rawValue, $0.schema.json) })
    }
}

extension ComponentSchema {
    private var identifierSchema: JSONSchema {
        switch self {
        case .productCode:
            .string(length: 1...ProductCode.lengthMax, pattern: "^[A-Za-z0-9._-]+$")
                .described("The code under which a product is sold, compared byte by byte.")
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
        case .requestID:
            .string(length: 1...RequestID.lengthMax, pattern: "^[A-Za-z0-9._:-]+$")
                .described(
                    "A request within its cart; sent again, it has the same outcome for 24 h."
                )
                .example("order-17")
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
