import CartDomain
import InventoryDomain
import Messages
import Testing

@testable import CartService
@testable import InventoryService
@testable import Simulation

/// Partitions change hands while the store is away, so that nothing that was begun can be finished.
@Suite struct StoreAwayTests {
    private let all = Array(0..<World.partitionCount)
    private let shoppers = (0..<60).map { user("s\($0)") }

    private let shelves = (0..<8).compactMap { ProductCode("shelf-\($0)") }

    private func stock(_ world: World) {
        for product in shelves { world.inventoryStore.stock(product, 1_000) }
    }

    /// More batches than there are slots, for every partition.
    private func crowd(_ world: World) {
        for round in 0..<5 {
            for (index, shopper) in shoppers.enumerated() {
                let product = shelves[(index + round) % shelves.count]
                world.ask(.of(shopper, "r\(round)-\(shopper)", .add(product, quantity: 1)))
            }
            world.pass(.milliseconds(300))
        }
    }

    private func expectAnswered(_ world: World) throws {
        world.pass(.seconds(60))
        for round in 0..<5 {
            for shopper in shoppers {
                #expect(world.outcome(of: id("r\(round)-\(shopper)")) == .accepted)
            }
        }
        let held = shelves.map { world.inventoryStore.held(of: $0) }
        #expect(held.reduce(0, +) == 5 * shoppers.count)
        try world.checkQuiet()
    }

    @Test func `a cart service gives partitions back, whatever it has begun on them`() throws {
        let world = World()
        stock(world)
        world.startInventory().log.assign(all)
        let first = world.startCarts(batchMax: 5)
        first.log.assign(all)
        world.run()
        world.cartStore.setAway(true)
        crowd(world)
        first.log.revoke(all)
        world.pass(.seconds(6))
        #expect(first.log.revocationsCompleted == 1)
        #expect(first.inspect { $0.partitions.isEmpty })

        let second = world.startCarts(batchMax: 5)
        second.log.assign(all)
        world.pass(.seconds(6))
        world.cartStore.setAway(false)
        try expectAnswered(world)
    }

    @Test func `a cart service gives back what it could not take over`() throws {
        let world = World()
        stock(world)
        world.startInventory().log.assign(all)
        world.cartStore.setAway(true)
        let first = world.startCarts()
        first.log.assign(all)
        crowd(world)
        first.log.revoke([0, 1])
        world.pass(.seconds(6))
        #expect(first.log.revocationsCompleted == 1)

        let second = world.startCarts()
        second.log.assign([0, 1])
        world.pass(.seconds(6))
        world.cartStore.setAway(false)
        try expectAnswered(world)
        #expect(first.inspect { Set($0.partitions.keys) } == [2, 3])
        #expect(second.inspect { Set($0.partitions.keys) } == [0, 1])
    }

    @Test func `an inventory service gives partitions back, whatever it has begun on them`() throws
    {
        let world = World()
        stock(world)
        let first = world.startInventory(batchMax: 5)
        first.log.assign(all)
        world.startCarts().log.assign(all)
        world.run()
        world.inventoryStore.setAway(true)
        crowd(world)
        first.log.revoke(all)
        world.pass(.seconds(6))
        #expect(first.log.revocationsCompleted == 1)

        world.startInventory(batchMax: 5).log.assign(all)
        world.pass(.seconds(6))
        world.inventoryStore.setAway(false)
        try expectAnswered(world)
    }
}
