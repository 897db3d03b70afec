import CartDomain
import Messages

/// What a cart is given to work on.
enum CartMessage: Sendable {
    case request(CartRequest)
    case answer(InventoryResponse)

    /// The request that it is or answers.
    var key: CartRequestKey {
        switch self {
        case .request(let request):
            CartRequestKey(cartID: request.cartID, requestID: request.requestID)
        case .answer(let answer):
            CartRequestKey(cartID: answer.cartID, requestID: answer.requestID)
        }
    }
}

/// What one turn of a cart wants written and said.
struct CartTurn {
    /// Who is told what of a request.
    struct Reply {
        let requestID: RequestID
        let verdict: Verdict
        let asker: Asker
    }

    /// What is told of a request.
    enum Verdict {
        case outcome(Outcome)
        case unknown
        case reused
    }

    var events: [StoredEvent] = []
    /// What is owed for requests from now on; `nil`: nothing any more.
    var owed: [CartRequestKey: Obligation?] = [:]
    var replies: [Reply] = []
    /// The gateways that have to be told the cart as it stands now.
    var watchersToTell: Set<Int> = []
    var changesLines = false
}

/// A gateway that waits for the outcome of a request.
struct Asker: Hashable, Sendable {
    let replyPartition: Int
    let traceparent: String?
}

extension CartTurn.Verdict {
    /// The answer in the words of the shopper's socket.
    func content(_ requestID: RequestID, _ cart: CartView) -> CartResponse.Content {
        switch self {
        case .outcome(.pending):
            .outcome(requestID, .pending, reason: nil, message: nil, cart: cart)
        case .outcome(.accepted):
            .outcome(requestID, .accepted, reason: nil, message: nil, cart: cart)
        case .outcome(.rejected(let reason, let available)):
            .outcome(
                requestID, .rejected, reason: reason,
                message: reason.message(available: available), cart: cart)
        case .unknown:
            .outcome(requestID, .unknown, reason: nil, message: nil, cart: cart)
        case .reused:
            .outcome(
                requestID, .rejected, reason: .requestIDReused,
                message: RejectionReason.requestIDReused.message(available: nil), cart: cart)
        }
    }
}

extension RejectionReason {
    /// The reason in words for the shopper.
    func message(available: Int?) -> String {
        switch self {
        case .outOfStock:
            switch available {
            case nil, 0: "none left"
            case let available?: "only \(available) left"
            }
        case .unknownProduct: "there is no such product"
        case .tooLate: "the inventory could not be asked in time"
        case .cancelled: "removed before it was held"
        case .notInCart: "the cart does not have that many"
        case .requestIDReused: "the request ID was used before, for another request"
        case .cartFull: "the cart is full"
        case .failed: "the request could not be handled"
        }
    }

    /// The reason of a refusal of the inventory.
    init(_ refusal: InventoryRefusal) {
        self =
            switch refusal {
            case .outOfStock: .outOfStock
            case .unknownProduct: .unknownProduct
            case .tooLate: .tooLate
            case .cancelled: .cancelled
            case .requestIDReused: .requestIDReused
            case .failed: .failed
            }
    }
}
