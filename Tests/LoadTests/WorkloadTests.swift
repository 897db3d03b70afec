import Testing

@testable import LoadTest

@Suite struct WorkloadTests {
    private static func workload(
        _ scenario: Scenario, users: Int = 12, products: Int = 4
    ) -> (Workload, LoadConfiguration) {
        let configuration = LoadConfiguration(
            scenario: scenario, rate: nil, inFlightMax: 1, gateways: [], adminToken: "",
            warmUp: .zero, duration: .zero, users: users, socketsMax: 100, products: products,
            stock: 1, addsPerUser: 10, deadline: .zero)
        return (Workload(configuration, seed: 1), configuration)
    }

    @Test func `uniform adds go to all products alike, and to few of each shopper`() {
        var (workload, _) = Self.workload(.uniform, users: 2_000, products: 10)
        var counts = [Int](repeating: 0, count: 10)
        for user in 0..<2_000 {
            var mine: Set<Int> = []
            for _ in 0..<20 {
                let step = workload.next(user: user, line: nil)
                #expect(step.operation == .add && step.quantity == 1)
                counts[step.product] += 1
                mine.insert(step.product)
            }
            #expect(mine.count <= 5)
        }
        for count in counts { #expect(abs(count - 4_000) < 600) }
    }

    @Test func `the rivals of a race want the same product, and each race another one`() {
        var (workload, configuration) = Self.workload(.lastItem)
        #expect(configuration.rivals == 3)
        let products = (0..<12).map { workload.next(user: $0, line: nil).product }
        #expect(products == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    }

    @Test func `shop traffic asks in every way, and puts back only what there is`() {
        var (workload, _) = Self.workload(.mixed)
        var seen: Set<Operation> = []
        for user in 0..<2_000 {
            let line = user % 2 == 0 ? nil : (product: 3, quantity: 2)
            let step = workload.next(user: user, line: line)
            seen.insert(step.operation)
            if step.operation.isRemove {
                #expect(line != nil)
                #expect(step.product == 3 && step.quantity == 2)
            }
            if step.operation.isAdd { #expect(1...3 ~= step.quantity) }
        }
        #expect(seen == Set(Operation.allCases))
    }
}
