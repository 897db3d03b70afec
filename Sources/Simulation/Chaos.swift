import CartDomain
import CartService
import InventoryDomain
import Messages
import Synchronization

/// A random life of the suite in memory: one seed draws the workload, the faults and every order.
final class Chaos {
    let world: World
    private var random: SeededGenerator
    private let users = (0..<6).map { user("user\($0)") }
    private let products = (0..<3).map { product("P\($0)") }
    /// Every request that was sent, as it was first sent.
    private(set) var sent: [CartRequest] = []
    /// The partition's owner among the cart instances.
    private var owners: [Int: Int] = [:]
    private var inventoryOwners: [Int: Int] = [:]
    /// Owners that were deposed and do not know it yet.
    private var zombies: [(instance: Int, partition: Int)] = []
    /// The first final status that was told of each request.
    private var told: [CartRequestKey: RequestStatus] = [:]
    private var toldCount = 0
    private(set) var contradictions: [String] = []

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        world = World(seed: seed)
        for product in products { world.inventoryStore.stock(product, 3 + random.below(30)) }
        for _ in 0..<2 {
            let batchMax = 1 + random.below(20)
            world.startCarts(batchMax: batchMax) { configuration in
                configuration.cartsMax = 4
                configuration.snapshotEvery = 5
                configuration.messagesWaitingMax = 40
            }
            world.startInventory(batchMax: batchMax)
        }
        for partition in 0..<World.partitionCount {
            give(partition, to: random.below(2))
            inventoryOwners[partition] = random.below(2)
            world.inventories[inventoryOwners[partition] ?? 0].log.assign([partition])
        }
    }

    func live(steps: Int) {
        for _ in 0..<steps {
            step()
            if !random.oneIn(3) { world.executor.run(jobsMax: random.below(40)) }
            if random.oneIn(4) { world.pass(.milliseconds(random.below(3_000))) }
            listen()
        }
        heal()
    }

    private func step() {
        switch random.below(36) {
        case 0: world.cartStore.failNext(.unavailableAfterCommit)
        case 1: world.cartStore.failNext(nil, .unavailable)
        case 22: world.cartStore.failNext(.unavailableBeforeCommit)
        case 2: world.inventoryStore.failNext(.unavailableAfterCommit)
        case 3: world.inventoryStore.failNext(nil, .unavailable)
        case 4: world.cartStore.setAway(random.oneIn(2))
        case 5: world.inventoryStore.setAway(random.oneIn(2))
        case 6: anyCarts().outbox.setAway(random.oneIn(3))
        case 7: anyCarts().outbox.loseInventoryRequests(random.oneIn(3))
        case 8: anyInventory().outbox.setAway(random.oneIn(3))
        case 9: world.locks.state.withLock { $0.isAway.toggle() }
        case 10: world.locks.state.withLock { [count = random.below(4)] in $0.staleTokens = count }
        case 11: moveByConsent()
        case 12: moveByForce()
        case 13: wakeZombies()
        case 14: moveInventory()
        case 15: world.cartStore.raise(random.below(World.partitionCount))
        case 16: repeatRequest()
        case 17: repeatInventoryTraffic()
        case 18: crashCarts()
        case 19: crashInventory()
        case 20: restock()
        case 21: reuseRequestID()
        default: sendRequest()
        }
    }

    // MARK: The workload

    private func sendRequest() {
        let userID = users[random.below(users.count)]
        let code = products[random.below(products.count)]
        let action: CartRequest.Action =
            switch random.below(10) {
            case 0: .check
            case 1: .remove(code, quantity: nil)
            case 2...4: .remove(code, quantity: 1 + random.below(4))
            default: .add(code, quantity: 1 + random.below(7))
            }
        let request = CartRequest.of(
            userID, "q\(sent.count)", action, replyPartition: random.below(3))
        sent.append(request)
        world.ask(request)
    }

    private func repeatRequest() {
        guard !sent.isEmpty else { return }
        var request = sent[random.below(sent.count)]
        request.replyPartition = random.below(3)
        world.ask(request)
    }

    /// An ID that was used before, for something else: refused, and nothing changes.
    private func reuseRequestID() {
        guard !sent.isEmpty else { return }
        var request = sent[random.below(sent.count)]
        switch request.action {
        case .add(let code, let quantity): request.action = .add(code, quantity: quantity + 1)
        case .remove(let code, _): request.action = .add(code, quantity: 1)
        case .check, .lookup, .watch: return
        }
        world.ask(request)
    }

    private func restock() {
        let code = products[random.below(products.count)]
        world.inventoryStore.stock(
            code, max(world.inventoryStore.held(of: code), random.below(40)),
            fence: world.inventoryStore.fence(of: code))
    }

    private func repeatInventoryTraffic() {
        let requests = world.topics.inventoryRequests.values
        if !requests.isEmpty { world.topics.ask(requests[random.below(requests.count)]) }
        let responses = world.topics.inventoryResponses.values
        if !responses.isEmpty { world.topics.answer(responses[random.below(responses.count)]) }
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
        world.carts[instance].log.assign([partition])
    }

    private func moveByConsent() {
        let partition = random.below(World.partitionCount)
        guard let owner = owners[partition] else { return }
        let log = world.carts[owner].log
        let before = log.revocationsCompleted
        log.revoke([partition])
        world.run()
        var patience = 0
        while log.revocationsCompleted == before, patience < 100 {
            world.pass(.milliseconds(500))
            patience += 1
        }
        if log.revocationsCompleted == before {
            // All hands wait for the store or the log, and the reader for them.
            world.cartStore.setAway(false)
            world.carts[owner].outbox.setAway(false)
            world.pass(.seconds(20))
        }
        if log.revocationsCompleted != before + 1 {
            world.problems.append("a revocation does not come to its end")
        }
        give(partition, to: random.below(2))
    }

    /// The group gives a partition to another member while its owner is paused or cut off.
    private func moveByForce() {
        let partition = random.below(World.partitionCount)
        guard let owner = owners[partition] else { return }
        zombies.append((owner, partition))
        give(partition, to: 1 - owner)
    }

    private func wakeZombies() {
        for zombie in zombies { world.carts[zombie.instance].log.lose([zombie.partition]) }
        zombies = []
    }

    /// A process ends as by `kill -9`, and another starts in its place.
    private func crashCarts() {
        let index = random.below(world.carts.count)
        let dead = world.carts[index]
        dead.kill()
        zombies.removeAll { $0.instance == index }
        world.startCarts(batchMax: 1 + random.below(20)) { $0.messagesWaitingMax = 40 }
        world.carts.swapAt(index, world.carts.count - 1)
        world.carts.removeLast()
        for (partition, owner) in owners.sorted(by: { $0.key < $1.key }) where owner == index {
            give(partition, to: random.below(2))
        }
    }

    private func crashInventory() {
        let index = random.below(world.inventories.count)
        world.inventories[index].kill()
        world.startInventory(batchMax: 1 + random.below(20))
        world.inventories.swapAt(index, world.inventories.count - 1)
        world.inventories.removeLast()
        let mine = inventoryOwners.filter { $0.value == index }.keys.sorted()
        world.inventories[index].log.assign(mine)
    }

    private func moveInventory() {
        let partition = random.below(World.partitionCount)
        guard let owner = inventoryOwners[partition] else { return }
        if random.oneIn(2) {
            world.inventories[owner].log.lose([partition])
        } else {
            world.inventories[owner].log.revoke([partition])
        }
        world.run()
        inventoryOwners[partition] = 1 - owner
        world.inventories[1 - owner].log.assign([partition])
    }

    // MARK: The end

    private func heal() {
        world.cartStore.setAway(false)
        world.inventoryStore.setAway(false)
        world.cartStore.state.withLock { $0.faults = [] }
        world.inventoryStore.state.withLock { $0.faults = [] }
        world.locks.state.withLock { state in
            state.isAway = false
            state.staleTokens = 0
        }
        for instance in world.carts {
            instance.outbox.setAway(false)
            instance.outbox.loseInventoryRequests(false)
        }
        for instance in world.inventories { instance.outbox.setAway(false) }
        wakeZombies()
        world.pass(.seconds(180))
        // What was sent and not answered is asked again (rule L3).
        for request in sent { world.ask(request) }
        world.pass(.seconds(180))
        listen()
    }

    /// Notes what gateways were told; a request is never told two outcomes.
    private func listen() {
        let responses = world.topics.responses
        for response in responses.dropFirst(toldCount) {
            guard case .outcome(let requestID, let status, let reason, _, _) = response.content,
                status == .accepted || status == .rejected, reason != .requestIDReused
            else { continue }
            let key = CartRequestKey(cartID: response.cartID, requestID: requestID)
            if let first = told[key], first != status {
                contradictions.append("\(requestID) was \(first) and then \(status)")
            }
            told[key] = status
        }
        toldCount = responses.count
    }

    /// The requests that were never told how they ended.
    var unanswered: [RequestID] {
        sent.filter {
            told[CartRequestKey(cartID: $0.cartID, requestID: $0.requestID)] == nil
        }.map(\.requestID)
    }

    /// What clients were told that the carts did not come to.
    func outcomeViolations() throws -> [String] {
        var violations: [String] = []
        for userID in users {
            let cart = try world.cart(of: userID)
            for request in sent where request.userID == userID {
                let status = told[
                    CartRequestKey(cartID: request.cartID, requestID: request.requestID)]
                switch (request.action, cart.outcome(of: request.requestID)) {
                case (.check, _),
                    (_, .accepted) where status == .accepted:
                    break
                case (_, .rejected) where status == .rejected: break
                case (_, let outcome):
                    violations.append(
                        "\(request) was \(status, default: "untold"), is \(outcome, default: "unknown")"
                    )
                }
            }
        }
        return violations
    }
}
