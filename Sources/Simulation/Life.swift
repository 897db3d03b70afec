import CartDomain
import CartService
import InventoryService
import Messages
import Synchronization

/// A random life of the suite in memory: one seed draws the workload, the faults and every order.
///
/// At its end the faults stop, gateways ask again for what was not answered, and all comes to rest.
final class Life {
    let world: World
    let trace: Trace
    let history: History
    private var random: SeededGenerator
    let variant: Variant?
    private let users = (0..<5).map { user("user\($0)") }
    private let products = (0..<3).map { product("P\($0)") }
    let holdsFor: Duration
    /// The partition's owner among the cart instances.
    private var owners: [Int: Int] = [:]
    private var inventoryOwners: [Int: Int] = [:]
    /// Owners that were deposed and do not know it yet.
    var zombies: [(instance: Int, partition: Int)] = []
    private(set) var stepCount = 0
    var violations: [String] = []
    /// How many responses were heard.
    private var heardCount = 0

    init(seed: UInt64, variant: Variant?, isTraced: Bool) {
        self.variant = variant
        random = SeededGenerator(seed: seed)
        let clock = ManualClock()
        trace = Trace(clock, isOn: isTraced)
        holdsFor = random.oneIn(3) ? .seconds(20 + random.below(70)) : .seconds(15 * 60)
        let skew = Duration.milliseconds(random.below(8_000) - 4_000)
        world = World(
            seed: seed, variant: variant, clock: clock, trace: trace, databaseSkew: skew)
        history = History(holdsLast: holdsFor > .seconds(600))
        for product in products { stock(product, 3 + random.below(30)) }
        world.cartStore.state.withLock { state in
            state.refuses = { append in append.events.contains { $0.requestID.text.first == "b" } }
        }
        for _ in 0..<2 {
            startCarts()
            startInventory()
        }
        for partition in 0..<World.partitionCount {
            give(partition, to: random.below(2))
            inventoryOwners[partition] = random.below(2)
            world.inventories[inventoryOwners[partition] ?? 0].log.assign([partition])
        }
    }

    /// Ends all processes, so that nothing of the life stays in memory.
    func end() {
        for instance in world.carts { instance.kill() }
        for instance in world.inventories { instance.kill() }
        world.cartStore.openGates()
        world.inventoryStore.gate.open()
        world.run()
    }

    private func startCarts() {
        let skew = Duration.milliseconds(random.below(6_000) - 3_000)
        world.startCarts(batchMax: 1 + random.below(20), skew: skew) { configuration in
            configuration.cartsMax = 3
            configuration.idleFor = .seconds(30)
            configuration.snapshotEvery = 1 + random.below(12)
            configuration.messagesWaitingMax = 40
            configuration.tick = .seconds(1)
            configuration.holdsFor = holdsFor
        }
    }

    private func startInventory() {
        world.startInventory(batchMax: 1 + random.below(20)) { configuration in
            configuration.tick = .seconds(1)
            configuration.sweepEvery = .seconds(2)
            configuration.holdsFor = holdsFor
        }
    }

    /// Lives through so many steps, and to the end.
    func live(steps: Int) {
        for _ in 0..<steps {
            stepCount += 1
            step()
            if !random.oneIn(3) { world.executor.run(jobsMax: random.below(40)) }
            if random.oneIn(4) { world.pass(.milliseconds(random.below(3_000))) }
            replaceDead()
            listen()
            violations = world.inventoryStore.inconsistencies
            if !violations.isEmpty { return }
        }
        heal()
    }

    private func step() {
        switch random.below(60) {
        case 0: fail("append done, answer lost", world.cartStore.failNext(.unavailableAfterCommit))
        case 1: fail("append not done", world.cartStore.failNext(nil, .unavailable))
        case 2: fail("append done late", world.cartStore.failNext(.unavailableBeforeCommit))
        case 3:
            fail(
                "transaction done, answer lost",
                world.inventoryStore.failNext(.unavailableAfterCommit))
        case 4: fail("transaction not done", world.inventoryStore.failNext(nil, .unavailable))
        case 5: toggle("cart store away", world.cartStore.setAway)
        case 6: toggle("inventory store away", world.inventoryStore.setAway)
        case 7: toggle("log away from a cart service", anyCarts().outbox.setAway)
        case 8: toggle("log away from an inventory service", anyInventory().outbox.setAway)
        case 9: fail("locks away or back", world.locks.state.withLock { $0.isAway.toggle() })
        case 10:
            let count = random.below(4)
            fail("stale tokens", world.locks.state.withLock { $0.staleTokens = count })
        case 11: moveByConsent()
        case 12: moveByForce()
        case 13, 14: wakeZombies()
        case 15: moveInventory()
        case 16:
            fail("epoch raised", world.cartStore.raise(random.below(World.partitionCount)))
        case 17, 18, 19: repeatRequest()
        case 20, 21, 22: repeatInventoryTraffic()
        case 23: dieSoon()
        case 24: crashCarts(random.below(world.carts.count))
        case 25: crashInventory(random.below(world.inventories.count))
        case 26, 27: restock()
        case 28: reuseRequestID()
        case 29, 30: loseMessages()
        case 31: pauseCarts()
        case 32: pauseInventory()
        case 33: toggle("offsets not committed", anyCarts().log.failCommits)
        default: sendRequest()
        }
    }

    private func fail(_ name: String, _ strike: @autoclosure () -> Void) {
        trace.fault(name)
        strike()
    }

    private func toggle(_ name: String, _ setAway: (Bool) -> Void) {
        let isAway = random.oneIn(2)
        if isAway { trace.fault(name) } else { trace.note("over     \(name)") }
        setAway(isAway)
    }

    // MARK: The workload

    private func sendRequest() {
        let userID = users[random.below(users.count)]
        let code = products[random.below(products.count)]
        // The same IDs in every cart: a request is known by its cart and its ID.
        var requestID = "q\(history.count(of: userID))"
        let line = LineID(code, storeID: random.oneIn(4) ? StoreID("S1") : nil)
        let action: CartRequest.Action
        switch random.below(30) {
        case 0, 1: action = .check
        case 2, 3: action = .remove(code, quantity: nil)
        case 4...8: action = .remove(code, quantity: 1 + random.below(4))
        case 9:
            requestID = "b" + requestID
            action = .remove(code, quantity: 1)
        case 10: action = .command(RemoveLine(line))
        case 11, 12: action = .command(SetQuantity(line, quantity: random.below(9)))
        case 13, 14: action = .command(randomReplacement())
        case 15, 16:
            let other = users[random.below(users.count)]
            action = .command(MergeCart.from(CartID(of: other)))
        case 17: action = .command(randomDelivery())
        case 18: action = .command(AddItem(line, quantity: 1 + random.below(7)))
        default: action = .add(code, quantity: 1 + random.below(7))
        }
        ask(CartRequest.of(userID, requestID, action, replyPartition: random.below(3)))
    }

    private func randomReplacement() -> ReplaceItems {
        var items: [ReplaceItems.Item] = []
        for product in products where random.oneIn(2) {
            items.append(
                ReplaceItems.Item(
                    LineID(product), quantity: random.below(6),
                    country: random.oneIn(3) ? pickupPoint.country : nil))
        }
        return ReplaceItems(items)
    }

    private func randomDelivery() -> any CartCommand {
        switch random.below(4) {
        case 0: RemoveDelivery(1 + random.below(3))
        case 1: SetPickupPoint(1 + random.below(3), pickupPoint)
        default: AddDelivery(FakeOffers.delivery)
        }
    }

    private func ask(_ request: CartRequest) {
        history.ask(request)
        world.ask(request)
    }

    private func repeatRequest() {
        guard variant != .noRepeats, var request = history.any(&random) else { return }
        request.replyPartition = random.below(3)
        ask(request)
    }

    /// An ID that was used before, for something else: refused, and nothing changes.
    private func reuseRequestID() {
        guard var request = history.anyAnswered(&random) else { return }
        guard let command = request.command, request.requestID.text.first != "b" else { return }
        let quantity = (command as? AddItem)?.quantity ?? 0
        request.action = .add(products[0], quantity: quantity + 1)
        history.noteReuse(request)
        world.ask(request)
    }

    private func restock() {
        let code = products[random.below(products.count)]
        let wanted = random.below(40)
        let held = world.inventoryStore.held(of: code)
        stock(code, variant == .stockBelowHeld ? wanted : max(held, wanted))
    }

    private func stock(_ code: ProductCode, _ quantity: Int) {
        trace.note("stock    \(code.text) \(quantity)")
        history.noteStock(code, quantity)
        world.inventoryStore.stock(code, quantity, fence: world.inventoryStore.fence(of: code))
    }

    private func repeatInventoryTraffic() {
        trace.fault("message delivered again")
        if let request = world.topics.inventoryRequests.any(&random) { world.topics.ask(request) }
        if let response = world.topics.inventoryResponses.any(&random) {
            world.topics.answer(response)
        }
    }

    private func loseMessages() {
        let oneIn = random.oneIn(2) ? 1 + random.below(4) : nil
        let seed = random.next()
        if oneIn == nil {
            trace.note("over     messages lost")
        } else {
            trace.fault("messages lost")
        }
        switch random.below(3) {
        case 0: world.topics.cartRequests.lose(oneIn: oneIn, seed: seed)
        case 1: world.topics.inventoryRequests.lose(oneIn: oneIn, seed: seed)
        default: world.topics.inventoryResponses.lose(oneIn: oneIn, seed: seed)
        }
    }

    // MARK: Rebalances

    private func anyCarts() -> CartInstance { world.carts[random.below(world.carts.count)] }
    private func anyInventory() -> InventoryInstance {
        world.inventories[random.below(world.inventories.count)]
    }

    private func give(_ partition: Int, to instance: Int) {
        owners[partition] = instance
        // Should the new owner still be a zombie of that partition, it first hears of its loss.
        if let index = zombies.firstIndex(where: { $0 == (instance, partition) }) {
            zombies.remove(at: index)
            world.carts[instance].log.lose([partition])
        }
        if random.oneIn(4) { rollBack(partition) }
        trace.note(
            "assigned carts' partition \(partition) to \(world.carts[instance].process.name)")
        world.carts[instance].log.assign([partition])
    }

    /// Offsets that a group commits may get lost: their messages come again.
    private func rollBack(_ partition: Int) {
        trace.fault("offsets gone back")
        let requests = world.topics.cartRequests
        requests.commit([partition: random.below(1 + (requests.committed[partition] ?? 0))])
        let answers = world.topics.inventoryResponses
        answers.commit([partition: random.below(1 + (answers.committed[partition] ?? 0))])
    }

    private func moveByConsent() {
        let partition = random.below(World.partitionCount)
        guard let owner = owners[partition], !world.carts[owner].process.isPaused else { return }
        trace.fault("partition moved")
        let (log, process) = (world.carts[owner].log, world.carts[owner].process)
        let before = log.revocationsCompleted
        log.revoke([partition])
        world.run()
        var patience = 0
        while log.revocationsCompleted == before, !process.isDead, patience < 50 {
            world.pass(.seconds(1))
            patience += 1
        }
        if log.revocationsCompleted == before, !process.isDead {
            // All hands wait for the store or the log, and the reader for them.
            world.cartStore.setAway(false)
            world.carts[owner].outbox.setAway(false)
            world.pass(.seconds(20))
        }
        if process.isDead { return replaceDead() }
        if log.revocationsCompleted != before + 1 {
            world.problems.append("a revocation does not come to its end")
        }
        give(partition, to: random.below(2))
    }

    /// The group gives a partition to another member while its owner is cut off from it.
    private func moveByForce() {
        let partition = random.below(World.partitionCount)
        guard let owner = owners[partition] else { return }
        trace.fault("partition taken by force")
        zombies.append((owner, partition))
        give(partition, to: 1 - owner)
    }

    /// A process stands still for longer than its session: others take over.
    private func pauseCarts() {
        let index = random.below(2)
        guard !world.carts.contains(where: \.process.isPaused) else { return }
        trace.fault("cart service paused", world.carts[index].process.name)
        world.carts[index].process.pause()
        for (partition, owner) in owners.sorted(by: { $0.key < $1.key }) where owner == index {
            zombies.append((index, partition))
            give(partition, to: 1 - index)
        }
    }

    private func pauseInventory() {
        let index = random.below(2)
        guard !world.inventories.contains(where: \.process.isPaused) else { return }
        trace.fault("inventory service paused", world.inventories[index].process.name)
        world.inventories[index].process.pause()
        for (partition, owner) in inventoryOwners.sorted(by: { $0.key < $1.key })
        where owner == index {
            world.inventories[index].log.lose([partition])
            giveInventory(partition, to: 1 - index)
        }
    }

    func wakeZombies() {
        for instance in world.inventories where instance.process.isPaused {
            trace.note("over     inventory service paused")
            instance.process.resume()
        }
        for instance in world.carts where instance.process.isPaused {
            trace.note("over     cart service paused")
            instance.process.resume()
            // What it had in hand goes on before it hears of its loss.
            world.executor.run(jobsMax: random.below(60))
        }
        for zombie in zombies { world.carts[zombie.instance].log.lose([zombie.partition]) }
        zombies = []
    }

    /// A process will die in the midst of what it does, before or after an effect.
    private func dieSoon() {
        let process = random.oneIn(2) ? anyCarts().process : anyInventory().process
        process.killAfter(steps: 1 + random.below(20))
    }

    private func replaceDead() {
        for (index, instance) in world.carts.enumerated() where instance.process.isDead {
            crashCarts(index)
        }
        for (index, instance) in world.inventories.enumerated() where instance.process.isDead {
            crashInventory(index)
        }
    }

    /// A process ends as by `kill -9`, and another starts in its place.
    private func crashCarts(_ index: Int) {
        trace.fault("cart service killed", world.carts[index].process.name)
        world.carts[index].kill()
        world.cartStore.loseUnflushed()
        zombies.removeAll { $0.instance == index }
        startCarts()
        world.carts.swapAt(index, world.carts.count - 1)
        world.carts.removeLast()
        for (partition, owner) in owners.sorted(by: { $0.key < $1.key }) where owner == index {
            give(partition, to: random.below(2))
        }
    }

    private func crashInventory(_ index: Int) {
        trace.fault("inventory service killed", world.inventories[index].process.name)
        world.inventories[index].kill()
        startInventory()
        world.inventories.swapAt(index, world.inventories.count - 1)
        world.inventories.removeLast()
        for partition in inventoryOwners.filter({ $0.value == index }).keys.sorted() {
            giveInventory(partition, to: index)
        }
    }

    private func moveInventory() {
        let partition = random.below(World.partitionCount)
        guard let owner = inventoryOwners[partition] else { return }
        trace.fault("inventory partition moved")
        if random.oneIn(2) {
            world.inventories[owner].log.lose([partition])
            if random.oneIn(2) { world.run() }
        } else {
            world.inventories[owner].log.revoke([partition])
            world.run()
        }
        giveInventory(partition, to: 1 - owner)
    }

    private func giveInventory(_ partition: Int, to instance: Int) {
        inventoryOwners[partition] = instance
        let requests = world.topics.inventoryRequests
        if random.oneIn(3) {
            trace.fault("offsets gone back")
            requests.commit([partition: random.below(1 + (requests.committed[partition] ?? 0))])
        }
        trace.note(
            "assigned stock's partition \(partition) to \(world.inventories[instance].process.name)"
        )
        world.inventories[instance].log.assign([partition])
    }

    /// Takes note of what gateways were told since.
    func listen() {
        let responses = world.topics.responses
        for response in responses.dropFirst(heardCount) { history.hear(response) }
        heardCount = responses.count
    }
}
