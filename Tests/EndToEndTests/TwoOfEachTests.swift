import Testing
import WebClient

extension EndToEndTests {
    @Suite(.installation("two-of-each", gateways: 2, carts: 2, inventories: 2))
    struct TwoOfEachTests {
        @Test(arguments: [(40, 2), (20, 5)])
        func `a race for the last item has one winner each time`(
            rounds: Int, users: Int
        ) async throws {
            let shop = try Installation.current
            var arguments = ["race", "--rounds", "\(rounds)", "--users", "\(users)"]
            for gateway in shop.gateways { arguments += ["--gateway", gateway] }
            let race = try await Holdfast.run(
                arguments, environment: shop.environment, within: .seconds(120))
            #expect(race.end == .exited(0), "\(race.output)\(race.errors)")
            #expect(race.output.contains("one winner        \(rounds)\n"), "\(race.output)")
            #expect(race.output.contains("unanswered        0\n"), "\(race.output)")
        }

        @Test func `the work is shared by both instances of each service`() async throws {
            let shop = try Installation.current
            for kind in ["cart", "inventory"] {
                try await eventually("both \(kind) services own partitions") {
                    let one = try await shop.metric("holdfast_\(kind)_partitions", of: "\(kind)-1")
                    let two = try await shop.metric("holdfast_\(kind)_partitions", of: "\(kind)-2")
                    return one > 0 && two > 0 && one + two == 8
                }
            }
        }

        @Test func `under load every request is answered once, and the books balance`() async throws
        {
            let shop = try Installation.current
            let plenty = try await shop.product(quantity: 100_000, name: "Plenty")
            let some = try await shop.product(quantity: 400, name: "Some")
            let scarce = try await shop.product(quantity: 40, name: "Scarce")
            let shelves = [plenty, some, scarce]

            let accepted = try await withThrowingTaskGroup(of: [String: Int].self) { group in
                for number in 0..<50 {
                    group.addTask {
                        try await Self.shopAround(shop, gateway: number % 2, shelves, number)
                    }
                }
                return try await group.reduce(into: [String: Int]()) { sums, sum in
                    sums.merge(sum, uniquingKeysWith: +)
                }
            }
            for product in shelves {
                try await eventually("what was removed is let go") {
                    try await shop.held(product) == accepted[product]
                }
            }
            #expect(accepted[scarce] == 40, "whoever asks for one gets one while there are some")
            #expect(accepted[some, default: 0] <= 400)
            try await shop.expectBooksBalance(gateway: 1)
        }

        @Test func `stock is raised and lowered while shoppers race for it`() async throws {
            let shop = try Installation.current
            let product = try await shop.product(quantity: 10)
            let accepted = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    // Below what is held, a row is passed over and reported.
                    for quantity in [25, 3, 40, 1, 60, 33] {
                        let answer = try await shop.load(
                            "product_code,name,quantity\n\(product),Thing,\(quantity)\n")
                        #expect(answer.status == 200, "\(answer.response.text)")
                    }
                    return 0
                }
                for number in 0..<40 {
                    group.addTask {
                        let socket = try await shop.open(
                            user: TestEnvironment.uniqueName(), gateway: number % 2)
                        _ = try await socket.answer()
                        for index in 0..<3 { socket.add(product, requestID: "q\(index)") }
                        let outcomes = try await socket.outcomes(3).values
                        return outcomes.count { $0["status"] == "accepted" }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(accepted > 0)
            #expect(try await shop.held(product) == accepted)
            let stock = try await shop.get("/stock/\(product)").json
            #expect(stock["held"].number == accepted)
            #expect(stock["quantity"].number ?? 0 >= accepted)
            try await shop.expectBooksBalance()
        }

        /// One shopper: ten adds at once, then a removal; how much of each product stays accepted.
        private static func shopAround(
            _ shop: Installation, gateway: Int, _ shelves: [String], _ number: Int
        ) async throws -> [String: Int] {
            let user = TestEnvironment.uniqueName()
            let socket = try await shop.open(user: user, gateway: gateway)
            _ = try await socket.answer()
            var asked: [String: (product: String, quantity: Int)] = [:]
            for index in 0..<10 {
                let product = shelves[(number + index) % shelves.count]
                let quantity = product == shelves[2] ? 1 : 1 + (number + index) % 4
                asked["q\(index)"] = (product, quantity)
                socket.add(product, quantity, requestID: "q\(index)")
            }
            var accepted: [String: Int] = [:]
            for (requestID, outcome) in try await socket.outcomes(10) {
                let request = try #require(asked[requestID])
                if outcome["status"] == "accepted" {
                    accepted[request.product, default: 0] += request.quantity
                } else {
                    #expect(outcome["reason"] == "out-of-stock", "\(outcome)")
                }
            }
            socket.remove(shelves[0], 1, requestID: "less")
            let removed = try await socket.outcome()
            #expect(removed["status"] == "accepted", "\(removed)")
            accepted[shelves[0], default: 0] -= 1
            return accepted
        }
    }
}

extension Installation {
    /// The value of a metric without labels.
    nonisolated func metric(_ name: String, of process: String) async throws -> Int {
        let page = try await Client.shared.get().request("GET", url(process) + "/metrics").text
        let line = page.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { Double($0.dropFirst(name.count + 1)) }.map { Int($0) } ?? 0
    }
}
