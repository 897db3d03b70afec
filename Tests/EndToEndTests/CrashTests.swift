import Glibc
import Synchronization
import Testing
import WebClient

extension EndToEndTests {
    /// Processes are killed while shoppers shop; afterwards everybody was answered and the books balance.
    @Suite(.installation("crash", gateways: 2, gatewayFlags: ["--request-deadline", "1s"]))
    struct CrashTests {
        @Test(arguments: ["cart-1", "inventory-1", "broker", "gateway-2"])
        func `a process is killed and started again while shoppers shop`(
            name: String
        ) async throws {
            let shop = try Installation.current
            let before = TestEnvironment.uniqueName()
            let kept = try await shop.product(quantity: 5)
            let told = try await shop.open(user: before, product: kept, quantity: 3).outcome()
            #expect(told["status"] == "accepted")

            let crowd = try await Crowd(shop)
            try await crowd.shop {
                try await crowd.waitUntilAnswered(40)
                try await shop.crash(name)
                try await shop.restart(name)
            }
            try await crowd.expectCartsAsTold()
            #expect(try await shop.cart(of: before, gateway: 1) == told["cart"])
            for process in shop.names { try await shop.waitUntilReady(process) }
            try await shop.expectBooksBalance()
        }

        @Test func `one of two cart services is killed and the other takes over`() async throws {
            let shop = try Installation.current
            try await shop.restart("cart-2")
            try await eventually("both own partitions") {
                let one = try await shop.metric("holdfast_cart_partitions", of: "cart-1")
                let two = try await shop.metric("holdfast_cart_partitions", of: "cart-2")
                return one > 0 && two > 0
            }
            let crowd = try await Crowd(shop)
            try await crowd.shop {
                try await crowd.waitUntilAnswered(40)
                try await shop.crash("cart-2")
            }
            try await crowd.expectCartsAsTold()
            try await eventually("it owns all partitions") {
                try await shop.metric("holdfast_cart_partitions", of: "cart-1") == 8
            }
            try await shop.expectBooksBalance()
        }

        @Test func `a cart service that was paused and wakes does no harm`() async throws {
            let shop = try Installation.current
            try await shop.restart("cart-2")
            try await eventually("both own partitions") {
                let one = try await shop.metric("holdfast_cart_partitions", of: "cart-1")
                let two = try await shop.metric("holdfast_cart_partitions", of: "cart-2")
                return one > 0 && two > 0
            }
            let paused = try await shop.process("cart-2")
            let crowd = try await Crowd(shop)
            try await crowd.shop {
                try await crowd.waitUntilAnswered(40)
                paused.signal(SIGSTOP)
                try await eventually("the other takes over") {
                    try await shop.metric("holdfast_cart_partitions", of: "cart-1") == 8
                }
                paused.signal(SIGCONT)
                try await eventually("it owns partitions again") {
                    let one = try await shop.metric("holdfast_cart_partitions", of: "cart-1")
                    let health = try await shop.health("cart-2")
                    return one < 16 && health == 200
                }
            }
            try await crowd.expectCartsAsTold()
            try await shop.expectBooksBalance()
            paused.signal(SIGTERM)
            #expect(try await paused.ended(within: .seconds(15)) == .exited(0))
        }

        @Test func `every process is killed at once, and what shoppers were told stands`()
            async throws
        {
            let shop = try Installation.current
            let crowd = try await Crowd(shop)
            try await crowd.shop {
                try await crowd.waitUntilAnswered(40)
                for name in shop.names { try await shop.process(name).signal(SIGKILL) }
                for name in shop.names { try await shop.crash(name) }
                for name in shop.names { try await shop.start(name) }
                for name in shop.names { try await shop.waitUntilReady(name) }
            }
            try await crowd.expectCartsAsTold()
            try await shop.expectBooksBalance()
        }

        @Test func `without Redis the last items are still sold once`() async throws {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 7)
            try await shop.crash("inventory-1")
            try await shop.restart("inventory-1", ["REDIS_URL": "redis://127.0.0.1:1"])
            let sold = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let outcome = try await shop.open(
                            user: TestEnvironment.uniqueName(), product: product, quantity: 1,
                            gateway: number % 2
                        ).outcome()
                        if outcome["status"] == "accepted" { return 1 }
                        #expect(outcome["reason"] == "out-of-stock", "\(outcome)")
                        return 0
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sold == 7)
            #expect(
                try await shop.metric("holdfast_inventory_unguarded_total", of: "inventory-1") > 0)
            try await shop.crash("inventory-1")
            try await shop.restart("inventory-1")
            try await shop.expectBooksBalance()
        }

        @Test(arguments: ["cart-1", "inventory-1", "gateway-2", "broker"])
        func `a process that is told to stop finishes its work and exits with 0`(
            name: String
        ) async throws {
            let shop = try Installation.current
            let crowd = try await Crowd(shop)
            try await crowd.shop {
                try await crowd.waitUntilAnswered(40)
                let process = try await shop.process(name)
                process.signal(SIGTERM)
                #expect(try await process.ended(within: .seconds(15)) == .exited(0))
                try await shop.restart(name)
            }
            try await crowd.expectCartsAsTold()
            try await shop.expectBooksBalance()
        }

        @Test func `without the cart service requests are pending, and settled once it is back`()
            async throws
        {
            let shop = try Installation.current
            let user = TestEnvironment.uniqueName()
            let product = try await shop.product(quantity: 9)
            let socket = try await shop.open(user: user, gateway: 1)
            _ = try await socket.answer()
            try await shop.crash("cart-1")

            socket.add(product, 2, requestID: "by-socket")
            let added = try await shop.add(product, 3, user: user, key: "by-rest")
            #expect(added.status == 202)
            #expect(added.json["status"] == "pending")
            #expect(added.json["requestID"] == "by-rest")
            #expect(added.response.header("Retry-After") != nil)
            let location = try #require(added.response.header("Location"))
            let pending = try await socket.answer()
            #expect(pending["requestID"] == "by-socket")
            #expect(pending["status"] == "pending")
            let unanswered = try await shop.get(location)
            EndToEndTests.OneOfEach.expectProblem(unanswered, 504, "no-answer")

            try await shop.restart("cart-1")
            let final = try await socket.outcome()
            #expect(final["requestID"] == "by-socket")
            #expect(final["status"] == "accepted")
            try await eventually("the request is settled") {
                let found = try await shop.get(location, gateway: 1)
                return found.status == 200 && found.json["status"] == "accepted"
            }
            try await eventually("both are held") { try await shop.held(product) == 5 }
        }

        @Test func `without the broker nothing dies, and each says what is missing`() async throws {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 9)
            try await shop.crash("broker")
            for name in ["inventory-1", "cart-1", "gateway-1", "gateway-2"] {
                try await eventually("\(name) is not ready") {
                    try await shop.health(name) == 503
                }
                let live = try await Client.shared.get().request(
                    "GET", shop.url(name) + "/health/live")
                #expect(live.status == 200)
            }
            let page = try await shop.get("/test")
            #expect(page.status == 503)
            let broker = page.json["dependencies"].elements.first { $0["name"] == "broker" }
            #expect(broker?["state"] == "down")
            #expect(broker?["reason"].text?.isEmpty == false)

            try await shop.restart("broker")
            for name in shop.names { try await shop.waitUntilReady(name) }
            let user = TestEnvironment.uniqueName()
            let socket = try await shop.open(user: user, product: product, quantity: 1)
            #expect(try await socket.outcome()["status"] == "accepted")
        }

        @Test func `a gateway that stops answers what is under way and says good-bye`() async throws
        {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 100)
            let socket = try await shop.open(user: TestEnvironment.uniqueName(), gateway: 1)
            _ = try await socket.answer()
            for number in 1...20 { socket.add(product, 1, requestID: "g\(number)") }
            let first = try await socket.outcome()
            let process = try await shop.process("gateway-2")
            process.signal(SIGTERM)
            var answered: Set = [first["requestID"]]
            while let message = try await socket.message() {
                if message["type"] != "changed" { answered.insert(message["requestID"]) }
            }
            #expect(answered.count == 20)
            #expect(socket.closeCode == 1001)
            #expect(try await process.ended(within: .seconds(15)) == .exited(0))
            try await shop.restart("gateway-2")
        }
    }

    /// The broker's disk is lost while shoppers shop.
    @Suite(.installation("lost-log", gateways: 2, carts: 2, inventories: 2))
    struct LostLogTests {
        @Test func `a log that lost everything gets its topics back, and nobody is forgotten`()
            async throws
        {
            let shop = try Installation.current
            let crowd = try await Crowd(shop)
            try await crowd.shop {
                try await crowd.waitUntilAnswered(40)
                try await shop.crash("broker")
                TextFile.removeDirectory(shop.dataDirectory)
                TestEnvironment.makeDirectory(shop.dataDirectory)
                try await shop.restart("broker")
            }
            try await crowd.expectCartsAsTold()
            for name in shop.names { try await shop.waitUntilReady(name) }
            try await shop.expectBooksBalance(isLogWhole: false)
        }
    }
}

/// Shoppers on both gateways who add one piece after the other, and send again what was not answered
/// when their websocket breaks.
final class Crowd: Sendable {
    private static let shoppers = 10
    private static let addsEach = 20

    private let installation: Installation
    private let product: String
    private let users: [String]
    private let answered = Atomic<Int>(0)

    init(_ installation: Installation) async throws {
        self.installation = installation
        product = try await installation.product(quantity: 10_000)
        users = (0..<Self.shoppers).map { _ in TestEnvironment.uniqueName() }
    }

    /// Shops while `body` makes trouble; returns when every add is answered.
    func shop(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, user) in users.enumerated() {
                group.addTask { try await self.shop(user, gateway: index % 2) }
            }
            group.addTask { try await body() }
            try await group.waitForAll()
        }
    }

    /// Waits until shopping is well under way.
    func waitUntilAnswered(_ count: Int) async throws {
        try await eventually("\(count) adds are answered") {
            answered.load(ordering: .relaxed) >= count
        }
    }

    /// Every cart holds what its shopper was told.
    func expectCartsAsTold(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for user in users {
            let cart = try await installation.cart(of: user)
            #expect(
                cart["lines"].elements.map { $0["quantity"] } == [.number(Self.addsEach)],
                "\(user): \(cart)", sourceLocation: sourceLocation)
        }
    }

    private func shop(_ user: String, gateway: Int) async throws {
        var socket = try await installation.open(user: user, gateway: gateway)
        for number in 1...Self.addsEach {
            var isSettled = false
            while !isSettled {
                socket.add(product, 1, requestID: "a\(number)")
                if let outcome = try await outcome(of: "a\(number)", socket) {
                    #expect(outcome["status"] == "accepted", "\(outcome)")
                    isSettled = true
                } else {
                    socket = try await reconnect(user, gateway)
                }
            }
            answered.add(1, ordering: .relaxed)
        }
        socket.close()
    }

    /// The final outcome of a request; `nil` if the websocket broke before, or the gateway stops.
    private func outcome(of requestID: String, _ socket: Socket) async throws -> JSON? {
        while let message = try await socket.message() {
            guard message["requestID"].text == requestID, message["status"] != "pending" else {
                continue
            }
            if message["type"] == "outcome" { return message }
            // What cannot be taken at the moment is sent again.
            let problem = message["problem"]
            try #require(problem["status"] == 503, "\(message)")
            try await Task.sleep(for: .milliseconds(50))
            socket.add(product, 1, requestID: requestID)
        }
        return nil
    }

    private func reconnect(_ user: String, _ gateway: Int) async throws -> Socket {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do {
                return try await installation.open(user: user, gateway: gateway)
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}
