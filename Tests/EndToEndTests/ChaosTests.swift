import Testing

extension EndToEndTests {
    /// Two of everything, servers included, and no peace.
    @Suite(
        .installation(
            "chaos", gateways: 2, carts: 2, inventories: 2, ownsServers: true,
            settings: ["HOLD_DURATION": "24h"]))
    struct ChaosTests {
        private static let memoryMax = 1 << 30

        @Test func `whatever goes wrong, every request has one outcome, and what was told stands`()
            async throws
        {
            let shop = try Installation.current
            let plan = ChaosPlan.current
            let report = ChaosReport(plan)
            let shelves = try await Self.fillShelves(shop)
            let shoppers = (0..<plan.shoppers).map {
                ChaosShopper(shop, shelves: shelves, report: report, plan: plan, number: $0)
            }
            do {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await report.keepShowing() }
                    group.addTask { try await Self.watchMemory(shop, report) }
                    try await Self.reign(shop, shoppers, report, plan)
                    group.cancelAll()
                }
                try await Self.compare(shop, shoppers, report, plan)
            } catch {
                print(report.text)
                throw error
            }
            print(report.text)
            #expect(report.complaints == [], "seed \(plan.seed)\n\(report.text)")
        }

        /// Products in plenty and few; many want the last piece.
        private static func fillShelves(_ shop: Installation) async throws -> [String] {
            var shelves: [String] = []
            for quantity in [1_000_000, 1_000_000, 300, 60, 20, 6, 1] {
                shelves.append(try await shop.product(quantity: quantity))
            }
            return shelves
        }

        /// Shopping and chaos, until the time is over, everything is back, and everybody is answered.
        private static func reign(
            _ shop: Installation, _ shoppers: [ChaosShopper], _ report: ChaosReport,
            _ plan: ChaosPlan
        ) async throws {
            let end = ContinuousClock.now + plan.duration
            let chaos = Chaos(shop, report, plan: plan)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for shopper in shoppers {
                    group.addTask { try await shopper.shop(until: end) }
                }
                group.addTask { try await chaos.reign(until: end) }
                try await group.waitForAll()
            }
            for name in ["postgres", "redis"] + shop.names {
                try await shop.waitUntilReady(name)
            }
            await withDiscardingTaskGroup { group in
                for shopper in shoppers {
                    group.addTask { await shopper.settle(within: .seconds(90)) }
                }
            }
        }

        /// Looks at the books from inside and from the shoppers' side.
        private static func compare(
            _ shop: Installation, _ shoppers: [ChaosShopper], _ report: ChaosReport,
            _ plan: ChaosPlan
        ) async throws {
            try await eventually("the carts owe nothing", within: .seconds(60)) {
                try await shop.database.number("SELECT count(*) FROM cart_obligation") == 0
            }
            let audit = try await Holdfast.run(
                ["audit"], environment: shop.environment, within: .seconds(600))
            if audit.end != .exited(0) { report.complain("\(audit.output)\(audit.errors)") }
            let share = plan.duration > .seconds(60) ? 0.2 : 1
            try await withThrowingTaskGroup(of: Void.self) { group in
                for shopper in shoppers {
                    group.addTask { try await shopper.compare(repeating: share) }
                }
                try await group.waitForAll()
            }
            let again = try await Holdfast.run(
                ["audit"], environment: shop.environment, within: .seconds(600))
            if again.end != .exited(0) {
                report.complain("after the repeats: \(again.output)\(again.errors)")
            }
        }

        /// Notes how much memory the processes take, until the task is cancelled.
        private static func watchMemory(
            _ shop: Installation, _ report: ChaosReport
        ) async throws {
            while !Task.isCancelled {
                for name in shop.names {
                    let bytes = try await shop.process(name).residentBytes
                    report.noteMemory(bytes, of: name)
                    if bytes > memoryMax { report.complain("\(name) takes \(bytes >> 20) MiB") }
                }
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }
}
