/// What shoppers do in a load test.
package enum Scenario: String, CaseIterable, Sendable {
    /// Adds of one piece, evenly over products that do not run out.
    case uniform
    /// Adds of one piece of one product that does not run out.
    case hot
    /// Everybody wants one of a few pieces: users come in waves, each of which connects, asks and leaves.
    case flashSale = "flash-sale"
    /// For each product's only piece several users race, who ask at once.
    case lastItem = "last-item"
    /// Shop traffic: adds, removes, checks, and the same over REST; products run out.
    case mixed
    /// The same for long, with shoppers that come and go.
    case soak

    /// Whether each user asks once, in waves, instead of again and again up to an end.
    package var isInWaves: Bool {
        switch self {
        case .flashSale, .lastItem: true
        case .uniform, .hot, .mixed, .soak: false
        }
    }

    /// Whether something is removed, so that pieces come back.
    var hasRemoves: Bool { self == .mixed || self == .soak }

    /// What it does unless told otherwise.
    package var standard: Standard {
        switch self {
        case .uniform: Standard(users: 2_000, products: 1_000, stock: 1_000_000_000)
        case .hot: Standard(users: 2_000, products: 1, stock: 1_000_000_000)
        case .flashSale: Standard(users: 100_000, products: 1, stock: 1_000)
        case .lastItem: Standard(users: 1_000, products: 200, stock: 1)
        case .mixed: Standard(users: 1_000, products: 200, stock: 1_000, rate: 500)
        case .soak:
            Standard(users: 500, products: 200, stock: 20_000, rate: 200, minutes: 30)
        }
    }

    /// Defaults of a scenario.
    package struct Standard: Sendable {
        package let users: Int
        package let products: Int
        /// Pieces of each product.
        package let stock: Int
        /// Requests per second; `nil` for as many as are answered.
        package var rate: Double?
        /// How long it lasts; `nil` for 10 seconds.
        package var minutes: Int?
    }
}

/// Everything that a load test is told.
package struct LoadConfiguration: Sendable {
    package var scenario: Scenario
    /// Requests per second; `nil` for as many as are answered.
    package var rate: Double?
    /// How many requests may be unanswered.
    package var inFlightMax: Int
    /// The gateways' base URLs, which shoppers take in turn.
    package var gateways: [String]
    /// The token that may seed the inventory.
    package var adminToken: String
    /// Answers of this time before the duration are told apart; not for waves.
    package var warmUp: Duration
    /// How long requests are sent after the warm-up; not for waves.
    package var duration: Duration
    /// Shoppers with an open websocket; in waves, shoppers in all.
    package var users: Int
    /// Websockets that are open at once.
    package var socketsMax: Int
    package var products: Int
    /// Pieces of each product.
    package var stock: Int
    /// After so many adds a shopper leaves and another one comes; not for waves.
    package var addsPerUser: Int
    /// How long after the last request answers are awaited.
    package var deadline: Duration

    package init(
        scenario: Scenario, rate: Double?, inFlightMax: Int, gateways: [String],
        adminToken: String, warmUp: Duration, duration: Duration, users: Int, socketsMax: Int,
        products: Int, stock: Int, addsPerUser: Int, deadline: Duration
    ) {
        self.scenario = scenario
        self.rate = rate
        self.inFlightMax = inFlightMax
        self.gateways = gateways
        self.adminToken = adminToken
        self.warmUp = warmUp
        self.duration = duration
        self.users = users
        self.socketsMax = socketsMax
        self.products = products
        self.stock = stock
        self.addsPerUser = addsPerUser
        self.deadline = deadline
    }

    /// How many shoppers ask for each product of a race.
    package var rivals: Int { scenario == .lastItem ? max(users / products, 1) : 1 }
}
