package import Messages

/// What a cart is asked, by a shopper, by a gateway or by another cart: a message on `cart-request`.
package struct CartRequest: Hashable, Sendable {
    /// What is asked.
    package enum Action: Hashable, Sendable {
        /// Change as the command says.
        case command(AnyCartCommand)
        /// Tell the cart as it stands.
        case check
        /// Tell the outcome of the request that has this request's ID.
        case lookup
        /// Push changes after that version to the reply partition, for ``watchLease``; with -1, the
        /// cart as it stands is pushed in any case.
        case watch(since: Int)
        /// Give what is held to another cart: asked by that cart, until it has its answer.
        case handOver(to: CartID)
        /// What another cart gave: the answer.
        case handed([HandedItem], from: CartID)
    }

    /// How long a watch lasts unless it is renewed.
    package static let watchLease = Duration.seconds(90)

    /// The cart that is asked.
    package var cartID: CartID
    /// The request's identity within the cart.
    package var requestID: RequestID
    /// The shopper who asks.
    package var userID: UserID
    /// What is asked.
    package var action: Action
    /// The version that the cart has to have; `nil`: any.
    package var ifVersion: Int?
    /// The partition of `cart-request-response` that the asker reads; travels as a header.
    package var replyPartition: Int?
    /// The W3C trace context; travels as a header.
    package var traceparent: String?

    package init(
        cartID: CartID, requestID: RequestID, userID: UserID, action: Action,
        ifVersion: Int? = nil, replyPartition: Int? = nil, traceparent: String? = nil
    ) {
        self.cartID = cartID
        self.requestID = requestID
        self.userID = userID
        self.action = action
        self.ifVersion = ifVersion
        self.replyPartition = replyPartition
        self.traceparent = traceparent
    }
}

/// Any command.
package struct AnyCartCommand: Hashable, Sendable {
    package let base: any CartCommand
    package let fingerprint: Fingerprint

    package init(_ base: any CartCommand) {
        self.base = base
        fingerprint = Fingerprint(base)
    }

    package static func == (left: AnyCartCommand, right: AnyCartCommand) -> Bool {
        left.fingerprint == right.fingerprint && AnyHashable(left.base) == AnyHashable(right.base)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
}

extension CartRequest.Action {
    /// The action that a command is.
    package static func command(_ command: any CartCommand) -> Self {
        .command(AnyCartCommand(command))
    }

    /// Put that many pieces into the cart.
    package static func add(_ productCode: ProductCode, quantity: Int) -> Self {
        .command(AddItem(LineID(productCode), quantity: quantity))
    }

    /// Take that many pieces out of the cart; `nil`: all of that product.
    package static func remove(_ productCode: ProductCode, quantity: Int?) -> Self {
        .command(RemoveProduct(productCode, quantity: quantity))
    }

    /// The action's name on the log.
    package var name: String {
        switch self {
        case .command(let command): type(of: command.base).name
        case .check: "check"
        case .lookup: "lookup"
        case .watch: "watch"
        case .handOver: "hand-over"
        case .handed: "handed"
        }
    }
}
