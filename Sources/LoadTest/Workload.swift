/// The ways in which a load test asks.
package enum Operation: UInt8, CaseIterable, Sendable {
    case add, remove, check
    case restAdd, restRemove, restCart, restStock

    /// How reports call it.
    package var name: String {
        switch self {
        case .add: "add"
        case .remove: "remove"
        case .check: "check"
        case .restAdd: "REST add"
        case .restRemove: "REST remove"
        case .restCart: "REST cart"
        case .restStock: "REST stock"
        }
    }

    /// Whether it goes over the shopper's websocket.
    var isSocket: Bool { rawValue <= Operation.check.rawValue }
    var isAdd: Bool { self == .add || self == .restAdd }
    var isRemove: Bool { self == .remove || self == .restRemove }
}

/// Chooses what is asked next.
struct Workload: Sendable {
    struct Step: Sendable, Equatable {
        var operation: Operation
        var product: Int
        var quantity: Int
    }

    /// How many products a shopper is interested in: carts stay as small as carts are.
    private static let basket = 5
    /// The shares of shop traffic, in percent.
    private static let mix: [(operation: Operation, percent: Int)] = [
        (.add, 45), (.remove, 15), (.check, 10), (.restAdd, 5), (.restRemove, 5),
        (.restCart, 12), (.restStock, 8),
    ]

    private let scenario: Scenario
    private let products: Int
    private let rivals: Int
    private var random: SplitMix64

    init(_ configuration: LoadConfiguration, seed: UInt64) {
        scenario = configuration.scenario
        products = configuration.products
        rivals = configuration.rivals
        random = SplitMix64(state: seed)
    }

    /// What a shopper asks next.
    ///
    /// - Parameter line: something that lies in the cart and may be removed.
    mutating func next(user: Int, line: (product: Int, quantity: Int)?) -> Step {
        switch scenario {
        case .uniform: return Step(operation: .add, product: interest(of: user), quantity: 1)
        case .hot: return Step(operation: .add, product: 0, quantity: 1)
        case .flashSale:
            return Step(operation: .add, product: user % products, quantity: 1)
        case .lastItem:
            return Step(operation: .add, product: user / rivals % products, quantity: 1)
        case .mixed, .soak:
            var ticket = Int(random.next() % 100)
            for (operation, percent) in Self.mix {
                if ticket < percent { return step(operation, user, line) }
                ticket -= percent
            }
            return step(.add, user, line)
        }
    }

    private mutating func step(
        _ operation: Operation, _ user: Int, _ line: (product: Int, quantity: Int)?
    ) -> Step {
        if operation.isRemove {
            // Who has nothing cannot put anything back.
            guard let line else { return step(.add, user, nil) }
            return Step(operation: operation, product: line.product, quantity: line.quantity)
        }
        let quantity = operation.isAdd ? 1 + Int(random.next() % 3) : 0
        return Step(operation: operation, product: interest(of: user), quantity: quantity)
    }

    /// One of the few products that a shopper wants; over all shoppers, all products alike.
    private mutating func interest(of user: Int) -> Int {
        let choice = UInt64(user * Self.basket) + random.next() % UInt64(Self.basket)
        var hash = SplitMix64(state: choice)
        return Int(hash.next() % UInt64(products))
    }
}

/// A small generator of good numbers: splitmix64 (Steele, Lea, Flood 2014).
struct SplitMix64: RandomNumberGenerator, Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
