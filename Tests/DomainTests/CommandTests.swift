import Messages
import Testing

@testable import CartDomain
@testable import Simulation

/// A catalogue of a few products, in two currencies, and of deliveries.
private struct Shop: OfferBook {
    func offer(of productCode: ProductCode) -> Offer? {
        switch productCode.text {
        case "DRILL": Offer(name: "Drill", price: euro(1_990), isActive: true, isDelivery: false)
        case "SAW": Offer(name: "Saw", price: euro(500), isActive: true, isDelivery: false)
        case "OLD": Offer(name: "Old", price: euro(1), isActive: false, isDelivery: false)
        case "POST": Offer(name: "Post", price: euro(490), isActive: true, isDelivery: true)
        case "SPADE":
            Offer(
                name: "Spade",
                price: Currency("SEK").flatMap {
                    Price(minorUnits: 9_900, currency: $0, vatRate: 2_500)
                }, isActive: true, isDelivery: false)
        default: nil
        }
    }
}

private let shop = Shop()
private let spade = product("SPADE")
private let post = product("POST")
private let drillInStore = LineID(drill, storeID: StoreID("S1"))

extension Cart {
    /// Adds pieces that the inventory holds at once.
    fileprivate mutating func add(
        _ requestID: String, _ line: LineID, _ quantity: Int, offers: any OfferBook = shop
    ) throws {
        try carryOut(.of(requestID, AddItem(line, quantity: quantity)), offers: offers)
        confirm()
    }

    /// The inventory holds everything that is pending.
    fileprivate mutating func confirm() {
        for add in pending {
            carryOut(
                .held(quantity: add.request.quantity, name: "x"), to: add.requestID,
                of: add.request.productCode)
        }
    }

    fileprivate func kinds(_ request: Request) throws -> [CartEvent.Kind] {
        try decide(request, now: Timestamp(millis: 0), offers: shop).map(\.kind)
    }

    fileprivate func reason(_ request: Request) throws -> RejectionReason? {
        if case .rejected(_, let reason)? = try kinds(request).first { reason } else { nil }
    }
}

@Suite struct CommandTests {
    private func cart() throws -> Cart {
        var cart = Cart(cartID: CartID(of: ann))
        try cart.add("a1", LineID(drill), 2)
        try cart.add("a2", drillInStore, 1)
        try cart.add("a3", LineID(saw), 3)
        return cart
    }

    @Test func `a line is a product and the store that it comes from`() throws {
        let cart = try cart()
        #expect(cart.view.lines.map(\.id) == [LineID(drill), drillInStore, LineID(saw)])
        #expect(cart.view.lines.map { "\($0.id)" } == ["DRILL", "DRILL@S1", "SAW"])
        #expect(cart.view.lines.map(\.quantity) == [2, 1, 3])
        #expect(cart.view.lines.map(\.name) == ["Drill", "Drill", "Saw"])
    }

    @Test func `a higher quantity asks for what is missing, all or none`() throws {
        var cart = try cart()
        try cart.carryOut(.of("q", SetQuantity(LineID(drill), quantity: 5)), offers: shop)
        #expect(cart.pending.map(\.request.quantity) == [3])
        #expect(cart.outcome(of: id("q")) == .pending)
        cart.confirm()
        #expect(cart.quantity(of: LineID(drill)) == 5)
        #expect(cart.quantity(of: drillInStore) == 1)
        #expect(cart.outcome(of: id("q")) == .accepted)
    }

    @Test func `a lower quantity lets go, none takes the line out`() throws {
        var cart = try cart()
        try cart.carryOut(.of("q", SetQuantity(LineID(saw), quantity: 1)), offers: shop)
        #expect(cart.quantity(of: LineID(saw)) == 1)
        #expect(cart.outcome(of: id("q")) == .accepted)
        try cart.carryOut(.of("z", SetQuantity(LineID(saw), quantity: 0)), offers: shop)
        #expect(!cart.lines.contains(LineID(saw)))
    }

    @Test func `a lower quantity keeps what is held, and lets go what is still asked for`() throws {
        var cart = try cart()
        try cart.carryOut(.of("up", SetQuantity(LineID(saw), quantity: 8)), offers: shop)
        try cart.carryOut(.of("down", SetQuantity(LineID(saw), quantity: 3)), offers: shop)
        #expect(cart.outcome(of: id("up")) == .rejected(.cancelled, available: nil))
        #expect(cart.outcome(of: id("down")) == .accepted)
        #expect(cart.view.lines.map(\.quantity) == [2, 1, 3])
        #expect(cart.pending == [])
        try cart.carryOut(.of("up2", SetQuantity(LineID(saw), quantity: 8)), offers: shop)
        try cart.carryOut(
            .of("set", ReplaceItems([ReplaceItems.Item(LineID(saw), quantity: 4)])), offers: shop)
        #expect(cart.pending.map(\.remaining) == [1])
        #expect(cart.view.lines.map(\.quantity) == [3])
    }

    @Test func `a line that is replaced goes where the item says, whatever its quantity`() throws {
        for quantity in [1, 2, 3] {
            var cart = try cart()
            let item = ReplaceItems.Item(
                LineID(drill), quantity: quantity, country: Country("HR"))
            try cart.carryOut(.of("set", ReplaceItems([item])), offers: shop)
            #expect(cart.country(of: LineID(drill))?.code == "HR")
            cart.confirm()
            #expect(cart.view.lines.map(\.country?.code) == ["HR"])
            #expect(cart.view.lines.map(\.quantity) == [quantity])
            // Where it goes already, or is not said, nothing happens.
            let again = try cart.kinds(.of("again", ReplaceItems([item])))
            #expect(again.count == 1)
            let unsaid = ReplaceItems.Item(LineID(drill), quantity: quantity)
            #expect(try cart.kinds(.of("unsaid", ReplaceItems([unsaid]))).count == 1)
        }
    }

    @Test func `what replaces everything may be in another currency`() throws {
        var cart = try cart()
        try cart.carryOut(
            .of("set", ReplaceItems([ReplaceItems.Item(LineID(spade), quantity: 1)])),
            offers: shop)
        cart.confirm()
        #expect(cart.view.lines.map(\.id) == [LineID(spade)])
    }

    @Test func `a request that settles more than a cart remembers has its outcome itself`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        for number in 1...Cart.itemsMax {
            let items = [ReplaceItems.Item(LineID(saw), quantity: number)]
            try cart.carryOut(.of("s\(number)", ReplaceItems(items)))
        }
        #expect(cart.pending.count == Cart.itemsMax && cart.groups.count == Cart.itemsMax)
        try cart.carryOut(.of("all", ReplaceItems([])))
        #expect(cart.outcome(of: id("all")) == .settled([]))
        #expect(cart.pending == [] && cart.groups == [])
    }

    @Test func `the same quantity is accepted and changes nothing else`() throws {
        var cart = try cart()
        let view = cart.view
        try cart.carryOut(.of("q", SetQuantity(LineID(saw), quantity: 3)), offers: shop)
        #expect(cart.outcome(of: id("q")) == .accepted)
        #expect(cart.view.lines == view.lines)
        #expect(cart.version == view.version + 1)
    }

    @Test func `a line that is not there has no quantity to set and cannot be removed`() throws {
        let cart = try cart()
        let nail = LineID(product("NAIL"))
        #expect(try cart.reason(.of("q", SetQuantity(nail, quantity: 1))) == .notInCart)
        #expect(try cart.reason(.of("q", SetQuantity(nail, quantity: 0))) == .notInCart)
        #expect(try cart.reason(.of("q", RemoveLine(nail))) == .notInCart)
    }

    @Test func `removing a line leaves the product's other lines`() throws {
        var cart = try cart()
        try cart.carryOut(.of("x", RemoveLine(LineID(drill))))
        #expect(cart.lines == [drillInStore, LineID(saw)])
        try cart.carryOut(.remove(id("y"), drill, quantity: nil))
        #expect(cart.lines == [LineID(saw)])
    }

    @Test func `a request for an older version is turned down and leaves no trace`() throws {
        let cart = try cart()
        let old = Request.of("v", RemoveLine(LineID(saw)), ifVersion: cart.version - 1)
        #expect(throws: Rejection.versionMismatch) {
            _ = try cart.decide(old, now: Timestamp(millis: 0))
        }
        let current = Request.of("v", RemoveLine(LineID(saw)), ifVersion: cart.version)
        #expect(try cart.kinds(current).count == 1)
        // A version that is still to come may come: that the request was early has to be remembered.
        let early = Request.of("v", RemoveLine(LineID(saw)), ifVersion: cart.version + 1)
        #expect(try cart.reason(early) == .versionMismatch)
    }

    @Test func `a repeated request is known whatever version it asks for`() throws {
        var cart = try cart()
        let request = Request.of("v", RemoveLine(LineID(saw)), ifVersion: cart.version)
        try cart.carryOut(request)
        #expect(try cart.decide(request, now: Timestamp(millis: 0)) == [])
    }

    @Test func `what is not for sale, or in another currency, is turned down`() throws {
        let cart = try cart()
        func reason(_ code: ProductCode) throws -> RejectionReason? {
            try cart.reason(.of("q", AddItem(LineID(code), quantity: 1)))
        }
        #expect(try reason(product("OLD")) == .inactiveProduct)
        #expect(try reason(post) == .inactiveProduct)
        #expect(try reason(spade) == .currencyMismatch)
        #expect(try reason(saw) == nil)
        #expect(try reason(product("UNPRICED")) == nil)
    }

    @Test func `every field of every command comes back as it was written`() throws {
        for command in samples {
            let request = CartRequest(
                cartID: CartID(of: ann), requestID: id("r"), userID: ann,
                action: .command(command), ifVersion: 3)
            let read = try CartRequest(
                decoding: request.encoded(), replyPartition: nil, traceparent: nil)
            #expect(read == request)
        }
        let names = Set(samples.map { type(of: $0).name })
        #expect(names == Set(CommandRegistry.commands.map(\.specification.name)))
    }

    @Test func `no field of a command has a name that the message around it uses`() {
        for command in CommandRegistry.commands {
            let reserved = CartRequest.envelope.union(["action"])
                .subtracting(command.specification.name == "merge" ? ["userID"] : [])
            for field in command.fields { #expect(!reserved.contains(field.name)) }
            for route in command.specification.routes {
                for name in route.pathFields + Array(route.fixed.keys) + Array(route.requires) {
                    #expect(
                        command.fields.contains { $0.name == name || $0.alias == name },
                        "\(command.specification.name) has no field \(name)")
                }
            }
        }
    }

    private var samples: [any CartCommand] {
        [
            AddItem(drillInStore, quantity: 3, country: swedish), AddItem(LineID(saw), quantity: 1),
            RemoveProduct(drill, quantity: nil), RemoveProduct(drill, quantity: 2),
            RemoveLine(drillInStore), SetQuantity(drillInStore, quantity: 0),
            ReplaceItems([]),
            ReplaceItems([
                .init(drillInStore, quantity: 0), .init(LineID(saw), quantity: 9, country: swedish),
            ]),
            MergeCart.from(CartID(of: bob)), AddDelivery(post),
            AddDelivery(post, items: [drillInStore, LineID(saw)]), RemoveDelivery(7),
            SetPickupPoint(
                2,
                PickupPoint(
                    id: "p", name: "Kiosk", address: "Road 1", city: "Umeå", zip: "903 25",
                    country: swedish)),
        ]
    }
}

@Suite struct ReplaceItemsTests {
    @Test func `lines are added, lowered, left and taken out at once`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        try cart.add("a1", LineID(drill), 2)
        try cart.add("a2", LineID(saw), 3)
        try cart.add("a3", drillInStore, 1)
        let nail = LineID(product("NAIL"))
        try cart.carryOut(
            .of(
                "s",
                ReplaceItems([
                    .init(LineID(drill), quantity: 1), .init(drillInStore, quantity: 1),
                    .init(nail, quantity: 4), .init(LineID(spade), quantity: 1),
                ])), offers: shop)
        #expect(cart.outcome(of: id("s")) == .pending)
        #expect(cart.held.map(\.quantity) == [1, 1])
        cart.confirm()
        #expect(cart.lines == [LineID(drill), drillInStore, nail])
        guard case .settled(let items)? = cart.outcome(of: id("s")) else {
            Issue.record("not settled")
            return
        }
        #expect(items.map(\.status) == [.accepted, .accepted, .accepted, .rejected])
        #expect(items.map(\.reason) == [nil, nil, nil, .currencyMismatch])
        #expect(cart.groups == [])
    }

    @Test func `an item that is refused leaves its line as it was`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        try cart.add("a1", LineID(drill), 2)
        try cart.carryOut(.of("s", ReplaceItems([.init(LineID(drill), quantity: 9)])))
        cart.carryOut(.refused(.outOfStock, available: 4), to: id("s").part(1), of: drill)
        #expect(cart.quantity(of: LineID(drill)) == 2)
        #expect(
            cart.outcome(of: id("s"))
                == .settled([
                    ItemOutcome(
                        line: LineID(drill), quantity: 9, .rejected, reason: .outOfStock,
                        available: 4)
                ]))
    }

    @Test func `an item whose pieces are taken back is cancelled, which settles the request`()
        throws
    {
        var cart = Cart(cartID: CartID(of: ann))
        try cart.carryOut(.of("s", ReplaceItems([.init(LineID(drill), quantity: 9)])))
        try cart.carryOut(.remove(id("x"), drill, quantity: nil))
        guard case .settled(let items)? = cart.outcome(of: id("s")) else {
            Issue.record("not settled")
            return
        }
        #expect(items.map(\.reason) == [.cancelled])
    }

    @Test func `no items empty the cart`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        try cart.add("a1", LineID(drill), 2)
        try cart.carryOut(.of("s", ReplaceItems([])))
        #expect(cart.lines == [])
        #expect(cart.outcome(of: id("s")) == .settled([]))
    }

    @Test func `products of two currencies in one request: the first decides`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        try cart.carryOut(
            .of(
                "s",
                ReplaceItems([
                    .init(LineID(drill), quantity: 1), .init(LineID(spade), quantity: 1),
                ])), offers: shop)
        #expect(cart.pending.map(\.request.productCode) == [drill])
    }

    @Test func `what leaves the cart takes its currency along`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        try cart.add("a1", LineID(drill), 2)
        try cart.carryOut(.of("d", AddDelivery(post)), offers: shop)
        try cart.carryOut(.of("s", ReplaceItems([.init(LineID(spade), quantity: 1)])), offers: shop)
        cart.confirm()
        #expect(cart.lines == [LineID(spade)])
        #expect(cart.currency?.code == "SEK")
        #expect(cart.view.totals?.cart.total == 9_900)
        // What stays keeps it, named or refused.
        try cart.carryOut(
            .of(
                "t",
                ReplaceItems([
                    .init(LineID(drill), quantity: 1), .init(LineID(spade), quantity: 1),
                ])), offers: shop)
        #expect(cart.pending.isEmpty && cart.lines == [LineID(spade)])
        try cart.carryOut(
            .of(
                "u",
                ReplaceItems([
                    .init(LineID(drill), quantity: 1), .init(LineID(spade), quantity: 0),
                ])), offers: shop)
        #expect(cart.pending.map(\.request.productCode) == [drill])
    }

    @Test func `what leaves a full cart makes room`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        let lines = (0..<2 * Cart.itemsMax).map { LineID(product("N\($0)")) }
        for (index, line) in lines.enumerated() { try cart.add("a\(index)", line, 1) }
        #expect(cart.isFull)
        try cart.carryOut(.of("s", ReplaceItems([.init(LineID(drill), quantity: 1)])), offers: shop)
        #expect(cart.pending.map(\.request.productCode) == [drill])
    }

    @Test func `a line stands once`() {
        let json = #"{"items":[{"sku":"A","quantity":1},{"productCode":"A","quantity":2}]}"#
        #expect(throws: FieldProblem.self) {
            try ReplaceItems(
                FieldValues(
                    JSONValue.fields(of: Array(json.utf8)), as: ReplaceItems.fields, envelope: []))
        }
    }
}
