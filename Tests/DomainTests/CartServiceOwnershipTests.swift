import CartDomain
import Messages
import Synchronization
import Testing

@testable import CartService
@testable import Simulation

@Suite struct CartServiceOwnershipTests {
    private let all = Array(0..<World.partitionCount)

    @Test func `a leaving owner finishes, commits, and only then lets go`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.cartStore.appendGate.close()
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        world.carts[0].log.revoke(all)
        world.run()
        #expect(world.carts[0].log.revocationsCompleted == 0)
        world.cartStore.appendGate.open()
        world.run()
        #expect(world.carts[0].log.revocationsCompleted == 1)
        #expect(world.topics.cartRequests.committed[partition(of: ann)] == 1)
        #expect(world.carts[0].answers.assigned == [])
        #expect(world.carts[0].inspect { $0.carts.isEmpty && $0.owed.isEmpty })
        world.startCarts().log.assign(all)
        world.pass(.seconds(10))
        #expect(world.outcome(of: id("r1")) == .accepted)
        try world.checkQuiet()
    }

    @Test func `a leaving owner does not wait for a store that is away`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.cartStore.setAway(true)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        world.carts[0].log.revoke(all)
        world.pass(.seconds(10))
        #expect(world.carts[0].log.revocationsCompleted == 1)
        #expect(world.topics.cartRequests.committed[partition(of: ann)] ?? 0 == 0)
        world.cartStore.setAway(false)
        world.startCarts().log.assign(all)
        world.pass(.seconds(10))
        #expect(world.outcome(of: id("r1")) == .accepted)
        try world.checkQuiet()
    }

    @Test func `what a leaving owner leaves undone, nothing of the same cart overtakes`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.cartStore.appendGate.close()
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        world.ask(.of(ann, "r2", .remove(drill, quantity: 3)))
        world.run()
        world.carts[0].log.revoke(all)
        world.run()
        world.cartStore.failNext(.unavailable)
        world.cartStore.appendGate.open()
        world.pass(.seconds(5))
        #expect(world.carts[0].log.revocationsCompleted == 1)
        #expect(world.cartStore.events == [:])
        world.startCarts().log.assign(all)
        world.pass(.seconds(10))
        #expect(world.outcome(of: id("r2")) == .accepted)
        try world.checkQuiet()
    }

    @Test func `a leaving owner does not wait for a log that takes nothing`() throws {
        let world = World.running()
        world.carts[0].outbox.setAway(true)
        world.ask(.of(ann, "r1", .remove(drill, quantity: 3)))
        world.run()
        world.carts[0].log.revoke(all)
        world.pass(.seconds(10))
        #expect(world.carts[0].log.revocationsCompleted == 1)
        #expect(world.topics.cartRequests.committed[partition(of: ann)] ?? 0 == 0)
        world.startCarts().log.assign(all)
        world.pass(.seconds(10))
        #expect(world.outcomes(of: id("r1")).map(\.reason) == [.notInCart])
        #expect(world.topics.cartEvents.count == 1)
    }

    @Test func `a fenced owner answers nothing, and forgets all when it hears of its loss`() throws
    {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        // The next owner works while the first sleeps.
        let sleeper = world.carts[0]
        let mine = partition(of: ann)
        world.cartStore.raise(mine)
        world.ask(.of(ann, "c1", .check))
        world.ask(.of(ann, "r2", .remove(drill, quantity: 1)))
        world.pass(.milliseconds(500))
        #expect(world.outcomes(of: id("c1")) == [])
        #expect(world.outcomes(of: id("r2")) == [])
        #expect(sleeper.inspect { $0.partitions[mine]?.parked.count } == 2)
        sleeper.log.lose([mine])
        world.run()
        #expect(sleeper.inspect { $0.partitions[mine] == nil && $0.carts.isEmpty })
        world.startCarts().log.assign([mine])
        world.pass(.seconds(10))
        #expect(world.outcome(of: id("c1")) == .accepted)
        #expect(world.outcome(of: id("r2")) == .accepted)
        #expect(world.cartStore.state.withLock { $0.epochs[mine] } == 3)
        try world.checkQuiet()
    }

    @Test func `a fenced owner that stays the owner recovers by itself, without a gap`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 100)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.ask(.of(bob, "b1", .add(drill, quantity: 3)))
        world.run()
        world.cartStore.raise(partition(of: ann))
        for index in 0..<20 {
            world.ask(.of(ann, "a\(index)", .add(drill, quantity: 1)))
            world.ask(.of(ann, "d\(index)", .remove(drill, quantity: 1)))
            world.pass(.milliseconds(100))
        }
        world.pass(.seconds(10))
        for index in 0..<20 {
            #expect(world.outcome(of: id("d\(index)")) == .accepted)
        }
        #expect(try world.cart(of: ann).view.lines.map(\.quantity) == [3])
        #expect(world.topics.cartRequests.committed[partition(of: ann)] ?? 0 >= 41)
        try world.checkQuiet()
    }

    @Test func `a fenced owner that slept takes nothing back that it lost meanwhile`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 100)
        world.cartStore.raise(partition(of: ann))
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        let sleeper = world.carts[0]
        sleeper.process.pause()
        sleeper.log.lose(all)
        world.startCarts().log.assign(all)
        world.pass(.seconds(10))
        let epochs = world.cartStore.state.withLock { $0.epochs }
        sleeper.process.resume()
        world.pass(.seconds(10))
        #expect(world.cartStore.state.withLock { $0.epochs } == epochs)
        #expect(world.outcome(of: id("r1")) == .accepted)
        try world.checkQuiet()
    }

    @Test func `only the partition that was taken is fenced`() throws {
        let world = World.running()
        let others = (0..<50).map { user("u\($0)") }
        let taken = partition(of: ann)
        world.cartStore.raise(taken)
        world.ask(.of(ann, "c", .check))
        for other in others { world.ask(.of(other, "c-\(other)", .check)) }
        world.run()
        for other in others where partition(of: other) != taken {
            #expect(world.outcome(of: id("c-\(other)")) == .accepted)
        }
        #expect(world.outcomes(of: id("c")) == [])
    }

    @Test func `what is kept aside for a fenced partition is bounded`() throws {
        let world = World()
        let carts = world.startCarts(batchMax: 10) { $0.messagesWaitingMax = 50 }
        carts.log.assign(all)
        world.ask(.of(ann, "first", .check))
        world.run()
        let mine = partition(of: ann)
        world.cartStore.raise(mine)
        world.cartStore.readGate.close()
        // What comes first must be decided first, also where not all could be kept aside.
        for index in 0..<500 {
            world.ask(.of(ann, "x\(index)", .add(drill, quantity: 1)))
            world.ask(.of(ann, "c\(index)", .remove(drill, quantity: 1)))
        }
        world.pass(.seconds(5))
        let kept = carts.inspect { $0.partitions[mine]?.parked.count ?? 0 }
        #expect(kept > 40 && kept <= 120)
        world.cartStore.readGate.open()
        world.pass(.seconds(30))
        for index in 0..<500 { #expect(world.outcome(of: id("c\(index)")) == .accepted) }
    }

    @Test(arguments: [false, true])
    func `a partition that goes while its carts are being read leaves nothing behind`(
        comesBack: Bool
    ) throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        let first = world.carts[0]
        let mine = partition(of: ann)
        // A cart that was in memory is looked up in the store, and another is loaded.
        first.engine.assumeIsolated { $0.forget(CartID(of: ann)) }
        world.cartStore.readGate.close()
        world.ask(.of(ann, "c1", .check))
        world.run()
        #expect(world.cartStore.readGate.waitingCount == 1)
        first.log.lose([mine])
        if comesBack { first.log.assign([mine]) }
        world.run()
        // Meanwhile somebody else owned it and wrote.
        try world.writeOn(ann)
        let cartID = CartID(of: ann)
        world.cartStore.readGate.open()
        world.pass(.seconds(1))
        if !comesBack {
            #expect(first.inspect { $0.carts[cartID] == nil })
            first.log.assign([mine])
        }
        world.pass(.seconds(1))
        world.ask(.of(ann, "c2", .check))
        world.run()
        for response in world.topics.responses {
            guard case .outcome(let requestID, _, _, _, let cart?, _) = response.content,
                [id("c1"), id("c2")].contains(requestID)
            else { continue }
            #expect(cart.version == 2)
        }
        #expect(world.outcomes(of: id("c2")).count == 1)
    }

    @Test func `a partition that goes while forgotten requests are looked up ends no process`()
        throws
    {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        for index in 0..<1_100 { world.ask(.of(ann, "d\(index)", .remove(saw, quantity: 1))) }
        world.run()
        world.cartStore.readGate.close()
        world.ask(.of(ann, "d0", .remove(saw, quantity: 1)))
        world.run()
        world.carts[0].log.lose([partition(of: ann)])
        world.run()
        world.cartStore.readGate.open()
        world.run()
        #expect(world.carts[0].inspect { $0.carts.isEmpty })
    }

    @Test func `a new owner tells what the former stored and died before telling`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        let first = world.carts[0]
        world.ask(.of(ann, "r1", .add(drill, quantity: 3), replyPartition: 7))
        // All is stored, but of what comes after an append nothing leaves.
        world.cartStore.afterAppendGate.close()
        world.run()
        #expect(world.cartStore.events[CartID(of: ann)]?.count == 1)
        first.outbox.setAway(true)
        world.cartStore.afterAppendGate.open()
        world.run()
        #expect(world.outcomes(of: id("r1")) == [])
        first.kill()
        world.startCarts().log.assign(all)
        world.pass(.seconds(10))
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(world.outcomes(of: id("r1")).map(\.replyPartition).contains(7))
        try world.checkQuiet()
    }

    @Test func `an answer that was stored and not told is told by the next owner`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.inventoryStore.gate.close()
        world.ask(.of(ann, "r1", .add(drill, quantity: 3), replyPartition: 7))
        world.pass(.seconds(3))
        #expect(world.topics.cartRequests.committed[partition(of: ann)] == 1)
        world.carts[0].outbox.setAway(true)
        world.inventoryStore.gate.open()
        world.run()
        #expect(world.cartStore.events[CartID(of: ann)]?.count == 2)
        world.carts[0].kill()
        world.startCarts().log.assign(all)
        world.pass(.seconds(1))
        #expect(world.outcomes(of: id("r1")).map(\.replyPartition) == [7])
        #expect(
            world.topics.cartEvents.map(\.type)
                == ["add-requested", "add-requested", "add-confirmed"])
    }

    @Test func `what another owner wrote meanwhile is seen after a fence`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        let other = try #require(
            (0..<100).map { user("u\($0)") }.first { partition(of: $0) == partition(of: ann) })
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.ask(.of(other, "r1", .add(drill, quantity: 3)))
        world.run()
        world.cartStore.raise(partition(of: ann))
        try world.writeOn(ann)
        try world.writeOn(other)
        world.ask(.of(ann, "c", .check))
        world.pass(.seconds(10))
        world.ask(.of(other, "c", .check))
        world.run()
        let versions = world.topics.responses.filter { $0.requestID == id("c") }
            .map(\.cartVersion)
        #expect(versions == [2, 2])
    }

    @Test
    func `a new owner publishes what was stored between its reading of the log and its fence`()
        throws
    {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        let first = world.carts[0]
        let mine = partition(of: ann)
        let second = world.startCarts()
        // The next owner has looked where the log ends, or has yet to.
        world.cartStore.readGate.close()
        second.log.assign([mine])
        world.run()
        first.outbox.setAway(true)
        world.ask(.of(ann, "r1", .remove(drill, quantity: 1)))
        first.keep(Cart(cartID: CartID(of: ann)), partition: mine, world)
        world.run()
        #expect(world.cartStore.events[CartID(of: ann)]?.count == 1)
        first.kill()
        world.cartStore.readGate.open()
        world.pass(.seconds(1))
        #expect(world.outcomes(of: id("r1")).map(\.reason).contains(.notInCart))
        #expect(world.topics.cartEvents.map(\.type) == ["rejected"])
    }

    @Test func `what is stored as its partition goes is not remembered`() throws {
        let world = World.running()
        world.inventoryStore.gate.close()
        world.cartStore.afterAppendGate.close()
        world.ask(.of(ann, "r1", .add(drill, quantity: 1)))
        world.pass(.seconds(5))
        world.carts[0].log.lose([partition(of: ann)])
        world.run()
        world.cartStore.afterAppendGate.open()
        world.run()
        #expect(world.carts[0].inspect { $0.owed.isEmpty && $0.carts.isEmpty })
        #expect(world.cartStore.obligations.count == 1)
    }

    @Test func `a partition that is lost while it is drained hangs nobody`() throws {
        let world = World.running()
        world.cartStore.appendGate.close()
        world.ask(.of(ann, "r1", .check))
        world.run()
        world.carts[0].log.revoke(all)
        world.run()
        let engine = world.carts[0].engine
        engine.assumeIsolated { $0.release([0, 1, 2, 3]) }
        world.run()
        #expect(world.carts[0].log.revocationsCompleted == 1)
        world.cartStore.appendGate.open()
        world.run()
    }

    @Test func `a service that is told to stop finishes and ends`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.ask(.of(bob, "r2", .remove(drill, quantity: 3)))
        let first = world.carts[0]
        first.stop(world)
        world.pass(.seconds(1))
        #expect(first.ended.isRaised)
        world.startCarts().log.assign(all)
        world.pass(.seconds(10))
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(world.outcomes(of: id("r2")).map(\.reason).contains(.notInCart))
        try world.checkQuiet()
    }

    @Test(arguments: ["store", "log"])
    func `a service that is cancelled ends, whatever is away, and commits nothing unfinished`(
        away: String
    ) throws {
        let world = World.running()
        let first = world.carts[0]
        if away == "store" { world.cartStore.setAway(true) } else { first.outbox.setAway(true) }
        world.ask(.of(ann, "r1", .remove(drill, quantity: 3)))
        world.pass(.seconds(1))
        first.log.revoke([partition(of: ann)])
        first.task.cancel()
        world.run()
        #expect(first.ended.isRaised)
        #expect(world.topics.cartRequests.committed[partition(of: ann)] ?? 0 == 0)
    }
}
