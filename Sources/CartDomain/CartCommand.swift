package import Messages

/// A kind of request that changes a cart, and how the cart decides it.
///
/// A command is one file in `Commands` and one line in ``CommandRegistry``. Its REST routes, its
/// websocket action, its message on `cart-request` and its descriptions follow from
/// ``specification`` and ``FieldCoded/fields``.
package protocol CartCommand: FieldCoded {
    /// What the command writes that no event of the cart's own can say.
    associatedtype Change: CartChange = NoChange

    /// The command's line in the registry; without one it does not build.
    static var registration: KeyPath<CommandRegistry, Registered<Self>> { get }

    /// The command's name, meaning and routes.
    static var specification: CommandSpecification { get }

    /// Decides what happens to the cart; nothing where it is already as asked.
    ///
    /// It is called for new requests only, and has to be pure.
    ///
    /// - Throws: why the cart does not do it; that is remembered as the request's outcome.
    func decide(
        on cart: Cart, _ context: CommandContext
    ) throws(RejectionReason) -> [CartFact]

    /// The product of the one ask that the command makes, whatever the cart is like, unless the cart
    /// turns it down.
    ///
    /// Only such an ask may leave before the cart's event is stored: should the request be decided
    /// again, on a cart that has changed, it is the same ask or none. `nil`: asks wait.
    var earlyAsk: ProductCode? { get }

    /// The cart that decides it, and what it is asked, where that is not the cart it was sent to.
    func readdressed(from cart: CartID) -> (cartID: CartID, userID: UserID, command: Self)?
}

extension CartCommand {
    package func readdressed(
        from cart: CartID
    ) -> (cartID: CartID, userID: UserID, command: Self)? { nil }

    package var earlyAsk: ProductCode? { nil }

    /// The command's name on the log and on websockets.
    package static var name: String { specification.name }
}

/// What a command is called, what it is for, and where clients send it.
package final class CommandSpecification: Sendable {
    /// The name on the log, and the action on websockets.
    package let name: String
    /// What it does, in one sentence.
    package let summary: String
    /// What more there is to know.
    package let details: String
    /// Its routes below the path of a cart.
    package let routes: [CommandRoute]
    /// Fields that only the log carries.
    package let logOnly: Set<String>

    package init(
        name: String, summary: String, details: String = "", routes: [CommandRoute],
        logOnly: Set<String> = []
    ) {
        self.name = name
        self.summary = summary
        self.details = details
        self.routes = routes
        self.logOnly = logOnly
    }
}

/// A way to send a command over HTTP.
package struct CommandRoute: Sendable {
    package let method: String
    /// Below the path of a cart; a segment in braces is the field of that name.
    package let path: String
    /// Fields that the route sets by itself.
    package let fixed: [String: FieldValue]
    /// Fields that the route wants although the command can do without.
    package let requires: Set<String>

    package init(
        _ method: String, _ path: String, fixed: [String: FieldValue] = [:],
        requires: Set<String> = []
    ) {
        self.method = method
        self.path = path
        self.fixed = fixed
        self.requires = requires
    }

    /// The fields that stand in the path.
    package var pathFields: [String] {
        path.split(separator: "/").filter { $0.hasPrefix("{") }
            .map { String($0.dropFirst().dropLast()) }
    }
}

/// What a command may know besides the cart.
package struct CommandContext: Sendable {
    package let requestID: RequestID
    package let userID: UserID
    /// The moment that the events will bear.
    package let now: Timestamp
    /// Until when the inventory may place holds.
    package let askUntil: Timestamp
    /// Where the asker reads.
    package let replyPartition: Int?
    /// Of the command.
    package let fingerprint: Fingerprint
    /// The version that the cart has to have, if the request says so.
    package let ifVersion: Int?
    /// What is known of products.
    package let offers: any OfferBook

    package init(
        requestID: RequestID, userID: UserID, now: Timestamp, askUntil: Timestamp,
        replyPartition: Int?, fingerprint: Fingerprint, ifVersion: Int? = nil,
        offers: any OfferBook
    ) {
        self.fingerprint = fingerprint
        self.requestID = requestID
        self.userID = userID
        self.now = now
        self.askUntil = askUntil
        self.replyPartition = replyPartition
        self.ifVersion = ifVersion
        self.offers = offers
    }
}

/// An event before it has its place in the cart's history.
package struct CartFact: Hashable, Sendable {
    /// The request, or the part of it, that it belongs to.
    package let requestID: RequestID
    package let kind: CartEvent.Kind

    package init(_ requestID: RequestID, _ kind: CartEvent.Kind) {
        self.requestID = requestID
        self.kind = kind
    }
}

/// Where prices and names of products are looked up.
package protocol OfferBook: Sendable {
    /// The product's entry; `nil` if it is not in the catalogue.
    func offer(of productCode: ProductCode) -> Offer?
}

/// What the catalogue says of a product.
package struct Offer: Hashable, Sendable {
    package let name: String
    /// `nil` where it has none yet.
    package let price: Price?
    /// Whether it can be bought now.
    package let isActive: Bool
    /// Whether it is a delivery, not a thing.
    package let isDelivery: Bool

    package init(name: String, price: Price?, isActive: Bool, isDelivery: Bool) {
        self.name = name
        self.price = price
        self.isActive = isActive
        self.isDelivery = isDelivery
    }
}

/// A catalogue without entries: nothing has a price.
package struct NoOffers: OfferBook {
    package init() {}

    package func offer(of productCode: ProductCode) -> Offer? { nil }
}
