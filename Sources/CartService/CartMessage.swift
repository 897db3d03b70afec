import CartDomain
import Messages

/// What a cart is given to work on.
enum CartMessage: Sendable {
    case request(CartRequest)
    case answer(InventoryResponse)

    /// Whether it answers what the cart has asked.
    var isAnswer: Bool {
        switch self {
        case .answer: true
        case .request(let request): if case .handed = request.action { true } else { false }
        }
    }

    /// Whether an ask is made for the request that it is, or for a part of it.
    func causes(_ ask: InventoryRequest) -> Bool {
        ask.cartID == key.cartID
            && (ask.requestID == key.requestID || ask.requestID.whole == key.requestID)
    }

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

extension CartEngine {
    /// A message that was begun; it goes through many hands, so it is one object.
    final class Input: Sendable {
        let origin: MessageOrigin
        let message: CartMessage
        /// The request that it is or answers.
        let key: CartRequestKey
        let raw: RawMessage

        init(origin: MessageOrigin, message: CartMessage, raw: RawMessage) {
            self.origin = origin
            self.message = message
            self.raw = raw
            key = message.key
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
        case turnedDown(RejectionReason)
    }

    var events: [CartEvent] = []
    /// What is owed for requests from now on, in the order in which they came to owe.
    private(set) var owed: [(key: CartRequestKey, obligation: Obligation?)] = []
    private var owedIndexes: [CartRequestKey: Int] = [:]
    /// Requests whose asks may leave before they are stored (rule C5).
    var earlyAsks: Set<CartRequestKey> = []
    /// What is said to the inventory once, and not kept.
    var remarks: [InventoryRequest] = []
    /// What is said to carts, and not kept.
    var cartRequests: [CartRequest] = []
    var replies: [Reply] = []
    /// The gateways that have to be told the cart as it stands now.
    var watchersToTell: Set<Int> = []
    var changesLines = false
    /// Whether so many events have come together that the next reader should not need them.
    var isSnapshotDue = false

    /// Notes what is owed for a request from now on; `nil`: nothing any more.
    mutating func owe(_ key: CartRequestKey, _ obligation: Obligation?) {
        if let index = owedIndexes[key] {
            owed[index].obligation = obligation
        } else {
            owedIndexes[key] = owed.count
            owed.append((key, obligation))
        }
    }

    /// Whether the first event takes the place of that of the add which is not stored yet.
    var replacesUnstored: Bool {
        if case .added = events.first?.kind { true } else { false }
    }

    /// Whether each of so many messages was a request whose ask may leave before it is stored, and
    /// nothing else came of them.
    func isOfEarlyAsks(_ messageCount: Int) -> Bool {
        earlyAsks.count == messageCount && events.count == messageCount
            && owed.count == messageCount && remarks.isEmpty && cartRequests.isEmpty
            && replies.isEmpty && watchersToTell.isEmpty && !isSnapshotDue
    }

    /// Whether the turn changes what is owed for the request.
    func changesDebt(for key: CartRequestKey) -> Bool { owedIndexes[key] != nil }
}

/// What the store tells of a cart's requests where the cart itself cannot.
struct CartRecall {
    /// Requests that the cart has forgotten.
    var entries: [RequestID: RequestMemory.Entry] = [:]
    /// Where the first askers of answered requests read, for answers that come again.
    var askers: [RequestID: Int] = [:]
    /// What was given to other carts before.
    var handOvers: [RequestID: HandOver] = [:]
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
        case .outcome(.settled(let items)):
            .outcome(requestID, .accepted, reason: nil, message: nil, cart: cart, items: items)
        case .outcome(.rejected(let reason, let available)):
            .outcome(
                requestID, .rejected, reason: reason,
                message: reason.message(available: available), cart: cart)
        case .unknown:
            .outcome(requestID, .unknown, reason: nil, message: nil, cart: cart)
        case .turnedDown(let reason):
            .outcome(
                requestID, .rejected, reason: reason, message: reason.message(available: nil),
                cart: cart)
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
        case .versionMismatch: "the cart has changed meanwhile"
        case .inactiveProduct: "the product is not for sale now"
        case .currencyMismatch: "the product's price is in another currency than the cart's"
        case .unknownProvider: "the catalogue has no such delivery"
        case .unknownDelivery: "the cart has no such delivery"
        case .noLines: "there is no line to be delivered"
        case .sameCart: "a cart cannot be merged into itself"
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

extension CartEvent.Kind {
    /// Where the asker of the request reads that the event begins.
    var replyPartition: Int? {
        switch self {
        case .added(let request), .addRequested(let request): request.replyPartition
        case .itemsRequested(let group): group.replyPartition
        case .mergeRequested(let merge): merge.replyPartition
        default: nil
        }
    }
}

extension Rejection {
    /// The reason that a client is told.
    var reason: RejectionReason {
        switch self {
        case .requestIDReused: .requestIDReused
        case .versionMismatch: .versionMismatch
        }
    }
}
