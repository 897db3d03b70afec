import CartDomain
import Messages
import Testing

@testable import CartService
@testable import Simulation

/// Amounts by a second reckoning: of whole numbers only, digit by digit where they are large.
@Suite struct AmountTests {
    @Test(arguments: [
        (100, 1, 2_500, 20), (1_990, 1, 2_500, 398), (1_990, 3, 2_500, 1_194), (1, 1, 2_500, 0),
        (3, 1, 2_500, 1), (2, 1, 2_500, 0), (5, 1, 1_000, 0), (6, 1, 1_000, 1), (100, 1, 0, 0),
        (200, 1, 10_000, 100), (1, 1, 10_000, 1),
    ])
    func `VAT is rounded to the nearest unit, a half up`(
        minorUnits: Int, quantity: Int, vatRate: Int, vat: Int
    ) throws {
        let currency = try #require(Currency("EUR"))
        let price = try #require(
            Price(minorUnits: minorUnits, currency: currency, vatRate: vatRate))
        #expect(Amount(of: quantity, at: price) == Amount(total: minorUnits * quantity, vat: vat))
    }

    @Test(arguments: UInt64(1)...200)
    func `the error of the VAT is at most half a unit`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let currency = try #require(Currency("EUR"))
        for _ in 0..<200 {
            let price = try #require(
                Price(
                    minorUnits: Int.random(in: Price.minorUnitsLimits, using: &random),
                    currency: currency, vatRate: Int.random(in: Price.vatRateLimits, using: &random)
                ))
            let quantity = Int.random(in: 1...2_000_000, using: &random)
            let amount = Amount(of: quantity, at: price)
            #expect(amount.total == price.minorUnits * quantity)
            // vat · (rate + 1) differs from total · rate by at most half of (rate + 1).
            let exact = Int128(amount.total) * Int128(price.vatRate)
            let divisor = Int128(10_000 + price.vatRate)
            let error = Int128(amount.vat) * divisor - exact
            #expect(2 * error <= divisor && -2 * error < divisor)
            #expect(amount.vat >= 0 && amount.vat <= amount.total)
        }
    }
}

@Suite struct TotalsTests {
    /// Prices that change from call to call.
    private final class Prices: OfferBook {
        let minorUnits: [String: Int]
        let rates: [String: Int]

        init(_ minorUnits: [String: Int], rates: [String: Int] = [:]) {
            self.minorUnits = minorUnits
            self.rates = rates
        }

        func offer(of productCode: ProductCode) -> Offer? {
            let code = productCode.text
            guard let units = minorUnits[code], let currency = Currency("EUR") else { return nil }
            return Offer(
                name: code,
                price: Price(
                    minorUnits: units, currency: currency, vatRate: rates[code] ?? 2_500),
                isActive: true, isDelivery: code.hasPrefix("D-"))
        }
    }

    private func add(_ code: String, _ quantity: Int, to cart: inout Cart, _ prices: Prices) throws
    {
        let requestID = "r\(cart.version)"
        try cart.carryOut(
            .of(requestID, AddItem(LineID(product(code)), quantity: quantity)), offers: prices)
        cart.carryOut(
            .held(quantity: quantity, name: "x"), to: id(requestID), of: product(code))
    }

    @Test func `a cart without prices has no totals`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        #expect(cart.view.totals == nil)
        try add("A", 1, to: &cart, Prices([:]))
        #expect(cart.view.totals == nil)
    }

    @Test func `lines, deliveries and rates add up to the total`() throws {
        let prices = Prices(
            ["A": 1_990, "B": 333, "D-1": 490], rates: ["A": 2_500, "B": 600, "D-1": 2_500])
        var cart = Cart(cartID: CartID(of: ann))
        try add("A", 3, to: &cart, prices)
        try add("B", 7, to: &cart, prices)
        try cart.carryOut(.of("d", AddDelivery(product("D-1"))), offers: prices)
        let totals = try #require(cart.view.totals)
        #expect(totals.items == Amount(total: 5_970 + 2_331, vat: 1_194 + 132))
        #expect(totals.delivery == Amount(total: 490, vat: 98))
        #expect(totals.cart == Amount(total: 8_791, vat: 1_424))
        #expect(totals.rates.map(\.vatRate) == [600, 2_500])
        #expect(totals.rates.map(\.amount.total) == [2_331, 6_460])
        #expect(totals.isComplete)
        // A line without a price is not hidden in a sum that looks complete.
        try add("C", 1, to: &cart, prices)
        #expect(cart.view.totals?.isComplete == false)
        #expect(cart.view.totals?.cart == totals.cart)
    }

    @Test func `a line has the price of the pieces that were added last`() throws {
        var cart = Cart(cartID: CartID(of: ann))
        try add("A", 1, to: &cart, Prices(["A": 100]))
        try add("A", 2, to: &cart, Prices(["A": 90]))
        #expect(cart.view.lines.map(\.price?.minorUnits) == [90])
        #expect(cart.view.totals?.cart.total == 270)
        // Without an entry in the catalogue the line keeps what it had.
        try add("A", 1, to: &cart, Prices([:]))
        #expect(cart.view.totals?.cart.total == 360)
    }

    @Test(arguments: UInt64(1)...100)
    func `after every event the parts of the totals add up`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let codes = ["A", "B", "C", "D-1", "D-2"]
        var cart = Cart(cartID: CartID(of: ann))
        for step in 0..<60 {
            let prices = Prices(
                Dictionary(
                    uniqueKeysWithValues: codes.map { ($0, random.below(1_000_000_001)) }),
                rates: Dictionary(uniqueKeysWithValues: codes.map { ($0, random.below(10_001)) }))
            let code = codes[random.below(3)]
            let line = LineID(product(code))
            switch random.below(6) {
            case 0, 1: try add(code, 1 + random.below(1_000_000), to: &cart, prices)
            case 2: try cart.carryOut(.of("x\(step)", RemoveLine(line)))
            case 3:
                try cart.carryOut(
                    .of("d\(step)", AddDelivery(product("D-\(1 + random.below(2))"))),
                    offers: prices)
            case 4: try cart.carryOut(.of("e\(step)", RemoveDelivery(1 + random.below(4))))
            default:
                try cart.carryOut(
                    .of("q\(step)", SetQuantity(line, quantity: random.below(5))), offers: prices)
            }
            try check(cart.view)
        }
    }

    private func check(_ view: CartView) throws {
        guard let totals = view.totals else {
            #expect(view.lines.allSatisfy { $0.price == nil })
            return
        }
        let lines = view.lines.compactMap(\.amount).reduce(.zero, +)
        #expect(totals.items == lines)
        #expect(totals.rates.map(\.amount).reduce(.zero, +) == totals.cart)
        for line in view.lines {
            let price = try #require(line.price)
            #expect(line.amount?.total == price.minorUnits * line.quantity)
        }
    }
}

@Suite struct DeliveryTests {
    private struct Post: OfferBook {
        func offer(of productCode: ProductCode) -> Offer? {
            Offer(
                name: productCode.text, price: euro(490), isActive: productCode.text != "CLOSED",
                isDelivery: ["POST", "BIKE", "CLOSED"].contains(productCode.text))
        }
    }

    private func cart(_ lines: [LineID]) throws -> Cart {
        var cart = Cart(cartID: CartID(of: ann))
        for (index, line) in lines.enumerated() {
            try cart.carryOut(.of("a\(index)", AddItem(line, quantity: 1)), offers: Post())
            cart.carryOut(
                .held(quantity: 1, name: "x"), to: id("a\(index)"), of: line.productCode)
        }
        return cart
    }

    private func deliveries(_ cart: Cart) -> [[LineID]] {
        (cart.parts[Deliveries.name]?.base as? Deliveries)?.deliveries.map(\.lines) ?? []
    }

    private func reason(_ cart: Cart, _ command: any CartCommand) throws -> RejectionReason? {
        let events = try cart.decide(
            .of("x", command), now: Timestamp(millis: 0), offers: Post())
        if case .rejected(_, let reason)? = events.first?.kind { return reason }
        return nil
    }

    @Test func `without items all lines are delivered that are not yet`() throws {
        var cart = try cart([LineID(drill), LineID(saw)])
        try cart.carryOut(
            .of("d1", AddDelivery(product("POST"), items: [LineID(saw)])), offers: Post())
        try cart.carryOut(.of("d2", AddDelivery(product("BIKE"))), offers: Post())
        #expect(deliveries(cart) == [[LineID(saw)], [LineID(drill)]])
        #expect(try reason(cart, AddDelivery(product("POST"))) == .noLines)
    }

    @Test func `a named line changes its delivery, and an empty delivery is gone`() throws {
        var cart = try cart([LineID(drill), LineID(saw)])
        try cart.carryOut(.of("d1", AddDelivery(product("POST"))), offers: Post())
        try cart.carryOut(
            .of("d2", AddDelivery(product("BIKE"), items: [LineID(drill), LineID(saw)])),
            offers: Post())
        #expect(deliveries(cart) == [[LineID(drill), LineID(saw)]])
        #expect(cart.view.totals?.delivery.total == 490)
    }

    @Test func `a delivery goes with its last line`() throws {
        var cart = try cart([LineID(drill), LineID(saw)])
        try cart.carryOut(.of("d1", AddDelivery(product("POST"))), offers: Post())
        try cart.carryOut(.of("x1", RemoveLine(LineID(drill))))
        #expect(deliveries(cart) == [[LineID(saw)]])
        try cart.carryOut(.of("x2", RemoveLine(LineID(saw))))
        #expect(deliveries(cart) == [])
        #expect(cart.view.totals == nil)
    }

    @Test func `what is no delivery, no line or no number is turned down`() throws {
        let cart = try cart([LineID(drill)])
        #expect(try reason(cart, AddDelivery(saw)) == .unknownProvider)
        #expect(try reason(cart, AddDelivery(product("CLOSED"))) == .unknownProvider)
        #expect(
            try reason(cart, AddDelivery(product("POST"), items: [LineID(saw)])) == .notInCart)
        #expect(try reason(cart, RemoveDelivery(1)) == .unknownDelivery)
        #expect(try reason(Cart(cartID: CartID(of: ann)), AddDelivery(product("POST"))) == .noLines)
    }

    @Test func `numbers are not used again, and a pickup point stays with its delivery`() throws {
        var cart = try cart([LineID(drill)])
        let point = PickupPoint(
            id: "p", name: "Kiosk", address: "Road 1", city: "Umeå", zip: "1", country: swedish)
        try cart.carryOut(.of("d1", AddDelivery(product("POST"))), offers: Post())
        try cart.carryOut(.of("d2", RemoveDelivery(1)))
        try cart.carryOut(.of("d3", AddDelivery(product("BIKE"))), offers: Post())
        try cart.carryOut(.of("d4", SetPickupPoint(2, point)))
        let found = (cart.parts[Deliveries.name]?.base as? Deliveries)?.deliveries
        #expect(found?.map(\.id) == [2])
        #expect(found?.map(\.pickupPoint) == [point])
        #expect(try reason(cart, SetPickupPoint(1, point)) == .unknownDelivery)
        let read = Cart(try CartSnapshot(decoding: cart.snapshot.encoded()))
        #expect(read.view == cart.view)
    }
}
