import CartDomain
import Messages
import Synchronization
import Testing

@testable import CartService
@testable import Simulation

@Suite struct CartServiceFaultTests {
    @Test func `requests wait for a store that is away, and are answered when it is back`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.cartStore.setAway(true)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.pass(.seconds(60))
        #expect(world.outcomes(of: id("r1")) == [])
        world.cartStore.setAway(false)
        world.pass(.seconds(10))
        #expect(world.outcome(of: id("r1")) == .accepted)
        try world.checkQuiet()
    }

    @Test(arguments: [
        FakeCartStore.Fault.unavailableAfterCommit, .unavailableBeforeCommit, .unavailable,
    ])
    func `an add whose commit is unknown counts once, and its ask is not forgotten`(
        fault: FakeCartStore.Fault
    ) throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.cartStore.failNext(fault)
        // The early ask is lost too: only the obligation is left to bring it.
        world.carts[0].outbox.loseInventoryRequests(true)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.pass(.seconds(1))
        world.carts[0].outbox.loseInventoryRequests(false)
        world.pass(.seconds(30))
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(world.inventoryStore.held(of: drill) == 3)
        try world.checkQuiet()
    }

    @Test func `an answer whose commit is unknown reaches its askers and watchers`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "w", .watch(since: 0), replyPartition: 9))
        world.run()
        world.cartStore.failNext(nil, .unavailableAfterCommit)
        world.inventoryStore.gate.close()
        world.ask(.of(ann, "r1", .add(drill, quantity: 3), replyPartition: 7))
        world.run()
        world.ask(.of(ann, "r1", .add(drill, quantity: 3), replyPartition: 8))
        world.run()
        world.inventoryStore.gate.open()
        world.pass(.seconds(1))
        #expect(world.outcomes(of: id("r1")).map(\.replyPartition) == [7, 8])
        #expect(
            world.topics.responses.contains {
                if case .changed(let cart) = $0.content { cart.lines.count == 1 } else { false }
            })
        world.pass(.seconds(30))
        try world.checkQuiet()
    }

    @Test func `a removal whose commit is unknown is carried out once`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        world.cartStore.failNext(.unavailableAfterCommit)
        world.carts[0].outbox.loseInventoryRequests(true)
        world.ask(.of(ann, "r2", .remove(drill, quantity: 1)))
        world.pass(.seconds(1))
        world.carts[0].outbox.loseInventoryRequests(false)
        world.pass(.seconds(30))
        #expect(world.outcome(of: id("r2")) == .accepted)
        #expect(world.inventoryStore.held(of: drill) == 2)
        try world.checkQuiet()
    }

    @Test func `a history that moved on is read again and decided again`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        // Somebody wrote the history on, as after a commit that nobody heard of.
        try world.writeOn(ann)
        world.ask(.of(ann, "r2", .remove(drill, quantity: 1)))
        world.pass(.seconds(1))
        #expect(world.outcome(of: id("r2")) == .accepted)
        #expect(try world.cart(of: ann).version == 3)
        #expect(world.inventoryStore.held(of: drill) == 2)
        #expect(world.cartStore.violations == [])
    }

    @Test func `a message that the store refuses is set aside alone, and its asker is told`() throws
    {
        let world = World.running()
        world.inventoryStore.stock(drill, 100)
        world.cartStore.state.withLock { state in
            state.refuses = { $0.events.contains { $0.requestID == id("bad") } }
        }
        for index in 0..<9 {
            world.ask(.of(user("u\(index)"), "r\(index)", .add(drill, quantity: 1)))
            world.ask(.of(ann, "a\(index)", .add(drill, quantity: 1)))
            if index == 4 { world.ask(.of(ann, "bad", .add(drill, quantity: 5))) }
        }
        world.pass(.seconds(60))
        for index in 0..<9 {
            #expect(world.outcome(of: id("r\(index)")) == .accepted)
            #expect(world.outcome(of: id("a\(index)")) == .accepted)
        }
        #expect(world.outcomes(of: id("bad")).map(\.reason) == [.failed])
        #expect(world.topics.deadLetters.map(\.topic) == [.cartRequest])
        // The ask that had left for it holds nothing in the end.
        #expect(world.inventoryStore.held(of: drill) == 18)
        try world.checkQuiet()
    }

    @Test
    func `an ask that left for a request which is then rejected is taken back, whatever is lost`()
        throws
    {
        let (kronor, euros) = (product("P1"), product("P2"))
        let world = World.running()
        world.inventoryStore.stock(kronor, 10)
        world.inventoryStore.stock(euros, 10)
        world.ask(.of(ann, "line", .add(kronor, quantity: 1)))
        world.run()
        // Together they are fine: the cart is empty when the add comes, whose ask leaves early. By itself,
        // as the removal cannot be stored, the add is in another currency than the line.
        world.cartStore.state.withLock { state in
            state.refuses = { $0.events.contains { $0.requestID == id("bad") } }
        }
        world.ask(.of(ann, "bad", .remove(kronor, quantity: nil)))
        world.ask(.of(ann, "add", .add(euros, quantity: 2)))
        var wasHeld = false
        for _ in 0..<200 where !wasHeld {
            _ = world.executor.run(jobsMax: 1)
            wasHeld = world.inventoryStore.held(of: euros) == 2
        }
        #expect(wasHeld)
        world.topics.inventoryRequests.lose(oneIn: 1)
        world.pass(.seconds(1))
        #expect(world.outcomes(of: id("add")).map(\.reason) == [.currencyMismatch])
        world.topics.inventoryRequests.lose(oneIn: nil)
        world.pass(.seconds(60))
        #expect(world.inventoryStore.held(of: euros) == 0)
        try world.checkQuiet()
    }

    @Test func `what cannot be read is set aside and holds up no other`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        let key = CartID(of: ann).utf8
        world.topics.cartRequests.append(Array("{\"type\":".utf8), key: key)
        world.topics.cartRequests.append([], key: [])
        world.topics.inventoryResponses.append([0xFF], key: key)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(world.topics.deadLetters.count == 3)
        world.pass(.seconds(1))
        #expect(world.topics.cartRequests.committed[partition(of: ann)] ?? 0 >= 2)
    }

    @Test(arguments: [-1, 1_000, Int.max, Int.min])
    func `who wants to be answered where nothing is, is not answered, and holds up no other`(
        replyPartition: Int
    ) throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3), replyPartition: replyPartition))
        world.ask(.of(ann, "w1", .watch(since: 0), replyPartition: replyPartition))
        world.ask(.of(ann, "r2", .add(drill, quantity: 3)))
        world.run()
        #expect(world.inventoryStore.held(of: drill) == 6)
        #expect(world.outcomes(of: id("r1")) == [])
        #expect(world.outcome(of: id("r2")) == .accepted)
        #expect(world.topics.responses.allSatisfy { $0.replyPartition == 0 })
    }

    @Test func `a dead letter is never too long for its topic`() throws {
        let world = World.running()
        let long = String(repeating: "x", count: 900_000)
        let key = CartID(of: ann).utf8
        world.topics.cartRequests.append(Array("{\"type\":\"\(long)\"}".utf8), key: key)
        world.topics.inventoryRequests.append(Array("{\"type\":\"\(long)\"}".utf8), key: key)
        world.run()
        #expect(world.topics.deadLetters.count == 2)
        for letter in world.topics.deadLetters {
            #expect(letter.reason.utf8.count + letter.raw.value.count < 600_000)
        }
    }

    @Test func `a request in another partition than its cart's is refused`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        let wrong = (partition(of: ann) + 1) % World.partitionCount
        let request = CartRequest.of(ann, "r1", .add(drill, quantity: 3))
        world.topics.cartRequests.append(
            request.encoded(), key: request.cartID.utf8, replyPartition: 4, partition: wrong)
        world.run()
        #expect(world.outcomes(of: id("r1")).map(\.reason) == [.failed])
        #expect(world.topics.deadLetters.count == 1)
        #expect(world.cartStore.events == [:])
    }

    @Test func `nothing is answered before it is stored`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        world.cartStore.appendGate.close()
        world.ask(.of(ann, "r2", .remove(drill, quantity: 1)))
        world.ask(.of(ann, "c", .check))
        world.run()
        #expect(world.outcomes(of: id("r2")) == [])
        #expect(world.outcomes(of: id("c")) == [])
        #expect(world.inventoryStore.held(of: drill) == 3)
        world.cartStore.appendGate.open()
        world.run()
        #expect(world.outcome(of: id("r2")) == .accepted)
        #expect(world.outcome(of: id("c")) == .accepted)
        #expect(world.inventoryStore.held(of: drill) == 2)
    }

    @Test func `what the log does not take is sent again, and only then committed`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.carts[0].outbox.setAway(true)
        world.ask(.of(ann, "r1", .remove(drill, quantity: 1)))
        world.pass(.seconds(5))
        #expect(world.topics.cartRequests.committed[partition(of: ann)] ?? 0 == 0)
        world.carts[0].outbox.setAway(false)
        world.pass(.seconds(10))
        #expect(world.outcomes(of: id("r1")).map(\.reason) == [.notInCart])
        #expect(world.topics.cartRequests.committed[partition(of: ann)] == 1)
    }

    @Test func `commits that fail are made up for`() throws {
        let world = World.running()
        world.carts[0].log.failCommits(true)
        world.ask(.of(ann, "r1", .check))
        world.pass(.seconds(1))
        world.carts[0].log.failCommits(false)
        world.pass(.seconds(1))
        #expect(world.topics.cartRequests.committed[partition(of: ann)] == 1)
    }

    @Test func `while the store is away no more is read than may wait`() throws {
        let world = World()
        world.startInventory().log.assign([0, 1, 2, 3])
        let carts = world.startCarts(batchMax: 10) { $0.messagesWaitingMax = 50 }
        carts.log.assign([0, 1, 2, 3])
        world.run()
        world.cartStore.setAway(true)
        for index in 0..<1_000 { world.ask(.of(ann, "c\(index)", .check)) }
        world.pass(.seconds(30))
        let waiting = carts.inspect { $0.mailboxes.waitingCount }
        #expect(waiting > 40 && waiting <= 70)
        world.cartStore.setAway(false)
        world.pass(.seconds(30))
        for index in 0..<1_000 { #expect(world.outcome(of: id("c\(index)")) == .accepted) }
    }

    @Test func `an add that is asked again after a thousand others still counts once`() throws {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "first", .add(drill, quantity: 1)))
        world.run()
        for index in 0..<1_100 { world.ask(.of(ann, "d\(index)", .remove(saw, quantity: 1))) }
        world.run()
        world.topics.forgetResponses()
        world.ask(.of(ann, "first", .add(drill, quantity: 1)))
        world.ask(.of(ann, "first", .lookup, replyPartition: 3))
        world.ask(.of(ann, "d0", .remove(saw, quantity: 2)))
        world.run()
        #expect(world.outcome(of: id("first")) == .accepted)
        #expect(world.outcomes(of: id("first")).count == 2)
        #expect(world.outcomes(of: id("d0")).map(\.reason) == [.requestIDReused])
        #expect(world.inventoryStore.held(of: drill) == 1)
    }

    @Test func `a request that is forgotten within the very turn that repeats it counts once`()
        throws
    {
        let world = World.running()
        world.inventoryStore.stock(drill, 10)
        world.ask(.of(ann, "first", .add(drill, quantity: 1)))
        world.run()
        for index in 0..<990 { world.ask(.of(ann, "d\(index)", .remove(saw, quantity: 1))) }
        world.run()
        // The first request is remembered when this turn begins and forgotten when it comes again.
        world.cartStore.appendGate.close()
        world.ask(.of(ann, "c", .check))
        world.run()
        for index in 0..<60 { world.ask(.of(ann, "e\(index)", .remove(saw, quantity: 1))) }
        world.ask(.of(ann, "first", .add(drill, quantity: 1), replyPartition: 8))
        world.run()
        world.cartStore.appendGate.open()
        world.run()
        #expect(world.inventoryStore.held(of: drill) == 1)
        #expect(try world.cart(of: ann).view.lines.map(\.quantity) == [1])
        #expect(world.outcomes(of: id("first")).map(\.replyPartition) == [0, 8])
        #expect(world.outcome(of: id("first")) == .accepted)
    }

    @Test func `carts that are not in use leave memory and come back as they were`() throws {
        let world = World()
        world.startInventory().log.assign([0, 1, 2, 3])
        let carts = world.startCarts { $0.cartsMax = 10 }
        carts.log.assign([0, 1, 2, 3])
        world.inventoryStore.stock(drill, 1_000)
        for index in 0..<100 {
            world.ask(.of(user("u\(index)"), "r1", .add(drill, quantity: index % 3 + 1)))
        }
        world.pass(.seconds(1))
        #expect(carts.inspect { $0.carts.count } <= 10)
        for index in 0..<100 {
            world.ask(.of(user("u\(index)"), "r2", .remove(drill, quantity: index % 3 + 1)))
        }
        world.pass(.seconds(60))
        #expect(world.inventoryStore.held(of: drill) == 0)
        try world.checkQuiet()
    }
}
