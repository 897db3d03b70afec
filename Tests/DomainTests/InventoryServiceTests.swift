import InventoryDomain
import Messages
import Synchronization
import Testing

@testable import InventoryService
@testable import Simulation

@Suite struct InventoryServiceTests {
    private let all = Array(0..<World.partitionCount)

    private func running(
        _ change: (inout InventoryServiceConfiguration) -> Void = { _ in }
    ) -> World {
        let world = World()
        world.startInventory(change).log.assign(all)
        world.run()
        return world
    }

    private func ask(
        _ requestID: String, _ code: ProductCode, _ quantity: Int, of userID: UserID = ann,
        _ world: World
    ) {
        world.topics.ask(
            InventoryRequest(
                cartID: CartID(of: userID), requestID: id(requestID), userID: userID,
                productCode: code,
                action: .ask(quantity: quantity, until: world.clock.now() + .seconds(60))))
    }

    private func lower(
        _ requestID: String, _ code: ProductCode, to quantity: Int, _ world: World
    ) {
        world.topics.ask(
            InventoryRequest(
                cartID: CartID(of: ann), requestID: id(requestID), userID: ann, productCode: code,
                action: .lower(to: quantity)))
    }

    private func answers(_ requestID: String, _ world: World) -> [InventoryResponse.Answer] {
        world.topics.inventoryResponses.values.filter { $0.requestID == id(requestID) }
            .map(\.answer)
    }

    private func expectClean(
        _ world: World, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(world.inventoryStore.inconsistencies == [], sourceLocation: sourceLocation)
        #expect(world.inventoryStore.violations == [], sourceLocation: sourceLocation)
        #expect(world.locks.violations == [], sourceLocation: sourceLocation)
        #expect(world.locks.held == [], sourceLocation: sourceLocation)
    }

    @Test func `the requests for a hot product cost one row update a round`() {
        let world = running()
        world.inventoryStore.stock(drill, 30)
        for index in 0..<50 { ask("r\(index)", drill, 1, of: user("u\(index)"), world) }
        world.run()
        #expect(world.inventoryStore.transactions == 1)
        #expect(world.inventoryStore.productUpdates == 1)
        #expect(world.inventoryStore.held(of: drill) == 30)
        for index in 0..<50 {
            let isHeld = answers("r\(index)", world).allSatisfy {
                if case .held = $0 { true } else { false }
            }
            #expect(isHeld == (index < 30), "first come, first served: \(index)")
        }
        expectClean(world)
    }

    @Test func `what comes for a product at work is decided all together in the next round`() {
        let world = World()
        world.startInventory(batchMax: 1).log.assign(all)
        world.inventoryStore.stock(drill, 100)
        world.run()
        world.inventoryStore.gate.close()
        for index in 0..<50 { ask("r\(index)", drill, 1, world) }
        world.run()
        world.inventoryStore.gate.open()
        world.run()
        #expect(world.inventoryStore.transactions == 2)
        #expect(world.inventoryStore.held(of: drill) == 50)
        expectClean(world)
    }

    @Test func `a product with enough of it needs no lock, the last pieces do`() {
        let world = running()
        world.inventoryStore.stock(drill, 100)
        ask("r1", drill, 1, world)
        world.run()
        // It had not been seen before.
        #expect(world.locks.acquired == [[drill]])
        ask("r2", drill, 5, world)
        world.run()
        #expect(world.locks.acquired.count == 1)
        ask("r3", drill, 6, world)
        world.run()
        #expect(world.locks.acquired.count == 2)
        expectClean(world)
    }

    @Test func `what was seen last is decided on, unless it has changed`() {
        let world = running()
        func guesses() -> Int { world.inventoryStore.state.withLock { $0.guesses } }
        world.inventoryStore.stock(drill, 100)
        ask("r1", drill, 1, world)
        world.run()
        #expect(guesses() == 0)
        ask("r2", drill, 2, world)
        world.run()
        ask("r3", drill, 3, world)
        world.run()
        #expect(guesses() == 2)
        // The ledger is needed.
        lower("r3", drill, to: 1, world)
        world.run()
        ask("r2", drill, 2, world)
        world.run()
        #expect(guesses() == 2)
        // Somebody else took pieces.
        world.inventoryStore.state.withLock { state in
            state.products[drill] = Product(
                code: drill, name: "Drill", quantity: 50, held: 4, fence: 9)
        }
        ask("r4", drill, 4, world)
        world.run()
        #expect(guesses() == 2)
        ask("r5", drill, 5, world)
        world.run()
        #expect(guesses() == 3)
        #expect(world.inventoryStore.held(of: drill) == 13)
        #expect(answers("r2", world).count == 2 && Set(answers("r2", world)).count == 1)
        expectClean(world)
    }

    @Test func `a guess that was wrong costs one more round`() {
        let world = running()
        world.inventoryStore.stock(drill, 100)
        ask("r1", drill, 1, world)
        world.run()
        // Another instance sold most of it.
        world.inventoryStore.state.withLock { state in
            state.products[drill] = Product(
                code: drill, name: "Drill", quantity: 4, held: 1, fence: 50)
        }
        ask("r2", drill, 2, world)
        world.run()
        #expect(world.locks.acquired.count >= 2)
        #expect(world.inventoryStore.held(of: drill) == 3)
        #expect(world.inventoryStore.fence(of: drill) > 50)
        expectClean(world)
    }

    @Test func `a refused token is replaced by one above the row's, unseen by the shopper`() {
        let world = running()
        world.inventoryStore.stock(drill, 3, fence: 1_000)
        ask("r1", drill, 1, world)
        world.run()
        #expect(answers("r1", world).count == 1)
        #expect(world.inventoryStore.fence(of: drill) > 1_000)
        expectClean(world)
    }

    @Test func `a lock service whose tokens never pass does not stop the shop`() {
        let world = running()
        world.inventoryStore.stock(drill, 3, fence: 1_000)
        world.locks.state.withLock { $0.staleTokens = .max }
        ask("r1", drill, 1, world)
        world.pass(.seconds(1))
        #expect(answers("r1", world).count == 1)
        #expect(world.inventoryStore.held(of: drill) == 1)
        expectClean(world)
    }

    @Test(arguments: [2, 100])
    func `a busy lock is waited for, but not for ever`(times: Int) {
        let world = running()
        world.inventoryStore.stock(drill, 3)
        world.inventoryStore.stock(saw, 3)
        world.locks.state.withLock { $0.busy[drill] = times }
        ask("r1", drill, 1, world)
        ask("r2", saw, 1, world)
        world.run()
        #expect(answers("r1", world).count == 1)
        #expect(answers("r2", world).count == 1)
        #expect(world.locks.acquired.count == 3)
        expectClean(world)
    }

    @Test func `without the lock service holds go on, and never oversell`() {
        let world = running()
        world.inventoryStore.stock(drill, 10)
        world.locks.state.withLock { $0.isAway = true }
        for index in 0..<30 { ask("r\(index)", drill, 1, world) }
        world.run()
        #expect(world.inventoryStore.held(of: drill) == 10)
        expectClean(world)
    }

    @Test func `locks are given back when the store fails`() {
        let world = running()
        world.inventoryStore.stock(drill, 3)
        world.inventoryStore.setAway(true)
        ask("r1", drill, 1, world)
        world.pass(.seconds(10))
        #expect(world.locks.held == [])
        world.inventoryStore.setAway(false)
        world.inventoryStore.state.withLock { $0.refuses = { !$0.newHolds.isEmpty } }
        world.pass(.seconds(10))
        #expect(world.locks.held == [])
        #expect(world.topics.deadLetters.count == 1)
        expectClean(world)
    }

    @Test func `a hold whose commit is unknown is placed once`() {
        let world = running()
        world.inventoryStore.stock(drill, 10)
        world.inventoryStore.failNext(.unavailableAfterCommit, .unavailable)
        ask("r1", drill, 3, world)
        world.pass(.seconds(10))
        #expect(world.inventoryStore.held(of: drill) == 3)
        #expect(answers("r1", world).count == 1)
        expectClean(world)
    }

    @Test func `a repeated ask gets its first answer, whatever became of the stock`() {
        let world = running()
        world.inventoryStore.stock(drill, 2)
        ask("r1", drill, 2, world)
        ask("r2", drill, 1, world)
        world.run()
        lower("r1", drill, to: 0, world)
        world.run()
        ask("r1", drill, 2, world)
        ask("r2", drill, 1, world)
        world.run()
        #expect(Set(answers("r2", world)) == [.refused(.outOfStock, available: 0)])
        #expect(answers("r1", world).count == 3)
        #expect(world.inventoryStore.held(of: drill) == 0)
        expectClean(world)
    }

    @Test func `one key for two products in one batch has one row`() {
        let world = running()
        world.inventoryStore.stock(drill, 10)
        world.inventoryStore.stock(saw, 10)
        // The later topic partition is read second, within the same batch.
        ask("r1", drill, 2, world)
        ask("r1", saw, 3, world)
        world.run()
        #expect(world.inventoryStore.transactions == 1)
        #expect(world.inventoryStore.holds.count == 1)
        #expect(answers("r1", world).count == 2)
        #expect(
            answers("r1", world).contains {
                if case .refused(.requestIDReused, _) = $0 { true } else { false }
            })
        expectClean(world)
    }

    @Test func `a message that the store refuses is set aside alone, and its cart is told`() {
        let world = running()
        world.inventoryStore.stock(drill, 100)
        world.inventoryStore.stock(saw, 100)
        world.inventoryStore.state.withLock { state in
            state.refuses = { $0.newHolds.contains { $0.key.requestID == id("bad") } }
        }
        for index in 0..<10 {
            ask("r\(index)", drill, 1, world)
            ask("s\(index)", saw, 1, world)
            if index == 5 { ask("bad", drill, 2, world) }
        }
        world.run()
        #expect(answers("bad", world) == [.refused(.failed, available: 0)])
        #expect(world.topics.deadLetters.map(\.topic) == [.inventoryRequest])
        #expect(world.inventoryStore.held(of: drill) == 10)
        #expect(world.inventoryStore.held(of: saw) == 10)
        expectClean(world)
    }

    @Test func `what cannot be read is set aside and holds up no other`() {
        let world = running()
        world.inventoryStore.stock(drill, 10)
        world.topics.inventoryRequests.append(Array("[]".utf8), key: Array("DRILL".utf8))
        world.topics.inventoryRequests.append([], key: [])
        ask("r1", drill, 1, world)
        world.pass(.seconds(1))
        #expect(world.topics.deadLetters.count == 2)
        #expect(answers("r1", world).count == 1)
        #expect(world.topics.inventoryRequests.committed.values.reduce(0, +) == 3)
    }

    @Test func `a leaving owner finishes, commits, and only then lets go`() {
        let world = running()
        world.inventoryStore.stock(drill, 10)
        world.inventoryStore.gate.close()
        ask("r1", drill, 1, world)
        world.run()
        world.inventories[0].log.revoke(all)
        world.run()
        #expect(world.inventories[0].log.revocationsCompleted == 0)
        world.inventoryStore.gate.open()
        world.run()
        #expect(world.inventories[0].log.revocationsCompleted == 1)
        #expect(world.topics.inventoryRequests.committed.values.reduce(0, +) == 1)
        #expect(answers("r1", world).count == 1)
    }

    @Test(arguments: ["store", "log"])
    func `a leaving owner waits for nothing that is away`(away: String) {
        let world = running()
        world.inventoryStore.stock(drill, 10)
        if away == "store" {
            world.inventoryStore.setAway(true)
        } else {
            world.inventories[0].outbox.setAway(true)
        }
        ask("r1", drill, 1, world)
        world.pass(.seconds(1))
        world.inventories[0].log.revoke(all)
        world.pass(.seconds(10))
        #expect(world.inventories[0].log.revocationsCompleted == 1)
        #expect(world.topics.inventoryRequests.committed.values.reduce(0, +) == 0)
        world.inventoryStore.setAway(false)
        world.startInventory().log.assign(all)
        world.run()
        #expect(answers("r1", world).count == 1)
        #expect(world.inventoryStore.held(of: drill) == 1)
        expectClean(world)
    }

    @Test func `two owners at once, one of them late, decide the same`() {
        let world = running()
        world.startInventory().log.assign(all)
        world.inventoryStore.stock(drill, 10)
        for index in 0..<20 { ask("r\(index)", drill, 1, of: user("u\(index)"), world) }
        world.pass(.seconds(10))
        #expect(world.inventoryStore.held(of: drill) == 10)
        for index in 0..<20 { #expect(Set(answers("r\(index)", world).map(isHeld)).count == 1) }
        #expect(world.inventoryStore.inconsistencies == [])
    }

    @Test func `while the store is away no more is read than may wait`() {
        let world = World()
        let inventory = world.startInventory(batchMax: 10) { $0.messagesWaitingMax = 50 }
        inventory.log.assign(all)
        world.inventoryStore.stock(drill, 1_000)
        world.run()
        world.inventoryStore.setAway(true)
        for index in 0..<1_000 { ask("r\(index)", drill, 1, world) }
        world.pass(.seconds(30))
        let waiting = inventory.engine.assumeIsolated { $0.waitingCount }
        #expect(waiting > 40 && waiting <= 70)
        world.inventoryStore.setAway(false)
        world.pass(.seconds(30))
        #expect(world.inventoryStore.held(of: drill) == 1_000)
        expectClean(world)
    }

    private func isHeld(_ answer: InventoryResponse.Answer) -> Bool {
        if case .held = answer { true } else { false }
    }
}
