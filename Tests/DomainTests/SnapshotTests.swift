import CartDomain
import Messages
import Synchronization
import Testing

@testable import CartService
@testable import Simulation

@Suite struct SnapshotTests {
    private func random(_ seed: UInt64) -> [CartEvent] {
        var generator = SeededGenerator(seed: seed)
        var cart = Cart(cartID: CartID(of: ann))
        var events: [CartEvent] = []
        func happen(_ event: CartEvent?) {
            guard let event else { return }
            cart.evolve(event)
            events.append(event)
        }
        for number in 0..<60 {
            let now = Timestamp(millis: number * 1_000)
            let code = Bool.random(using: &generator) ? drill : saw
            let open = cart.pending.randomElement(using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0, 1:
                let add = AddRequest.of(
                    code, Int.random(in: 1...5, using: &generator), replyPartition: number % 3)
                for event in (try? cart.decide(.add(id("r\(number)"), add), now: now)) ?? [] {
                    happen(event)
                }
            case 2:
                if let open {
                    happen(
                        cart.decide(
                            .held(quantity: open.request.quantity, name: "\"x\"\n"),
                            to: open.requestID, of: open.request.productCode, now: now))
                }
            case 3:
                let quantity = Int.random(in: 1...4, using: &generator)
                let command = Request.remove(id("r\(number)"), code, quantity: quantity)
                for event in (try? cart.decide(command, now: now)) ?? [] { happen(event) }
            default:
                if let item = cart.held.randomElement(using: &generator) {
                    let pieces = InventoryResponse.HeldPieces(
                        userID: ann, askQuantity: 9, quantity: item.quantity - number % 2)
                    let decision = cart.decide(
                        pieces, of: item.requestID, product: item.productCode,
                        isForgotten: false, now: now, lifetime: .seconds(20))
                    if case .event(let event) = decision { happen(event) }
                }
            }
        }
        return events
    }

    @Test(arguments: UInt64(1)...50)
    func `a cart from any snapshot and the later events is the cart from all events`(
        seed: UInt64
    ) throws {
        let events = random(seed)
        var whole = Cart(cartID: CartID(of: ann))
        var snapshots: [[UInt8]] = [whole.snapshot.encoded()]
        for event in events {
            whole.evolve(event)
            snapshots.append(whole.snapshot.encoded())
        }
        for (version, bytes) in snapshots.enumerated() {
            var cart = Cart(try CartSnapshot(decoding: bytes))
            for event in events.dropFirst(version) { cart.evolve(event) }
            #expect(cart.snapshot == whole.snapshot)
            #expect(cart.view == whole.view)
            // What it still knows of its requests is the same.
            for event in events.dropFirst(version) where event.settledRequests != [] {
                for requestID in event.settledRequests {
                    #expect(cart.outcome(of: requestID) == whole.outcome(of: requestID))
                }
            }
        }
    }

    @Test func `no truncation of a snapshot is taken for one`() {
        let bytes = Given(
            .adds("r1", drill, 3), .confirms("r1"), .adds("r2", saw, 2)
        ).cart.snapshot.encoded()
        for count in 0..<bytes.count {
            #expect(throws: MessageError.self) {
                try CartSnapshot(decoding: Array(bytes.prefix(count)))
            }
        }
    }

    @Test(arguments: [
        #"{}"#, #"{"cartID":"x","version":1,"held":[],"pending":[]}"#,
        #"{"cartID":"0082cf0b-6af3-5c47-998b-43703c2c3ccc","version":1,"held":[{}]}"#,
        #"{"cartID":"0082cf0b-6af3-5c47-998b-43703c2c3ccc","version":1,"pending":[{"requestID":"r"}]}"#,
        #"{"cartID":"0082cf0b-6af3-5c47-998b-43703c2c3ccc","version":1e99}"#,
    ])
    func `what is no snapshot is refused`(text: String) {
        #expect(throws: MessageError.self) { try CartSnapshot(decoding: Array(text.utf8)) }
    }
}

@Suite struct PassivationTests {
    private let all = Array(0..<World.partitionCount)

    private func world(
        _ change: @escaping (inout CartServiceConfiguration) -> Void
    ) -> World {
        let world = World()
        world.startInventory().log.assign(all)
        world.startCarts(change).log.assign(all)
        world.inventoryStore.stock(drill, 100)
        world.run()
        return world
    }

    private func isInMemory(_ world: World, _ userID: UserID) -> Bool {
        world.carts[0].inspect { $0.carts[CartID(of: userID)] != nil }
    }

    @Test func `a cart that nobody uses leaves memory, one that is used stays`() throws {
        let world = world { $0.idleFor = .seconds(60) }
        world.ask(.of(ann, "r1", .add(drill, quantity: 1)))
        world.ask(.of(bob, "b1", .add(drill, quantity: 1)))
        world.pass(.seconds(40))
        world.ask(.of(bob, "b2", .check))
        world.pass(.seconds(40))
        #expect(!isInMemory(world, ann))
        #expect(isInMemory(world, bob))
        world.ask(.of(ann, "r2", .add(drill, quantity: 2)))
        world.run()
        #expect(try world.cart(of: ann).heldPieces(of: drill) == 3)
        #expect(isInMemory(world, ann))
        try world.checkQuiet()
    }

    @Test func `when there are too many, the least recently used go first`() throws {
        let world = world { $0.cartsMax = 2 }
        for (index, userID) in [ann, bob, user("cid")].enumerated() {
            world.ask(.of(userID, "r\(index)", .check))
            world.pass(.seconds(1))
        }
        #expect(!isInMemory(world, ann))
        #expect(isInMemory(world, bob) && isInMemory(world, user("cid")))
    }

    @Test func `a request from before the snapshot gets its first outcome, by memory of the store`()
        throws
    {
        let world = world {
            $0.idleFor = .seconds(60)
            $0.snapshotEvery = 4
        }
        world.ask(.of(ann, "r1", .add(drill, quantity: 1)))
        world.ask(.of(ann, "r2", .add(saw, quantity: 1)))
        world.run()
        #expect(world.outcomes(of: id("r2")).map(\.reason) == [.unknownProduct])
        #expect(world.cartStore.state.withLock { $0.snapshots[CartID(of: ann)]?.version } == 4)
        world.pass(.seconds(70))
        #expect(!isInMemory(world, ann))

        world.ask(.of(ann, "r1", .add(drill, quantity: 1), replyPartition: 5))
        world.ask(.of(ann, "r2", .lookup, replyPartition: 6))
        world.ask(.of(ann, "r1", .add(drill, quantity: 2), replyPartition: 7))
        world.run()
        #expect(
            world.outcomes(of: id("r1")).filter { $0.replyPartition == 5 }.map(\.status)
                == [.accepted])
        #expect(
            world.outcomes(of: id("r1")).filter { $0.replyPartition == 7 }.map(\.reason)
                == [.requestIDReused])
        #expect(
            world.outcomes(of: id("r2")).filter { $0.replyPartition == 6 }.map(\.reason)
                == [.unknownProduct])
        #expect(try world.cart(of: ann).version == 4)
        try world.checkQuiet()
    }

    @Test func `an append that lands between two readings is no settled request`() throws {
        let world = world {
            $0.idleFor = .seconds(5)
            $0.snapshotEvery = 1
        }
        world.ask(.of(ann, "r0", .add(drill, quantity: 1)))
        world.pass(.seconds(20))
        #expect(!isInMemory(world, ann))
        world.cartStore.failNext(.unavailableBeforeCommit)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.run()
        // The next try reads the cart, then its append lands, then the next try looks up the request.
        world.cartStore.readGate.close()
        world.pass(.seconds(1))
        world.cartStore.landLate()
        world.cartStore.readGate.open()
        world.pass(.seconds(30))
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(try world.cart(of: ann).heldPieces(of: drill) == 4)
        try world.checkQuiet()
    }

    @Test func `what was pending in a snapshot is settled by its answer`() throws {
        let world = world {
            $0.idleFor = .seconds(5)
            $0.snapshotEvery = 1
        }
        world.carts[0].outbox.loseInventoryRequests(true)
        world.ask(.of(ann, "r1", .add(drill, quantity: 3)))
        world.pass(.seconds(20))
        #expect(!isInMemory(world, ann))
        world.carts[0].outbox.loseInventoryRequests(false)
        world.pass(.seconds(30))
        #expect(world.outcome(of: id("r1")) == .accepted)
        #expect(try world.cart(of: ann).heldPieces(of: drill) == 3)
        try world.checkQuiet()
    }
}

@Suite struct RecencyListTests {
    @Test(arguments: UInt64(1)...20)
    func `the oldest is the one that was not used for longest`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var list = RecencyList<Int>()
        var model: [(key: Int, usedAt: Int)] = []
        for now in 0..<500 {
            let key = Int.random(in: 0..<12, using: &generator)
            if Int.random(in: 0..<3, using: &generator) == 0 {
                list.remove(key)
                model.removeAll { $0.key == key }
            } else {
                list.use(key, at: Timestamp(millis: now))
                model.removeAll { $0.key == key }
                model.append((key, now))
            }
            #expect(list.oldest?.key == model.first?.key)
            #expect(list.oldest?.usedAt.millis == model.first?.usedAt)
        }
    }
}
